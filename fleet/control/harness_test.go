package control_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/fleet/balancer"
	"gatehouse.example/fleet/control"
	"gatehouse.example/fleet/supervisor"
)

const secret = "a secret of this test"

// crew is a supervisor whose processes are lines in a list. What it is told to end waits until the test lets it.
type crew struct {
	mu       sync.Mutex
	pid      int
	replicas []supervisor.Replica
	kills    []string
	stopped  bool
	hold     chan struct{} // closed when removals may go on
}

func newCrew(names ...[2]string) *crew {
	c := &crew{pid: 100, hold: make(chan struct{})}
	for _, n := range names {
		if err := c.Add(supervisor.Spec{Service: n[0], Name: n[1]}); err != nil {
			panic(err)
		}
	}
	return c
}

func (c *crew) Replicas() []supervisor.Replica {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.replicas)
}

func (c *crew) Add(s supervisor.Spec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return supervisor.ErrStopped
	}
	c.pid++
	c.replicas = append(c.replicas, supervisor.Replica{Name: s.Name, Service: s.Service, State: supervisor.Serving, PID: c.pid, Since: time.Now()})
	return nil
}

func (c *crew) Remove(name string) error {
	<-c.hold
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replicas = slices.DeleteFunc(c.replicas, func(r supervisor.Replica) bool { return r.Name == name })
	return nil
}

// KillProcess gives the replica another process, as the supervisor does a moment later.
func (c *crew) KillProcess(name string, pid int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range c.replicas {
		if r.Name == name && r.PID == pid {
			c.pid++
			c.replicas[i].PID, c.replicas[i].Restarts = c.pid, r.Restarts+1
			c.kills = append(c.kills, fmt.Sprintf("%s %d", name, pid))
			return nil
		}
	}
	return supervisor.ErrGone
}

func (c *crew) killed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.kills)
}

// estate is a Control that serves for real, over a crew and a real balancer.
type estate struct {
	*control.Control
	crew     *crew
	balancer *balancer.Balancer
	addr     string
	client   *control.Client
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b, err := balancer.New(balancer.Options{Hosts: map[string]string{"shop.localhost": "shop", "academy.localhost": "academy"}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{balancer: b, crew: newCrew([2]string{"shop", "shop-2"}, [2]string{"shop", "shop-1"}, [2]string{"academy", "academy-1"})}
	e.Control, err = control.New(control.Options{
		Supervisor: e.crew, Balancer: b, Services: []string{"shop", "academy"}, Max: 4, Secret: secret, Logger: log,
		Spec: func(service, name string) supervisor.Spec { return supervisor.Spec{Service: service, Name: name} },
	})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx, ln) }()
	t.Cleanup(func() {
		e.release()
		e.Wait()
		cancel()
		if err := <-served; err != nil {
			t.Error("serving:", err)
		}
	})
	e.addr = ln.Addr().String()
	if e.client, err = control.NewClient("http://"+e.addr, secret); err != nil {
		t.Fatal(err)
	}
	return e
}

// release lets removals go on.
func (e *estate) release() {
	select {
	case <-e.crew.hold:
	default:
		close(e.crew.hold)
	}
}

func (e *estate) view(t *testing.T) control.View {
	t.Helper()
	v, err := e.client.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// replica finds one in a view.
func replica(t *testing.T, v control.View, name string) control.Replica {
	t.Helper()
	for _, s := range v.Services {
		for _, r := range s.Replicas {
			if r.Name == name {
				return r
			}
		}
	}
	t.Fatalf("there is no %s in %+v", name, v)
	return control.Replica{}
}

func names(s control.Service) (list []string) {
	for _, r := range s.Replicas {
		list = append(list, r.Name)
	}
	return list
}

// refuses checks that err is a sentence for a person.
func refuses(t *testing.T, what string, err error) string {
	t.Helper()
	var no control.Refusal
	if !errors.As(err, &no) || no == "" {
		t.Errorf("%s: %v, want a refusal", what, err)
	}
	return string(no)
}

func ask(t *testing.T, method, url, bearer, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
