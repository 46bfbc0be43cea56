package portal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/session"
)

// sessionRecovery restores the portal's sessions from the database, so that a Redis that lost its data signs no user
// out (session.Options.Recover and Seen).
type sessionRecovery struct {
	records *store.Store
	now     func() time.Time
	log     *slog.Logger
}

// recoverSession returns the session with that key, nil if its sign-in has ended or its user is disabled. Its age is
// that of the sign-in, even if the password was entered again since.
func (r sessionRecovery) recoverSession(ctx context.Context, key string) (*session.Record, error) {
	s, err := r.records.Session(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.User.Disabled(r.now()) {
		return nil, nil
	}
	r.log.InfoContext(ctx, "recovered a session from the database", "sid", s.SignIn.SID)
	return &session.Record{
		Subject: s.User.ID, SID: s.SignIn.SID, Name: s.User.Name, Email: s.User.Email, Roles: s.User.Roles,
		AuthTime: s.SignIn.CreatedAt, CreatedAt: s.Began, SeenAt: s.Seen,
	}, nil
}

// recordUse records that the session was used.
func (r sessionRecovery) recordUse(ctx context.Context, key string, now time.Time) {
	if err := r.records.TouchSession(ctx, key, now); err != nil && ctx.Err() == nil {
		r.log.WarnContext(ctx, "cannot record the last use of a session", "error", err)
	}
}
