package backchannel

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// maxPerClient is the maximum number of concurrent deliveries to one client.
	maxPerClient = 8
	// maxHealthy and maxFailing are the maximum numbers of concurrent deliveries, to all clients whose last delivery
	// succeeded and to all others. They bound memory; with separate limits, failing clients do not delay the others.
	maxHealthy = 512
	maxFailing = 64
)

// clientLimits limit concurrent deliveries for each client.
type clientLimits struct {
	healthy, failing *semaphore.Weighted

	mu      sync.Mutex
	clients map[string]*clientLimit
}

// clientLimit is the state of one client.
type clientLimit struct {
	slots     *semaphore.Weighted
	fails     bool // its last delivery failed; guarded by clientLimits.mu
	hasWorker bool // a worker claims notices for it; guarded by clientLimits.mu
}

func newClientLimits() *clientLimits {
	return &clientLimits{
		healthy: semaphore.NewWeighted(maxHealthy), failing: semaphore.NewWeighted(maxFailing), clients: map[string]*clientLimit{},
	}
}

// client returns the state of a client; the caller holds mu.
func (l *clientLimits) client(id string) *clientLimit {
	if l.clients[id] == nil {
		l.clients[id] = &clientLimit{slots: semaphore.NewWeighted(maxPerClient)}
	}
	return l.clients[id]
}

// fails reports whether the client's last delivery failed.
func (l *clientLimits) fails(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client(id).fails
}

// claimWorker registers the caller as the worker of the client, and reports false if there is one already.
func (l *clientLimits) claimWorker(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := !l.client(id).hasWorker
	l.client(id).hasWorker = true
	return free
}

func (l *clientLimits) releaseWorker(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client(id).hasWorker = false
}

// slot is the permission to make one delivery to a client. finish and release return it.
type slot struct {
	limits *clientLimits
	client *clientLimit
	all    *semaphore.Weighted
	weight int64 // of the client's slots
}

// acquire waits for a slot of the client; it returns false if ctx ends. A failing client gets one delivery at a time,
// for which acquire does not wait: it returns false if another one is under way.
func (l *clientLimits) acquire(ctx context.Context, id string) (*slot, bool) {
	l.mu.Lock()
	client, fails := l.client(id), l.client(id).fails
	l.mu.Unlock()
	if fails {
		return l.tryAcquire(id)
	}
	if client.slots.Acquire(ctx, 1) != nil {
		return nil, false
	}
	if l.fails(id) || l.healthy.Acquire(ctx, 1) != nil { // the client may have failed meanwhile
		client.slots.Release(1)
		return nil, false
	}
	return &slot{limits: l, client: client, all: l.healthy, weight: 1}, true
}

// tryAcquire returns a slot of the client without waiting. It returns false if none is free.
func (l *clientLimits) tryAcquire(id string) (*slot, bool) {
	l.mu.Lock()
	s := &slot{limits: l, client: l.client(id), all: l.healthy, weight: 1}
	if s.client.fails {
		s.all, s.weight = l.failing, maxPerClient
	}
	l.mu.Unlock()
	if !s.client.slots.TryAcquire(s.weight) {
		return nil, false
	}
	if !s.all.TryAcquire(1) {
		s.client.slots.Release(s.weight)
		return nil, false
	}
	return s, true
}

// acquireUpTo returns up to n slots. It waits for the first as acquire does, and for no other.
func (l *clientLimits) acquireUpTo(ctx context.Context, id string, n int) (slots []*slot) {
	for s, ok := l.acquire(ctx, id); ok; s, ok = l.tryAcquire(id) {
		if slots = append(slots, s); len(slots) == n {
			break
		}
	}
	return slots
}

// finish releases the slot and records whether the delivery succeeded.
func (s *slot) finish(delivered bool) {
	s.limits.mu.Lock()
	s.client.fails = !delivered
	s.limits.mu.Unlock()
	s.release()
}

// release releases the slot without a delivery.
func (s *slot) release() {
	s.all.Release(1)
	s.client.slots.Release(s.weight)
}
