package supervisor_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse.example/fleet/supervisor"
)

func TestKill_IsRestarted(t *testing.T) {
	n := newNursery(t, nil)
	if err := n.Start(t.Context(), spec(t, "shop-1", "serves")); err != nil {
		t.Fatal(err)
	}
	before := n.next(supervisor.EventReady).Replica
	if err := n.Kill("shop-1"); err != nil {
		t.Fatal(err)
	}
	if e := n.next(supervisor.EventExited); e.Err == nil || !strings.Contains(e.Err.Error(), "shop-1 stopped: signal: killed") {
		t.Error(e.Err)
	}
	if e := n.next(supervisor.EventRestarting); e.Wait != 0 {
		t.Errorf("the first restart waits %s", e.Wait)
	}
	after := n.next(supervisor.EventReady).Replica
	if after.PID == before.PID || after.Restarts != 1 || n.addr("shop-1") != after.Addr {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}

// Whoever asks twice for the end of the process that they saw ends one process, not two.
func TestKillProcess_KillsThatOneOnly(t *testing.T) {
	n := newNursery(t, nil)
	if err := n.Start(t.Context(), spec(t, "shop-1", "serves")); err != nil {
		t.Fatal(err)
	}
	before := n.next(supervisor.EventReady).Replica
	if err := n.KillProcess("shop-1", before.PID); err != nil {
		t.Fatal(err)
	}
	after := n.next(supervisor.EventReady).Replica
	if err := n.KillProcess("shop-1", before.PID); !errors.Is(err, supervisor.ErrGone) {
		t.Errorf("killing it again: %v", err)
	}
	if err := n.KillProcess("shop-2", before.PID); !errors.Is(err, supervisor.ErrUnknown) {
		t.Errorf("killing nobody: %v", err)
	}
	if now := n.Replicas()[0]; now.PID != after.PID || now.Restarts != 1 {
		t.Errorf("before %+v\nafter  %+v", before, now)
	}
}

func TestBackoff_KeepsDying(t *testing.T) {
	n := newNursery(t, nil)
	if err := n.Supervisor.Add(spec(t, "shop-1", "dies")); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		e := n.next(supervisor.EventRestarting)
		if i == 0 && e.Wait != 0 || i > 0 && e.Wait == 0 {
			t.Errorf("restart %d waits %s", i, e.Wait)
		}
	}
	if err := n.Remove("shop-1"); err != nil {
		t.Fatal(err)
	}
	if len(n.Replicas()) != 0 {
		t.Error("still listed")
	}
	if err := n.Remove("shop-1"); !errors.Is(err, supervisor.ErrUnknown) {
		t.Error(err)
	}
}

func TestBackoff_Delays(t *testing.T) {
	b := supervisor.Backoff{First: 250 * time.Millisecond, Max: 30 * time.Second}
	if b.Delay(0) != 0 {
		t.Error("the first restart waits")
	}
	for restart, most := range map[int]time.Duration{1: 250 * time.Millisecond, 2: 500 * time.Millisecond, 7: 16 * time.Second, 8: 30 * time.Second, 9: 30 * time.Second, 1000: 30 * time.Second} {
		for range 100 {
			if d := b.Delay(restart); d < most/2 || d > most {
				t.Fatalf("restart %d: %s, want %s to %s", restart, d, most/2, most)
			}
		}
	}
}

func TestRestart_IsGraceful(t *testing.T) {
	n := newNursery(t, nil)
	if err := n.Start(t.Context(), spec(t, "shop-1", "serves")); err != nil {
		t.Fatal(err)
	}
	before := n.next(supervisor.EventReady).Replica
	if err := n.Restart("shop-1"); err != nil {
		t.Fatal(err)
	}
	if e := n.next(supervisor.EventExited); e.Err != nil || !gone(before.PID) {
		t.Error(e.Err)
	}
	if after := n.next(supervisor.EventReady).Replica; after.PID == before.PID || after.Restarts != 1 {
		t.Errorf("%+v", after)
	}
}

func TestStop_KillsWhatHangs(t *testing.T) {
	n := newNursery(t, func(o *supervisor.Options) { o.StopTimeout = 50 * time.Millisecond })
	if err := n.Start(t.Context(), spec(t, "shop-1", "hangs"), spec(t, "shop-2", "hangs")); err != nil {
		t.Fatal(err)
	}
	replicas := n.Replicas()
	n.Stop()
	for _, r := range replicas {
		if !gone(r.PID) {
			t.Errorf("%s is still there", r.Name)
		}
	}
}
