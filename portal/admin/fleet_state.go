package admin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

// Denylist reads the state of the denylist in Redis, and the replicas that follow it (package denylist).
type Denylist interface {
	Replicas(ctx context.Context) ([]denylist.Replica, error)
	State(ctx context.Context) (denylist.State, error)
}

const (
	// maxCount is where counting stops; more are shown as "100,000+".
	maxCount = 100_000
	// countCacheLifetime is how long a count is cached: the pages refresh each second, in several tabs.
	countCacheLifetime = 3 * time.Second
	// fleetStateTimeout is the timeout of reading the state of the replicas from Redis; a page shows its other content
	// without it.
	fleetStateTimeout = 1500 * time.Millisecond
	// activePeriod is how long a sign-in is counted after it was last seen: the lifetime of a refresh token.
	activePeriod = 30 * 24 * time.Hour
)

// figures are cached counts and names that several pages show.
type figures struct {
	tallies cached[store.Counts]
	places  cached[[]store.SignInCount]
	names   cached[map[string]string]
	log     logHistory
}

// reportDelay is how old a replica's report may be: it says every second what it has applied. What was written to the
// log since may be applied all the same.
const reportDelay = 2500 * time.Millisecond

// logHistory holds when the console first saw the latest positions of the log.
type logHistory struct {
	mu   sync.Mutex
	seen []logPosition // ascending
}

type logPosition struct {
	at       time.Time
	position int64
}

// reported notes the position of the log at now, and returns the one that every replica must have reported by now.
func (h *logHistory) reported(now time.Time, position int64) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.seen); n == 0 || h.seen[n-1].position != position {
		if n > 0 && h.seen[n-1].position > position { // Redis began anew
			h.seen = nil
		}
		h.seen = append(h.seen, logPosition{now, position})
	}
	for len(h.seen) > 1 && now.Sub(h.seen[1].at) >= reportDelay {
		h.seen = h.seen[1:]
	}
	if now.Sub(h.seen[0].at) < reportDelay {
		return 0
	}
	return h.seen[0].position
}

// cached caches a value for countCacheLifetime. Concurrent calls wait for the one that reads it.
type cached[T any] struct {
	mu     sync.Mutex
	readAt time.Time
	value  T
}

func (c *cached[T]) get(now time.Time, read func() (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := now.Sub(c.readAt); !c.readAt.IsZero() && age >= 0 && age < countCacheLifetime {
		return c.value, nil
	}
	value, err := read()
	if err == nil {
		c.readAt, c.value = now, value
	}
	return value, err
}

func (a *Console) tallies(ctx context.Context) (store.Counts, error) {
	return a.figures.tallies.get(a.Now(), func() (store.Counts, error) { return a.Store.Counts(ctx, a.Now(), maxCount) })
}

func (a *Console) places(ctx context.Context) ([]store.SignInCount, error) {
	return a.figures.places.get(a.Now(), func() ([]store.SignInCount, error) {
		return a.Store.ActiveSignInCounts(ctx, a.Now().Add(-activePeriod), maxCount)
	})
}

// clientNames returns the names of the registered clients and of the portal by id.
func (a *Console) clientNames(ctx context.Context) (map[string]string, error) {
	return a.figures.names.get(a.Now(), func() (map[string]string, error) {
		all, err := a.Store.Clients(ctx)
		names := map[string]string{"portal": "Portal"}
		for _, c := range all {
			names[c.ID] = c.Name
		}
		return names, err
	})
}

// fleetState is the state of the replicas and of the denylist in Redis.
type fleetState struct {
	Replicas []denylist.Replica
	State    denylist.State
	Reported int64  // the position that every replica must have reported by now
	Away     string // a sentence that says why the state is unknown; "" if it is known
	Now      time.Time
}

// loadFleetState reads the state from Redis. A failure is logged and returned as the text Away, not as an error: the
// page shows it.
func (a *Console) loadFleetState(ctx context.Context) fleetState {
	ctx, cancel := context.WithTimeout(ctx, fleetStateTimeout)
	defer cancel()
	fleet := fleetState{Now: a.Now()}
	var err error
	if fleet.State, err = a.Log.State(ctx); err == nil {
		fleet.Replicas, err = a.Log.Replicas(ctx)
	}
	fleet.Reported = a.figures.log.reported(fleet.Now, fleet.State.Position)
	switch {
	case errors.Is(err, denylist.ErrForeign):
		fleet.Away = "Redis has other data under the denylist's keys. Delete that data: until then, revocations can't be written to Redis."
	case err != nil:
		fleet.Away = "Redis isn't responding. Servers that can't reach it refuse signed-in requests, and recover by themselves once it's back."
	}
	if err != nil {
		fleet.Replicas, fleet.State = nil, denylist.State{}
		a.Logger.WarnContext(ctx, "cannot read the state of the servers from Redis", "error", err)
	}
	return fleet
}

// States of a replica.
const (
	healthy     = "healthy"
	behind      = "behind"         // it follows the log, but has not applied all of it yet
	loading     = "loading"        // it has not loaded the denylist yet, and refuses
	unreachable = "not responding" // it has not been heard from, and refuses by now
)

func (fleet fleetState) stateOf(r denylist.Replica) string {
	switch {
	case r.Silent:
		return unreachable
	case r.Age < 0:
		return loading
	case !r.Synced || r.Position < fleet.Reported:
		return behind
	}
	return healthy
}

// count returns the number of replicas that are in one of the states.
func (fleet fleetState) count(states ...string) (n int) {
	for _, r := range fleet.Replicas {
		if slices.Contains(states, fleet.stateOf(r)) {
			n++
		}
	}
	return n
}

// unreadable returns the number of entries that a replica could not read, and the number of such replicas.
func (fleet fleetState) unreadable() (entries int64, servers int) {
	for _, r := range fleet.Replicas {
		if r.Unreadable > 0 {
			servers++
			entries = max(entries, r.Unreadable)
		}
	}
	return entries, servers
}
