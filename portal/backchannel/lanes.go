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
	maxHealthy    = 512
	maxFailing = 64
)

// clientLimits limit concurrent deliveries for each client.
type clientLimits struct {
	healthy, failing *semaphore.Weighted

	mu sync.Mutex
	clients map[string]*clientLimit
}

// clientLimit is the state of one client.
type clientLimit struct {
	slots  *semaphore.Weighted
	fails  bool // its last delivery failed; guarded by lanes.mu
	hasWorker bool // a worker claims notices for it; guarded by lanes.mu
}

func newClientLimits() *clientLimits {
	return &clientLimits{
		healthy: semaphore.NewWeighted(maxHealthy), failing: semaphore.NewWeighted(maxFailing), clients: map[string]*clientLimit{},
	}
}

// client returns the lane of a client; the caller holds mu.
func (l *clientLimits) client(client string) *clientLimit {
	if l.clients[client] == nil {
		l.clients[client] = &clientLimit{slots: semaphore.NewWeighted(maxPerClient)}
	}
	return l.clients[client]
}

// fails reports whether the client's last delivery failed.
func (l *clientLimits) fails(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client(client).fails
}

// claimWorker registers the caller as the worker of the client, and reports false if there is one already.
func (l *clientLimits) claimWorker(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := !l.client(client).hasWorker
	l.client(client).hasWorker = true
	return free
}

func (l *clientLimits) releaseWorker(client string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client(client).hasWorker = false
}

// slot is the permission to make one delivery to a client. done and unused release it.
type slot struct {
	limits *clientLimits
	client  *clientLimit
	all   *semaphore.Weighted
	weight int64 // seats of the lane that it takes
}

// acquire waits for a seat of the client; it returns false if ctx ends. A failing client gets one delivery at a time,
// for which enter does not wait: it returns false if that seat is taken.
func (l *clientLimits) acquire(ctx context.Context, client string) (*slot, bool) {
	l.mu.Lock()
	lane, fails := l.client(client), l.client(client).fails
	l.mu.Unlock()
	if fails {
		return l.tryAcquire(client)
	}
	if lane.slots.Acquire(ctx, 1) != nil {
		return nil, false
	}
	if l.fails(client) || l.healthy.Acquire(ctx, 1) != nil { // the client may have failed meanwhile
		lane.slots.Release(1)
		return nil, false
	}
	return &slot{limits: l, client: lane, all: l.healthy, weight: 1}, true
}

// tryAcquire takes a seat of the client without waiting. It returns false if none is free.
func (l *clientLimits) tryAcquire(client string) (*slot, bool) {
	l.mu.Lock()
	s := &slot{limits: l, client: l.client(client), all: l.healthy, weight: 1}
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

// acquireUpTo returns up to n seats. It waits for the first as enter does, and for no other.
func (l *clientLimits) acquireUpTo(ctx context.Context, client string, n int) []*slot {
	first, ok := l.acquire(ctx, client)
	if !ok {
		return nil
	}
	taken := []*slot{first}
	for len(taken) < n {
		s, ok := l.tryAcquire(client)
		if !ok {
			break
		}
		taken = append(taken, s)
	}
	return taken
}

// finish releases the seat and records whether the delivery succeeded.
func (s *slot) finish(heard bool) {
	s.limits.mu.Lock()
	s.client.fails = !heard
	s.limits.mu.Unlock()
	s.release()
}

// release releases the seat without a delivery.
func (s *slot) release() {
	s.all.Release(1)
	s.client.slots.Release(s.weight)
}
