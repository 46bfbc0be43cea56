package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/db"
)

// Session is the data of the portal session of an active sign-in, to restore it after Redis lost it.
type Session struct {
	User   User
	SignIn SignIn
	Began  time.Time // when the sign-in began; SignIn.CreatedAt is the time of the last authentication
	Seen   time.Time // when it was last used
}

// SetSessionKey stores the key in Redis of an active sign-in's session; the previous key becomes invalid. It returns
// ErrNotFound if the sign-in has ended.
func (s *Store) SetSessionKey(ctx context.Context, sid, key string, now time.Time) error {
	return s.update(ctx, ErrNotFound, `UPDATE sign_ins SET session_key = ?, session_seen_at = ? WHERE sid = ? AND ended_at IS NULL`,
		key, db.Millis(now), sid)
}

// TouchSession records that the session with that key was used.
func (s *Store) TouchSession(ctx context.Context, key string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE sign_ins SET session_seen_at = ? WHERE session_key = ? AND session_key <> '' AND ended_at IS NULL`),
		db.Millis(now), key); err != nil {
		return fmt.Errorf("store: session seen: %w", err)
	}
	return nil
}

// Session returns the active sign-in whose session has that key, with its user. It returns ErrNotFound if there is
// none or it has ended.
func (s *Store) Session(ctx context.Context, key string) (Session, error) {
	var row struct {
		SID   string `db:"sid"`
		Began int64  `db:"began"`
		Seen  int64  `db:"seen"`
	}
	err := s.db.GetContext(ctx, &row, s.db.Rebind(`SELECT sid, COALESCE(began_at, created_at) AS began, COALESCE(session_seen_at, created_at) AS seen FROM sign_ins
		WHERE session_key = ? AND session_key <> '' AND ended_at IS NULL`), key)
	if db.Missing(err) {
		return Session{}, ErrNotFound
	}
	if err != nil {
		return Session{}, fmt.Errorf("store: a session: %w", err)
	}
	u, in, err := s.UserAndSignIn(ctx, row.SID)
	if err == nil && !in.EndedAt.IsZero() {
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrNotFound
	}
	return Session{User: u, SignIn: in, Began: db.Time(row.Began), Seen: db.Time(row.Seen)}, err
}
