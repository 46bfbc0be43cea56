package balancer

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Backend is one replica in a pool.
type Backend struct {
	name, addr string
	healthy    atomic.Bool
	inFlight   atomic.Int64
	answered   atomic.Uint64
	draining   atomic.Bool
	drainOnce  sync.Once
	drained    chan struct{} // closed once draining and nothing is in flight
	heardAt    atomic.Int64  // Unix nanoseconds of the last response or passed check; 0 before the first
	failures   int           // consecutive failed health checks; used by the health checks only
}

// Name returns the name with which the backend was added ("shop-2").
func (b *Backend) Name() string { return b.name }

// InFlight returns the number of requests sent to it whose response has not begun.
func (b *Backend) InFlight() int { return int(b.inFlight.Load()) }

// Answered returns the number of requests since it was added whose response has begun.
func (b *Backend) Answered() uint64 { return b.answered.Load() }

// acquire counts a request as in flight, and returns false if the backend is draining.
func (b *Backend) acquire() bool {
	b.inFlight.Add(1)
	if b.draining.Load() { // counted first and checked second, so that drain can't miss it in between
		b.release()
		return false
	}
	return true
}

func (b *Backend) release() {
	if b.inFlight.Add(-1) == 0 && b.draining.Load() {
		b.drainOnce.Do(func() { close(b.drained) })
	}
}

// markHeard records that the backend has answered a request.
func (b *Backend) markHeard() {
	if b.heardAt.Load() != 0 { // without health checks, an idle backend would count as silent
		b.heardAt.Store(time.Now().UnixNano())
	}
}

// isSilent reports whether the backend has answered neither a request nor a health check for timeout. A draining
// backend is not checked any longer, and never silent.
func (b *Backend) isSilent(timeout time.Duration) bool {
	heard := b.heardAt.Load()
	return heard != 0 && !b.draining.Load() && time.Since(time.Unix(0, heard)) > timeout
}

// pool holds the backends of one service. Requests read the healthy ones without a lock.
type pool struct {
	name    string
	rule    atomic.Pointer[rule]
	healthy atomic.Pointer[[]*Backend]
	trouble struct{ repeated, failed atomic.Uint64 }

	mu        sync.Mutex
	all       []*Backend
	available chan struct{} // closed and replaced when a backend becomes available
}

func newPool(name string, policy Policy) *pool {
	p := &pool{name: name, available: make(chan struct{})}
	p.rule.Store(newRule(policy))
	p.healthy.Store(new([]*Backend))
	return p
}

// acquireBackend picks and acquires a backend, another one than avoid if possible, or returns nil if there is none.
func (p *pool) acquireBackend(r *http.Request, avoid *Backend) *Backend {
	for {
		candidates := *p.healthy.Load()
		if avoid != nil && len(candidates) > 1 {
			others := make([]*Backend, 0, len(candidates))
			for _, b := range candidates {
				if b != avoid {
					others = append(others, b)
				}
			}
			candidates = others
		}
		if len(candidates) == 0 {
			return nil
		}
		// A draining backend may still be in the snapshot; the pool's next snapshot is without it.
		if b := p.rule.Load().Pick(r, candidates); b.acquire() {
			return b
		}
	}
}

// waitForBackend returns nil once a backend is available, errNoBackend at the deadline, or ctx's error when ctx is
// done.
func (p *pool) waitForBackend(ctx context.Context, deadline time.Time) error {
	p.mu.Lock()
	grown := p.available
	p.mu.Unlock()
	if len(*p.healthy.Load()) > 0 {
		return nil
	}
	left := time.Until(deadline)
	if left <= 0 {
		return errNoBackend
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-grown:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errNoBackend
	}
}

// anyHeard reports whether a healthy backend is not silent.
func (p *pool) anyHeard(timeout time.Duration) bool {
	return slices.ContainsFunc(*p.healthy.Load(), func(b *Backend) bool { return !b.isSilent(timeout) })
}

func (p *pool) members() []*Backend {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Backend(nil), p.all...)
}

func (p *pool) add(b *Backend) {
	p.remove(b.name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, b)
	b.healthy.Store(true)
	p.publishHealthy(true)
}

// remove removes the backend and starts to drain it. It returns nil if there is none of this name.
func (p *pool) remove(name string) *Backend {
	p.mu.Lock()
	var gone *Backend
	kept := make([]*Backend, 0, len(p.all))
	for _, b := range p.all {
		if b.name == name {
			gone = b
			continue
		}
		kept = append(kept, b)
	}
	p.all = kept
	p.publishHealthy(false)
	p.mu.Unlock()
	if gone != nil {
		gone.draining.Store(true)
		if gone.inFlight.Load() == 0 {
			gone.drainOnce.Do(func() { close(gone.drained) })
		}
	}
	return gone
}

// setHealthy sets a backend's health and reports whether that changed it.
func (p *pool) setHealthy(b *Backend, healthy bool) bool {
	if b.healthy.Load() == healthy {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.healthy.Swap(healthy) == healthy {
		return false
	}
	p.publishHealthy(healthy)
	return true
}

// publishHealthy replaces the snapshot of the healthy backends; the caller holds the lock.
func (p *pool) publishHealthy(grown bool) {
	healthy := make([]*Backend, 0, len(p.all))
	for _, b := range p.all {
		if b.healthy.Load() {
			healthy = append(healthy, b)
		}
	}
	p.healthy.Store(&healthy)
	if grown {
		close(p.available)
		p.available = make(chan struct{})
	}
}
