package denylist

import (
	"context"
	"sync"
	"time"
)

// watchers holds the subscribers to the ends of sign-ins, such as open tabs.
type watchers struct {
	mu    sync.Mutex
	bySID map[string]map[*watcher]struct{}
	bySub map[string]map[*watcher]struct{}
}

type watcher struct {
	sub, sid      string
	authenticated time.Time
	hit           chan Entry // buffered, one entry
}

func (w *watchers) init() {
	w.bySID, w.bySub = map[string]map[*watcher]struct{}{}, map[string]map[*watcher]struct{}{}
}

func (w *watchers) add(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	addTo(w.bySID, one.sid, one)
	addTo(w.bySub, one.sub, one)
}

func addTo(lists map[string]map[*watcher]struct{}, name string, one *watcher) {
	if name == "" {
		return
	}
	if lists[name] == nil {
		lists[name] = map[*watcher]struct{}{}
	}
	lists[name][one] = struct{}{}
}

func (w *watchers) remove(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	removeFrom(w.bySID, one.sid, one)
	removeFrom(w.bySub, one.sub, one)
}

func removeFrom(lists map[string]map[*watcher]struct{}, name string, one *watcher) {
	if delete(lists[name], one); len(lists[name]) == 0 {
		delete(lists, name)
	}
}

// hasWatchers reports whether a watcher may be denied by an entry of this name.
func (w *watchers) hasWatchers(k Kind, value string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return k == Subject && len(w.bySub[value]) > 0 || k == SignIn && len(w.bySID[value]) > 0
}

// all returns all watchers of sign-ins with a sub.
func (w *watchers) all() (all []*watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.bySub {
		for one := range list {
			all = append(all, one)
		}
	}
	return all
}

// notify sends e to the watchers that it denies.
func (w *watchers) notify(e Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var candidates map[*watcher]struct{}
	switch e.Kind {
	case Subject:
		candidates = w.bySub[e.Value]
	case SignIn:
		candidates = w.bySID[e.Value]
	}
	for one := range candidates {
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
