package backchannel

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// width is the maximum number of concurrent deliveries to one client.
	width = 8
	// wellOnes and failingOnes are the maximum numbers of concurrent deliveries, to all clients whose last delivery
	// succeeded and to all others. They bound memory; with separate limits, failing clients do not delay the others.
	wellOnes    = 512
	failingOnes = 64
)

// lanes limit concurrent deliveries for each client.
type lanes struct {
	well, failing *semaphore.Weighted

	mu sync.Mutex
	of map[string]*lane
}

// lane is the state of one client.
type lane struct {
	seats  *semaphore.Weighted
	fails  bool // its last delivery failed; guarded by lanes.mu
	worked bool // a worker claims notices for it; guarded by lanes.mu
}

func newLanes() *lanes {
	return &lanes{
		well: semaphore.NewWeighted(wellOnes), failing: semaphore.NewWeighted(failingOnes), of: map[string]*lane{},
	}
}

// lane returns the lane of a client; the caller holds mu.
func (l *lanes) lane(client string) *lane {
	if l.of[client] == nil {
		l.of[client] = &lane{seats: semaphore.NewWeighted(width)}
	}
	return l.of[client]
}

// fails reports whether the client's last delivery failed.
func (l *lanes) fails(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lane(client).fails
}

// work registers the caller as the worker of the client, and reports false if there is one already.
func (l *lanes) work(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	free := !l.lane(client).worked
	l.lane(client).worked = true
	return free
}

func (l *lanes) rest(client string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lane(client).worked = false
}

// seat is the permission to make one delivery to a client. done and unused release it.
type seat struct {
	lanes *lanes
	lane  *lane
	all   *semaphore.Weighted
	width int64 // seats of the lane that it takes
}

// enter waits for a seat of the client; it returns false if ctx ends. A failing client gets one delivery at a time,
// for which enter does not wait: it returns false if that seat is taken.
func (l *lanes) enter(ctx context.Context, client string) (*seat, bool) {
	l.mu.Lock()
	lane, fails := l.lane(client), l.lane(client).fails
	l.mu.Unlock()
	if fails {
		return l.try(client)
	}
	if lane.seats.Acquire(ctx, 1) != nil {
		return nil, false
	}
	if l.fails(client) || l.well.Acquire(ctx, 1) != nil { // the client may have failed meanwhile
		lane.seats.Release(1)
		return nil, false
	}
	return &seat{lanes: l, lane: lane, all: l.well, width: 1}, true
}

// try takes a seat of the client without waiting. It returns false if none is free.
func (l *lanes) try(client string) (*seat, bool) {
	l.mu.Lock()
	s := &seat{lanes: l, lane: l.lane(client), all: l.well, width: 1}
	if s.lane.fails {
		s.all, s.width = l.failing, width
	}
	l.mu.Unlock()
	if !s.lane.seats.TryAcquire(s.width) {
		return nil, false
	}
	if !s.all.TryAcquire(1) {
		s.lane.seats.Release(s.width)
		return nil, false
	}
	return s, true
}

// take returns up to n seats. It waits for the first as enter does, and for no other.
func (l *lanes) take(ctx context.Context, client string, n int) []*seat {
	first, ok := l.enter(ctx, client)
	if !ok {
		return nil
	}
	taken := []*seat{first}
	for len(taken) < n {
		s, ok := l.try(client)
		if !ok {
			break
		}
		taken = append(taken, s)
	}
	return taken
}

// done releases the seat and records whether the delivery succeeded.
func (s *seat) done(heard bool) {
	s.lanes.mu.Lock()
	s.lane.fails = !heard
	s.lanes.mu.Unlock()
	s.unused()
}

// unused releases the seat without a delivery.
func (s *seat) unused() {
	s.all.Release(1)
	s.lane.seats.Release(s.width)
}
