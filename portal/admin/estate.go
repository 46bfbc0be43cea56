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

// Denylist is what Redis has of the denylist, and who follows it (package denylist).
type Denylist interface {
	Replicas(ctx context.Context) ([]denylist.Replica, error)
	State(ctx context.Context) (denylist.State, error)
}

// Keys are the signing keys (package keys).
type Keys interface {
	List(ctx context.Context) ([]keys.Info, error)
	Find(ctx context.Context, kid string) (keys.Info, error)
	Rotate(ctx context.Context, alg string, note keys.Note) (keys.Info, error)
	Activate(ctx context.Context, kid string, note keys.Note) (keys.Info, error)
	Withdraw(ctx context.Context, kid string, note keys.Note) (keys.Info, error)
}

const (
	// countLimit is where counting stops: more are "100,000+".
	countLimit = 100_000
	// counted is how long a count is shown before it is made anew: pages that refresh each second, in ten tabs, share it.
	counted = 3 * time.Second
	// aside is how long a page waits for Redis to tell of the servers. It has more to show.
	aside = 1500 * time.Millisecond
	// livingFor is how long a sign-in counts that was not seen again: as long as a refresh token lives.
	livingFor = 30 * 24 * time.Hour
)

// figures are what several pages count, each kept for a moment.
type figures struct {
	tallies recent[store.Tallies]
	places  recent[[]store.Place]
	names   recent[map[string]string]
}

// recent keeps a value for a moment. Whoever comes while it is being made waits for it.
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

func (a *Console) tallies(ctx context.Context) (store.Tallies, error) {
	return a.figures.tallies.get(a.Now(), func() (store.Tallies, error) { return a.Store.Tallies(ctx, a.Now(), countLimit) })
}

func (a *Console) places(ctx context.Context) ([]store.Place, error) {
	return a.figures.places.get(a.Now(), func() ([]store.Place, error) {
		return a.Store.LivingPlaces(ctx, a.Now().Add(-livingFor), countLimit)
	})
}

// clientNames are what the registered clients are called, by id.
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

// nameOf is a client's name, or its id.
func nameOf(names map[string]string, id string) string {
	if name := names[id]; name != "" {
		return name
	}
	return id
}

// house is what Redis tells of the servers and of the denylist.
type house struct {
	Replicas []denylist.Replica
	State    denylist.State
	Away     string // why it tells nothing, in a sentence; "" if it does
	Now      time.Time
}

// house asks Redis. That it does not answer is not an error of the page: it says so.
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
		h.Away = "Redis holds something else under the keys of the denylist. Until it is removed, nothing can be revoked in Redis."
	case err != nil:
		h.Away = "Redis does not answer. Every server that has not heard from it for longer than its bound refuses signed-in requests, and recovers by itself."
	}
	if err != nil {
		h.Replicas, h.State = nil, denylist.State{}
		a.Logger.WarnContext(ctx, "Redis tells nothing of the servers", "error", err)
	}
	return h
}

// The states of a server.
const (
	well    = "well"
	behind  = "behind"  // it follows, and has not applied everything yet
	loading = "loading" // it has not loaded the denylist yet, and refuses
	silent  = "silent"  // it is not heard of, and refuses by now
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

// count is how many servers are in one of the states.
func (h house) count(states ...string) (n int) {
	for _, r := range h.Replicas {
		if slices.Contains(states, h.state(r)) {
			n++
		}
	}
	return n
}

// unreadable is how many entries some server could not read, and how many servers those are.
func (h house) unreadable() (entries int64, servers int) {
	for _, r := range h.Replicas {
		if r.Unreadable > 0 {
			servers++
			entries = max(entries, r.Unreadable)
		}
	}
	return entries, servers
}
