package backchannel

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// width is how many deliveries to one client are under way at once.
	width = 8
	// wellOnes and failingOnes are how many deliveries are under way in all, to the
	// clients that answered the last time and to those that did not. They bound
	// memory; being two, they keep any number of broken clients out of the way of
	// the others.
	wellOnes    = 512
	failingOnes = 64
)

// lanes keep the clients apart.
type lanes struct {
	well, failing *semaphore.Weighted

	mu sync.Mutex
	of map[string]*lane
}

// lane is what a sender knows of one client.
type lane struct {
	seats  *semaphore.Weighted
	fails  bool // its last delivery failed; guarded by lanes.mu
	worked bool // somebody claims for it; guarded by lanes.mu
}

func newLanes() *lanes {
	return &lanes{
		well: semaphore.NewWeighted(wellOnes), failing: semaphore.NewWeighted(failingOnes), of: map[string]*lane{},
	}
}

// lane of a client; the caller holds mu.
func (l *lanes) lane(client string) *lane {
	if l.of[client] == nil {
		l.of[client] = &lane{seats: semaphore.NewWeighted(width)}
	}
	return l.of[client]
}

// fails says whether the client's last delivery failed.
func (l *lanes) fails(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lane(client).fails
}

// work makes the caller the one that claims for the client, unless there is one.
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

// seat is the right to make one delivery to a client. It is given back by done.
type seat struct {
	lanes *lanes
	lane  *lane
	all   *semaphore.Weighted
	width int64 // of the lane
}

// enter waits for its turn to deliver to the client. A client that fails gets one
// delivery at a time, and nobody waits for that turn.
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
	if l.fails(client) || l.well.Acquire(ctx, 1) != nil { // it may have begun to fail in the meantime
		lane.seats.Release(1)
		return nil, false
	}
	return &seat{lanes: l, lane: lane, all: l.well, width: 1}, true
}

// try is enter without waiting.
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

// take is enter, and try as long as that goes, for at most n seats.
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

// done gives the seat back and says how the delivery went.
func (s *seat) done(heard bool) {
	s.lanes.mu.Lock()
	s.lane.fails = !heard
	s.lanes.mu.Unlock()
	s.unused()
}

// unused gives the seat back without a delivery.
func (s *seat) unused() {
	s.all.Release(1)
	s.lane.seats.Release(s.width)
}
