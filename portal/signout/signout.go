// Package signout ends sign-ins so that "signed out" is true when it is shown:
//
//	transaction ─▶ denylist in Redis ─┬─▶ every server confirms (at most a second)
//	                                  ├─▶ the portal's own sessions end
//	                                  └─▶ clients are told by back channel (bounded)
//	                                        └─▶ receipt ─▶ "you are signed out"
//
// The transaction marks the sign-ins ended, revokes their refresh tokens, records the
// event, and writes down what the denylist must hold and whom to tell. Whatever fails
// after it is made good by whichever replica of the portal comes first (packages
// denylist and backchannel): it is late then, never lost.
package signout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/portal/backchannel"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
	"gatehouse/sso/session"
)

// Why a sign-in ended; it stays in the record.
const (
	ByPerson        = denylist.SignedOut
	Elsewhere       = denylist.EndedElsewhere // by the same person on another browser
	Everywhere      = denylist.Everywhere
	PasswordChanged = denylist.PasswordChanged
	RolesChanged    = denylist.RolesChanged
	Banned          = denylist.Banned
	EndedByAdmin    = denylist.EndedByAdmin
	AccountDeleted  = denylist.AccountDeleted
	TokenReplay     = denylist.TokenReplay // a refresh token was used twice: a thief has it
	TokenRevoked    = denylist.TokenRevoked
	Replaced        = denylist.Replaced // by another one on the same browser
)

// The scopes of a sign_out event.
const (
	scopeSession    = "session"
	scopeEverywhere = "everywhere"
)

// portalClient is the client_id of what was asked for at the portal itself.
const portalClient = "portal"

const (
	// Longest is how long the denylist has to know of a sign-in or a person that was
	// ended: an app's session, which knows nothing else of it, lives for a day from
	// its beginning, an access token for minutes and the leeway of clocks.
	Longest = 24*time.Hour + 10*time.Minute
	// carried bounds the whole of an ending.
	carried = 10 * time.Second
	// telling bounds the whole of telling clients, however many they are.
	telling = 3 * time.Second
	// settled is after how long a published revocation is known to everyone who may
	// still answer.
	settled = 5 * time.Second
)

// Records is the part of the store that endings need.
type Records interface {
	EndSignIns(ctx context.Context, e store.Ending) (store.Outcome, error)
	RevocationsPublished(ctx context.Context, seqs []int64, now time.Time) error
	SaveReceipt(ctx context.Context, r store.Receipt) error
	Receipt(ctx context.Context, ending string) (store.Receipt, error)
}

// Denylist is what every replica of every service knows (package denylist).
type Denylist interface {
	Publish(ctx context.Context, revocations []store.Revocation) (denylist.Written, error)
	Await(ctx context.Context, w denylist.Written, bound time.Duration) denylist.Receipt
	Wake()
}

// Sessions are the portal's own.
type Sessions interface {
	EndSID(ctx context.Context, sid string) (int, error)
}

// Sender tells clients.
type Sender interface {
	Deliver(ctx context.Context, notices []store.Notice) []backchannel.Result
}

// Deps are what a Service needs. Bound is how long it waits for servers to confirm;
// denylist.DefaultBound unless told. Recorded, if given, is called after events
// were recorded, so that they are published soon.
type Deps struct {
	Records  Records
	Denylist Denylist
	Sessions Sessions
	Sender   Sender
	Now      func() time.Time
	Logger   *slog.Logger
	Bound    time.Duration
	Recorded func()
}

// Service ends sign-ins.
type Service struct{ d Deps }

// New refuses a missing dependency.
func New(d Deps) (*Service, error) {
	if d.Records == nil || d.Denylist == nil || d.Sessions == nil || d.Sender == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("signout: a dependency is missing")
	}
	if d.Bound <= 0 {
		d.Bound = denylist.DefaultBound
	}
	if d.Recorded == nil {
		d.Recorded = func() {}
	}
	return &Service{d: d}, nil
}

// End ends one sign-in, as asked for at the portal. One that is unknown or has
// ended already is no error. An error means that it may live on: nothing that
// says "signed out" may be shown then. It wraps session.ErrUnavailable when the
// sign-in has ended and not every server could be told yet.
func (s *Service) End(ctx context.Context, sid, reason string) error {
	return s.EndFrom(ctx, portalClient, sid, reason)
}

// EndFrom is End, as asked for by a client.
func (s *Service) EndFrom(ctx context.Context, clientID, sid, reason string) error {
	if sid == "" {
		return nil
	}
	_, err := s.promised(s.Do(ctx, Act{SID: sid, Reason: reason, Client: clientID}))
	return err
}

// EndOthers ends all sign-ins of a person but keepSID, which may be empty, and says
// how many.
func (s *Service) EndOthers(ctx context.Context, userID, keepSID, reason string) (int, error) {
	return s.promised(s.Do(ctx, Act{UserID: userID, Except: keepSID, Reason: reason}))
}

// promised makes an error of what is not true everywhere yet.
func (s *Service) promised(d Done, err error) (int, error) {
	if err == nil && !d.Confirmed {
		err = fmt.Errorf("signout: the servers could not be told yet: %w", session.ErrUnavailable)
	}
	return d.Ended, err
}
