package supervisor

import (
	"context"
	"fmt"
	"time"
)

// stop stops the replica and waits for the end of its process.
func (r *replica) stop() { r.sendOrder(order{done: make(chan struct{})}) }

// restart ends the process and starts a new one. It returns when the old process has ended.
func (r *replica) restart() { r.sendOrder(order{again: true, done: make(chan struct{})}) }

func (r *replica) sendOrder(o order) {
	select {
	case r.orders <- o:
		<-o.done
	case <-r.ended:
	}
}

// kill sends SIGKILL to the current process; if pid is not 0, only if it has that pid, and else returns ErrGone.
func (r *replica) kill(pid int) error {
	r.mu.Lock()
	p := r.proc
	r.mu.Unlock()
	if pid != 0 && (p == nil || p.cmd.Process.Pid != pid) {
		return fmt.Errorf("%w: %d of %s", ErrGone, pid, r.spec.Name)
	}
	if p == nil {
		return fmt.Errorf("%s has no process right now", r.spec.Name)
	}
	p.kill()
	return nil
}

// waitFirst waits for the first start and returns its error.
func (r *replica) waitFirst(ctx context.Context) error {
	select {
	case err := <-r.first:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reportFirst records the result of the first start; later ones are ignored.
func (r *replica) reportFirst(err error) {
	select {
	case r.first <- err:
	default:
	}
}

func (r *replica) snapshot() Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// update changes the replica's state and returns it.
func (r *replica) update(change func(now *Replica)) Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.now.State
	change(&r.now)
	if r.now.State != before {
		r.now.Since = time.Now()
	}
	return r.now
}

func (r *replica) emit(e Event, change func(now *Replica)) {
	e.Replica = r.update(change)
	r.s.emit(e)
}

func (r *replica) change(kind Kind, change func(now *Replica)) { r.emit(Event{Kind: kind}, change) }

// recordExit records the end of the process; err is nil if it was ordered.
func (r *replica) recordExit(err error) {
	r.emit(Event{Kind: EventExited, Err: err}, func(now *Replica) {
		now.PID, now.Addr, now.Metrics, r.proc = 0, "", "", nil
		if err != nil {
			now.Err = err
		}
	})
}
