package supervisor_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/fleet/supervisor"
)

func TestNew_RefusesNil(t *testing.T) {
	if _, err := supervisor.New(supervisor.Options{Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("accepted no pool")
	}
	if _, err := supervisor.New(supervisor.Options{Pool: poolOf{}}); err == nil {
		t.Error("accepted no logger")
	}
}

func TestStart_ReadyAndStopped(t *testing.T) {
	n := newNursery(t, nil)
	specs := []supervisor.Spec{spec(t, "shop-1", "serves"), spec(t, "shop-2", "serves"), spec(t, "forum-1", "serves")}
	if err := n.Start(t.Context(), specs...); err != nil {
		t.Fatal(err)
	}
	replicas := n.Replicas()
	if len(replicas) != 3 || replicas[0].Name != "forum-1" || replicas[0].Service != "forum" {
		t.Fatalf("%+v", replicas)
	}
	for _, r := range replicas {
		if r.State != supervisor.Serving || r.PID == 0 || r.Metrics != "127.0.0.1:9" || r.Restarts != 0 || r.Since.IsZero() || n.addr(r.Name) != r.Addr {
			t.Errorf("%+v, in the pool as %q", r, n.addr(r.Name))
		}
		group, err := syscall.Getpgid(r.PID)
		if err != nil || group != r.PID {
			t.Errorf("%s is in group %d, not its own: %v", r.Name, group, err)
		}
	}
	if info, err := os.Stat(specs[0].LogFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log file: %v, %v", info, err)
	}
	if err := n.Supervisor.Add(specs[0]); !errors.Is(err, supervisor.ErrExists) {
		t.Error("added twice:", err)
	}
	n.Stop()
	for _, r := range replicas {
		if !gone(r.PID) || n.addr(r.Name) != "" {
			t.Errorf("%s: process or place in the pool left", r.Name)
		}
	}
	if err := n.Supervisor.Add(spec(t, "late-1", "serves")); !errors.Is(err, supervisor.ErrStopped) {
		t.Error("added after the stop:", err)
	}
	n.Stop()
}

func TestStart_FailureIsOneClearSentence(t *testing.T) {
	for name, outputs := range map[string]func(*supervisor.Spec){
		"log file": func(s *supervisor.Spec) { _ = os.WriteFile(s.LogFile, []byte("yesterday's words\n"), 0o600) },
		"writer":   func(s *supervisor.Spec) { s.LogFile = "" },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNursery(t, nil)
			bad := spec(t, "shop-2", "fails")
			outputs(&bad)
			err := n.Start(t.Context(), spec(t, "shop-1", "serves"), bad)
			want := "shop-2 did not start: exit status 1: the first line; the database cannot be opened"
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			for _, r := range n.Replicas() {
				if r.State != supervisor.Stopped || r.PID != 0 {
					t.Errorf("left behind: %+v", r)
				}
			}
		})
	}
}

func TestStart_NoSuchProgram(t *testing.T) {
	n := newNursery(t, nil)
	bad := spec(t, "shop-1", "serves")
	bad.Path = filepath.Join(t.TempDir(), "none")
	if err := n.Start(t.Context(), bad); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestStart_NeverReady(t *testing.T) {
	n := newNursery(t, func(o *supervisor.Options) { o.ReadyTimeout = 50 * time.Millisecond })
	if err := n.Start(t.Context(), spec(t, "shop-1", "never ready")); err == nil || !strings.Contains(err.Error(), "shop-1 was not ready within 50ms") {
		t.Error(err)
	}
	// Added rather than started it is killed and tried again.
	n = newNursery(t, func(o *supervisor.Options) { o.ReadyTimeout = 50 * time.Millisecond })
	if err := n.Supervisor.Add(spec(t, "shop-1", "never ready")); err != nil {
		t.Fatal(err)
	}
	first := n.next(supervisor.EventStarted).Replica.PID
	second := n.next(supervisor.EventStarted).Replica.PID
	if first == second || !gone(first) {
		t.Error(first, second)
	}
}
