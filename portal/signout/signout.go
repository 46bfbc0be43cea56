// Package signout ends sign-ins so that "signed out" is true when it is shown: in
// one transaction it marks them ended, revokes their refresh tokens, records the
// event and writes down whom to tell; then it ends the portal's own sessions on
// every replica, and tells the clients, waiting a bounded time for their answers.
// Whoever could not be told in that time is told later (package backchannel).
package signout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/portal/backchannel"
	"gatehouse/portal/store"
)

// Why a sign-in ended; it stays in the record.
const (
	ByPerson        = "sign_out"
	Elsewhere       = "ended_by_person" // by the same person on another browser
	Everywhere      = "everywhere"
	PasswordChanged = "password_changed"
	TokenReplay     = "token_replay" // a refresh token was used twice: a thief has it
)

// The scopes of a sign_out event.
const (
	scopeSession    = "session"
	scopeEverywhere = "everywhere"
)

// portalClient is the client_id in events about sign-outs asked for at the portal itself.
const portalClient = "portal"

// telling bounds the whole of telling clients, however many they are.
const telling = 3 * time.Second

// Records is the part of the store that endings need.
type Records interface {
	EndSignIns(ctx context.Context, e store.Ending) ([]store.Ended, error)
}

// Sessions are the portal's own.
type Sessions interface {
	EndSID(ctx context.Context, sid string) (int, error)
}

// Sender tells clients.
type Sender interface {
	Deliver(ctx context.Context, notices []store.Notice) []backchannel.Result
}

// Deps are what a Service needs. Recorded, if given, is called after events were
// recorded, so that they are published soon.
type Deps struct {
	Records  Records
	Sessions Sessions
	Sender   Sender
	Now      func() time.Time
	Recorded func()
}

// Service ends sign-ins.
type Service struct{ d Deps }

// New refuses a missing dependency.
func New(d Deps) (*Service, error) {
	if d.Records == nil || d.Sessions == nil || d.Sender == nil || d.Now == nil {
		return nil, errors.New("signout: a dependency is missing")
	}
	return &Service{d: d}, nil
}

// End ends one sign-in, as asked for at the portal. One that is unknown or has
// ended already is no error. An error means that it may live on: nothing that
// says "signed out" may be shown then.
func (s *Service) End(ctx context.Context, sid, reason string) error {
	return s.EndFrom(ctx, portalClient, sid, reason)
}

// EndFrom is End, as asked for by a client.
func (s *Service) EndFrom(ctx context.Context, clientID, sid, reason string) error {
	if sid == "" {
		return nil
	}
	_, err := s.end(ctx, store.Ending{SID: sid, Reason: reason, Client: clientID, Scope: scopeSession}, sid)
	return err
}

// EndOthers ends all sign-ins of a person but keepSID, and says how many.
func (s *Service) EndOthers(ctx context.Context, userID, keepSID, reason string) (int, error) {
	return s.end(ctx, store.Ending{UserID: userID, Except: keepSID, Reason: reason, Client: portalClient, Scope: scopeEverywhere})
}

// EndAll ends all sign-ins of a person, and says how many.
func (s *Service) EndAll(ctx context.Context, userID, reason string) (int, error) {
	return s.EndOthers(ctx, userID, "", reason)
}

// end does it. The sessions of also are ended even if their sign-in ended before:
// an earlier attempt may have been cut short after its transaction.
func (s *Service) end(ctx context.Context, e store.Ending, also ...string) (int, error) {
	// Once begun it is carried through, though the browser may have gone.
	ctx = context.WithoutCancel(ctx)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	e.Now = s.d.Now()
	e.Retried = e.Now.Add(backchannel.HeadStart)
	ended, err := s.d.Records.EndSignIns(ctx, e)
	if err != nil {
		return 0, err
	}
	if len(ended) > 0 && s.d.Recorded != nil {
		s.d.Recorded()
	}
	sids := map[string]bool{}
	for _, sid := range also {
		sids[sid] = true
	}
	var notices []store.Notice
	for _, one := range ended {
		sids[one.SID] = true
		notices = append(notices, one.Notices...)
	}
	var errs []error
	for sid := range sids {
		if _, err := s.d.Sessions.EndSID(ctx, sid); err != nil {
			errs = append(errs, err)
		}
	}
	tell, stop := context.WithTimeout(ctx, telling)
	defer stop()
	s.d.Sender.Deliver(tell, notices)
	if err := errors.Join(errs...); err != nil {
		return len(ended), fmt.Errorf("signout: the portal's sessions: %w", err)
	}
	return len(ended), nil
}
