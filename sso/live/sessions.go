package live

import (
	"context"
	"time"

	"gatehouse/sso/revocation"
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

// Check is revocation.ErrDenied where no session of the sign-in is left.
func (s *Sessions) Check(sub, sid, _ string, _ time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	living, _, err := s.Store.Look(ctx, sub, sid)
	if err == nil && !living {
		err = revocation.ErrDenied
	}
	return err
}

// Why tells the provider's word from a sign-out here.
func (s *Sessions) Why(ctx context.Context, sub, sid, _ string, _ time.Time) (revocation.Entry, bool) {
	if sub == "" && sid == "" {
		return revocation.Entry{}, false
	}
	living, ended, err := s.Store.Look(ctx, sub, sid)
	switch {
	case err != nil || living:
		return revocation.Entry{}, false
	case ended:
		return revocation.Entry{Kind: revocation.SignIn, Value: sid, Reason: revocation.ProviderLogout}, true
	}
	return revocation.Entry{Kind: revocation.SignIn, Value: sid, Reason: revocation.SignedOut, Client: s.Client}, true
}

// Watch looks until it has seen the end, or stop is called.
func (s *Sessions) Watch(sub, sid string, authenticated time.Time) (<-chan revocation.Entry, func()) {
	every := s.Every
	if every <= 0 {
		every = time.Second
	}
	hit := make(chan revocation.Entry, 1)
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
