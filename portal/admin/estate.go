package admin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gatehouse/portal/keys"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
)

// Denylist reads the state of the denylist in Redis, and the replicas that follow it (package denylist).
type Denylist interface {
	Replicas(ctx context.Context) ([]denylist.Replica, error)
	State(ctx context.Context) (denylist.State, error)
}

// Keys manages the signing keys (package keys).
type Keys interface {
	List(ctx context.Context) ([]keys.Info, error)
	Find(ctx context.Context, kid string) (keys.Info, error)
	Rotate(ctx context.Context, alg string, note keys.Note) (keys.Info, error)
	Activate(ctx context.Context, kid string, note keys.Note) (keys.Info, error)
	Withdraw(ctx context.Context, kid string, note keys.Note) (keys.Info, error)
}

const (
	// countLimit is where counting stops; more are shown as "100,000+".
	countLimit = 100_000
	// counted is how long a count is cached: the pages refresh each second, in several tabs.
	counted = 3 * time.Second
	// aside is the timeout of reading the state of the replicas from Redis; a page shows its other content without
	// it.
	aside = 1500 * time.Millisecond
	// livingFor is how long a sign-in is counted after it was last seen: the lifetime of a refresh token.
	livingFor = 30 * 24 * time.Hour
)

// figures are cached counts and names that several pages show.
type figures struct {
	tallies recent[store.Counts]
	places  recent[[]store.SignInCount]
	names   recent[map[string]string]
}

// recent caches a value for the time counted. Concurrent calls wait for the one that reads it.
type recent[T any] struct {
	mu    sync.Mutex
	made  time.Time
	value T
}

func (r *recent[T]) get(now time.Time, read func() (T, error)) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.Sub(r.made); !r.made.IsZero() && age >= 0 && age < counted {
		return r.value, nil
	}
	value, err := read()
	if err == nil {
		r.made, r.value = now, value
	}
	return value, err
}

func (a *Console) tallies(ctx context.Context) (store.Counts, error) {
	return a.figures.tallies.get(a.Now(), func() (store.Counts, error) { return a.Store.Counts(ctx, a.Now(), countLimit) })
}

func (a *Console) places(ctx context.Context) ([]store.SignInCount, error) {
	return a.figures.places.get(a.Now(), func() ([]store.SignInCount, error) {
		return a.Store.ActiveSignInCounts(ctx, a.Now().Add(-livingFor), countLimit)
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

// nameOf returns a client's name, or its id if the name is unknown.
func nameOf(names map[string]string, id string) string {
	if name := names[id]; name != "" {
		return name
	}
	return id
}

// house is the state of the replicas and of the denylist in Redis.
type house struct {
	Replicas []denylist.Replica
	State    denylist.State
	Away     string // a sentence that says why the state is unknown; "" if it is known
	Now      time.Time
}

// house reads the state from Redis. A failure is logged and returned as the text Away, not as an error: the page
// shows it.
func (a *Console) house(ctx context.Context) house {
	ctx, cancel := context.WithTimeout(ctx, aside)
	defer cancel()
	h := house{Now: a.Now()}
	var err error
	if h.State, err = a.Log.State(ctx); err == nil {
		h.Replicas, err = a.Log.Replicas(ctx)
	}
	switch {
	case errors.Is(err, denylist.ErrForeign):
		h.Away = "Redis has other data under the denylist's keys. Delete that data: until then, revocations can't be written to Redis."
	case err != nil:
		h.Away = "Redis isn't responding. Servers that can't reach it refuse signed-in requests, and recover by themselves once it's back."
	}
	if err != nil {
		h.Replicas, h.State = nil, denylist.State{}
		a.Logger.WarnContext(ctx, "cannot read the state of the servers from Redis", "error", err)
	}
	return h
}

// States of a replica.
const (
	well    = "healthy"
	behind  = "behind"         // it follows the log, but has not applied all of it yet
	loading = "loading"        // it has not loaded the denylist yet, and refuses
	silent  = "not responding" // it has not been heard from, and refuses by now
)

func (h house) state(r denylist.Replica) string {
	switch {
	case r.Silent:
		return silent
	case r.Age < 0:
		return loading
	case !r.Synced || r.Position < h.State.Position:
		return behind
	}
	return well
}

// count returns the number of replicas that are in one of the states.
func (h house) count(states ...string) (n int) {
	for _, r := range h.Replicas {
		if slices.Contains(states, h.state(r)) {
			n++
		}
	}
	return n
}

// unreadable returns the number of entries that a replica could not read, and the number of such replicas.
func (h house) unreadable() (entries int64, servers int) {
	for _, r := range h.Replicas {
		if r.Unreadable > 0 {
			servers++
			entries = max(entries, r.Unreadable)
		}
	}
	return entries, servers
}
