package portal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/session"
)

// kept restores the portal's sessions from the database, so that a Redis that lost its data signs no user out
// (session.Options.Recover and Seen).
type kept struct {
	records *store.Store
	now     func() time.Time
	log     *slog.Logger
}

// session returns the session with that key, nil if its sign-in has ended or its user is disabled. Its age is that
// of the sign-in, even if the password was entered again since.
func (k kept) session(ctx context.Context, key string) (*session.Record, error) {
	s, err := k.records.Session(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.User.Disabled(k.now()) {
		return nil, nil
	}
	k.log.InfoContext(ctx, "recovered a session from the database", "sid", s.SignIn.SID)
	return &session.Record{
		Subject: s.User.ID, SID: s.SignIn.SID, Name: s.User.Name, Email: s.User.Email, Roles: s.User.Roles,
		AuthTime: s.SignIn.CreatedAt, CreatedAt: s.Began, SeenAt: s.Seen,
	}, nil
}

// seen records that the session was used.
func (k kept) seen(ctx context.Context, key string, now time.Time) {
	if err := k.records.TouchSession(ctx, key, now); err != nil && ctx.Err() == nil {
		k.log.WarnContext(ctx, "cannot record the use of a session", "error", err)
	}
}
