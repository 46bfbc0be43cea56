package signoutpush

import (
	"context"
	"time"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
)

// Sessions is the Watcher of an app without a mirror of the denylist, because it has its own Redis: it polls the app's
// sessions, which back-channel logout ends, about once a second. It knows fewer reasons than the denylist.
type Sessions struct {
	Store    *session.Store
	Client   string        // this app's client id
	Interval time.Duration // polling interval; default 1 s
}

// Check returns denylist.ErrDenied if the sign-in's session in this app has ended.
func (s *Sessions) Check(sub, sid, _ string, authenticated time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	reason, err := s.Store.EndReason(ctx, nil, sub, sid, authenticated)
	if err == nil && reason != session.Unknown {
		err = denylist.ErrDenied
	}
	return err
}

// Why returns an entry that distinguishes the provider's logout, a sign-out in this app, and expiry.
func (s *Sessions) Why(ctx context.Context, sub, sid, _ string, authenticated time.Time) (denylist.Entry, bool) {
	reason, err := s.Store.EndReason(ctx, nil, sub, sid, authenticated)
	if err != nil {
		return denylist.Entry{}, false
	}
	return entryFor(reason, s.Client)
}

// expired is the reason of a session that expired; the denylist has no entry for it.
const expired = "expired"

// entryFor converts the reason why a session ended into a denylist entry, and returns false if it is unknown.
func entryFor(reason session.EndReason, client string) (denylist.Entry, bool) {
	switch reason {
	case session.Ended:
		return denylist.Entry{Kind: denylist.SignIn, Reason: denylist.ProviderLogout}, true
	case session.SignedOutHere:
		return denylist.Entry{Kind: denylist.SignIn, Reason: denylist.SignedOut, Client: client}, true
	case session.Expired:
		return denylist.Entry{Kind: denylist.SignIn, Reason: expired}, true
	}
	return denylist.Entry{}, false
}

// Watch polls until the sign-in has ended or stop is called.
func (s *Sessions) Watch(sub, sid string, authenticated time.Time) (<-chan denylist.Entry, func()) {
	interval := s.Interval
	if interval <= 0 {
		interval = time.Second
	}
	hit := make(chan denylist.Entry, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		look := time.NewTicker(jitter(interval))
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
