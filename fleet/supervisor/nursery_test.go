package supervisor_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/fleet/supervisor"
)

// nursery is a pool that only remembers, and a supervisor whose events can be waited for.
type nursery struct {
	*supervisor.Supervisor
	events chan supervisor.Event

	mu   sync.Mutex
	pool map[string]string
}

func (n *nursery) Add(_, replica, addr string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pool[replica] = addr
	return nil
}

func (n *nursery) leave(replica string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pool, replica)
}

func (n *nursery) addr(replica string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pool[replica]
}

// poolOf gives the supervisor the nursery's pool; its Remove is not the supervisor's.
type poolOf struct{ *nursery }

func (p poolOf) Add(service, replica, addr string) error {
	return p.nursery.Add(service, replica, addr)
}
func (p poolOf) Remove(_ context.Context, _, replica string) error {
	p.leave(replica)
	return nil
}

func newNursery(t *testing.T, change func(*supervisor.Options)) *nursery {
	t.Helper()
	n := &nursery{events: make(chan supervisor.Event, 1000), pool: map[string]string{}}
	opts := supervisor.Options{
		Pool: poolOf{n}, Logger: slog.New(slog.DiscardHandler),
		OnEvent: func(e supervisor.Event) { n.events <- e },
		Backoff: supervisor.Backoff{First: time.Millisecond, Max: 5 * time.Millisecond},
	}
	if change != nil {
		change(&opts)
	}
	var err error
	if n.Supervisor, err = supervisor.New(opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

// next waits for the next event of a kind.
func (n *nursery) next(kind supervisor.Kind) supervisor.Event {
	for e := range n.events {
		if e.Kind == kind {
			return e
		}
	}
	panic("the events never end")
}

func spec(t *testing.T, name, how string) supervisor.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return supervisor.Spec{
		Name: name, Service: strings.TrimRight(name, "-0123456789"), Path: self,
		Env: []string{envChild + "=" + how}, LogFile: filepath.Join(t.TempDir(), name+".log"),
	}
}

// gone reports whether no process has this number.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
