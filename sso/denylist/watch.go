package denylist

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// watchers holds the subscribers to the ends of sign-ins, such as open tabs, by their user and by their sign-in.
type watchers struct {
	mu sync.Mutex
	by map[watched]map[*watcher]struct{}
}

type watched struct {
	kind  Kind
	value string
}

type watcher struct {
	sub, sid      string
	authenticated time.Time
	hit           chan Entry // buffered, one entry
}

func (one *watcher) keys() [2]watched { return [2]watched{{Subject, one.sub}, {SignIn, one.sid}} }

func (w *watchers) add(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range one.keys() {
		if w.by[key] == nil {
			w.by[key] = map[*watcher]struct{}{}
		}
		w.by[key][one] = struct{}{}
	}
}

func (w *watchers) remove(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range one.keys() {
		if delete(w.by[key], one); len(w.by[key]) == 0 {
			delete(w.by, key)
		}
	}
}

// hasWatchers reports whether a watcher may be denied by an entry of this name.
func (w *watchers) hasWatchers(k Kind, value string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.by[watched{k, value}]) > 0
}

// all returns all watchers of sign-ins with a sub.
func (w *watchers) all() (all []*watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, list := range w.by {
		if key.kind == Subject && key.value != "" {
			all = slices.AppendSeq(all, maps.Keys(list))
		}
	}
	return all
}

// notify sends e to the watchers that it denies.
func (w *watchers) notify(e Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.by[watched{e.Kind, e.Value}] {
		if e.denies(one.sub, one.sid, "", one.authenticated) {
			one.send(e)
		}
	}
}

func (one *watcher) send(e Entry) {
	select {
	case one.hit <- e:
	default: // it has received an entry already
	}
}

// Watch returns a channel that receives, once, the entry that denies this sign-in: when it is applied, or at once if
// that has happened already. The caller must call stop.
func (m *Mirror) Watch(sub, sid string, authenticated time.Time) (hit <-chan Entry, stop func()) {
	one := &watcher{sub: sub, sid: sid, authenticated: authenticated, hit: make(chan Entry, 1)}
	m.watchers.add(one)
	// The watcher is added first: an entry that is applied meanwhile may reach it twice, but is never missed.
	if m.denies(sub, sid, "", authenticated) {
		m.notify(context.Background(), one)
	}
	return one.hit, func() { m.watchers.remove(one) }
}

// notify sends one the entry that denies it and that has been applied.
func (m *Mirror) notify(ctx context.Context, one *watcher) {
	ctx, cancel := m.deadline(ctx, 0)
	defer cancel()
	e, ok := m.Why(ctx, one.sub, one.sid, "", one.authenticated)
	if !ok {
		e = Entry{Kind: SignIn, Value: one.sid}
	}
	one.send(e)
}

// notifyDenied notifies the watchers that the loaded set denies: it contains the log entries that were missed.
func (m *Mirror) notifyDenied(ctx context.Context) {
	for _, one := range m.watchers.all() {
		if m.denies(one.sub, one.sid, "", one.authenticated) {
			m.notify(ctx, one)
		}
	}
}
