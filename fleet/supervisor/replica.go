package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"gatehouse.example/fleet"
)

// order asks a running replica to stop or restart.
type order struct {
	again bool          // start the process again afterwards
	done  chan struct{} // closed when the process has ended
}

// replica manages one replica in one goroutine, run.
type replica struct {
	s      *Supervisor
	spec   Spec
	orders chan order
	ended  chan struct{} // closed when run has returned
	first  chan error    // result of the first start, one message

	mu   sync.Mutex
	now  Replica
	proc *process
}

func newReplica(s *Supervisor, spec Spec) *replica {
	return &replica{
		s: s, spec: spec, orders: make(chan order), ended: make(chan struct{}), first: make(chan error, 1),
		now: Replica{Name: spec.Name, Service: spec.Service, State: Starting, Since: time.Now()},
	}
}

// run starts the process, and restarts it whenever it ends, until it is ordered to stop.
func (r *replica) run() {
	defer close(r.ended)
	defer r.reportFirst(ErrStopped)
	failures := 0
	for {
		steady, ordered, err := r.runOnce()
		if ordered == nil {
			r.reportFirst(err)
			if steady {
				failures = 0
			}
			ordered = r.waitToRestart(r.s.opts.Backoff.Delay(failures))
			failures++
		}
		if ordered != nil {
			if !ordered.again {
				r.change(EventStopped, func(now *Replica) { now.State = Stopped })
				close(ordered.done)
				return
			}
			failures = 0
			close(ordered.done)
		}
		r.update(func(now *Replica) { now.Restarts++ })
	}
}

// runOnce runs the process once, from start to end. It returns whether it was ready for at least Backoff.Steady, the
// order that ended it, if there was one, and otherwise the reason why it ended.
func (r *replica) runOnce() (steady bool, ordered *order, err error) {
	p, err := startProcess(r.spec)
	if err != nil {
		err = fmt.Errorf("can't start %s: %w", r.spec.Name, err)
		r.recordExit(err)
		return false, nil, err
	}
	r.change(EventStarted, func(now *Replica) {
		now.State, now.PID, r.proc = Starting, p.cmd.Process.Pid, p
	})
	late := time.NewTimer(r.s.opts.ReadyTimeout)
	defer late.Stop()
	var readyAt time.Time
	for {
		select {
		case ready := <-p.ready:
			late.Stop()
			if err := r.addToPool(ready); err != nil {
				p.kill()
				r.recordExit(err)
				return false, nil, err
			}
			readyAt = time.Now()
		case <-late.C:
			p.kill()
			err := fmt.Errorf("%s was not ready within %s%s", r.spec.Name, r.s.opts.ReadyTimeout, withColon(p.lastOutput.lastLines()))
			r.recordExit(err)
			return false, nil, err
		case o := <-r.orders:
			r.stopProcess(p)
			return false, &o, nil
		case <-p.exited:
			r.removeFromPool()
			err := r.exitReason(p, !readyAt.IsZero())
			r.recordExit(err)
			return !readyAt.IsZero() && time.Since(readyAt) >= r.s.opts.Backoff.Steady, nil, err
		}
	}
}

// addToPool adds the replica to the pool.
func (r *replica) addToPool(ready fleet.Ready) error {
	if err := r.s.opts.Pool.Add(r.spec.Service, r.spec.Name, ready.Addr); err != nil {
		return fmt.Errorf("can't add %s to the load balancer: %w", r.spec.Name, err)
	}
	r.change(EventReady, func(now *Replica) {
		now.State, now.Addr, now.Metrics = Serving, ready.Addr, ready.Metrics
	})
	r.reportFirst(nil)
	return nil
}

// stopProcess stops a running process. It removes it from the pool first, so that no request fails.
func (r *replica) stopProcess(p *process) {
	r.update(func(now *Replica) { now.State = Stopping })
	ctx, cancel := context.WithTimeout(context.Background(), r.s.opts.DrainTimeout)
	defer cancel()
	if err := r.s.opts.Pool.Remove(ctx, r.spec.Service, r.spec.Name); err != nil {
		r.s.opts.Logger.Warn("stopping a replica with requests in progress", "replica", r.spec.Name, "error", err)
	}
	p.terminate(r.s.opts.StopTimeout)
	r.recordExit(nil)
}

// removeFromPool removes a dead process from the pool at once.
func (r *replica) removeFromPool() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // don't wait for requests
	if err := r.s.opts.Pool.Remove(ctx, r.spec.Service, r.spec.Name); err != nil && !errors.Is(err, context.Canceled) {
		r.s.opts.Logger.Error("cannot remove a replica from the load balancer", "replica", r.spec.Name, "error", err)
	}
}

// waitToRestart waits for the delay before the next start, or returns an order that comes first.
func (r *replica) waitToRestart(wait time.Duration) *order {
	r.emit(Event{Kind: EventRestarting, Wait: wait}, func(now *Replica) { now.State = Waiting })
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case o := <-r.orders:
		return &o
	}
}

// exitReason returns an error that explains the end of a process that was not ordered to end.
func (r *replica) exitReason(p *process, wasReady bool) error {
	how := "it exited by itself"
	if p.err != nil {
		how = p.err.Error()
	}
	what := "did not start"
	if wasReady {
		what = "stopped"
	}
	if wasReady && signaled(p.err) { // killed by a signal: its last output is not the reason
		return fmt.Errorf("%s %s: %s", r.spec.Name, what, how)
	}
	return fmt.Errorf("%s %s: %s%s", r.spec.Name, what, how, withColon(p.lastOutput.lastLines()))
}

func signaled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

func withColon(words string) string {
	if words == "" {
		return ""
	}
	return ": " + words
}
