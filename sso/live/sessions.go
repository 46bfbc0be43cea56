package live

import (
	"context"
	"time"

	"gatehouse/sso/denylist"
	"gatehouse/sso/session"
)

// Sessions is the Watcher of an app that has no mirror of the denylist, since its Redis
// is its own: it looks at the app's sessions, which back-channel logout ends, every
// second or so. It knows less of why they ended than the denylist does.
type Sessions struct {
	Store  *session.Store
	Client string        // this app's client id
	Every  time.Duration // between two looks; 1 s
}

// Check is denylist.ErrDenied for a sign-in that is over here.
func (s *Sessions) Check(sub, sid, _ string, authenticated time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fate, err := s.Store.Fate(ctx, nil, sub, sid, authenticated)
	if err == nil && fate != session.Unknown {
		err = denylist.ErrDenied
	}
	return err
}

// Why tells the provider's word from a sign-out here.
func (s *Sessions) Why(ctx context.Context, sub, sid, _ string, authenticated time.Time) (denylist.Entry, bool) {
	fate, err := s.Store.Fate(ctx, nil, sub, sid, authenticated)
	if err != nil {
		return denylist.Entry{}, false
	}
	return entry(fate, s.Client)
}

// expired is the reason of a session that ended by itself; no denylist has it.
const expired = "expired"

// entry words the fate of a session as the denylist would; false if there is nothing
// to tell.
func entry(fate session.Fate, client string) (denylist.Entry, bool) {
	switch fate {
	case session.Ended:
		return denylist.Entry{Kind: denylist.SignIn, Reason: denylist.ProviderLogout}, true
	case session.Left:
		return denylist.Entry{Kind: denylist.SignIn, Reason: denylist.SignedOut, Client: client}, true
	case session.Expired:
		return denylist.Entry{Kind: denylist.SignIn, Reason: expired}, true
	}
	return denylist.Entry{}, false
}

// Watch looks until it has seen the end, or stop is called.
func (s *Sessions) Watch(sub, sid string, authenticated time.Time) (<-chan denylist.Entry, func()) {
	every := s.Every
	if every <= 0 {
		every = time.Second
	}
	hit := make(chan denylist.Entry, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		look := time.NewTicker(about(every))
		defer look.Stop()
		for {
			if e, over := s.Why(ctx, sub, sid, "", authenticated); over {
				hit <- e
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-look.C:
			}
		}
	}()
	return hit, stop
}
