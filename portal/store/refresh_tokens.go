package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// RefreshToken is one refresh token of a family: all tokens that descend from one authorization code.
type RefreshToken struct {
	Hash      string // hex of SHA-256 of the token
	Family    string
	UserID    string
	SID       string
	ClientID  string
	Scope     string // space separated, granted to the family
	Audience  string // of its access tokens if the client names none
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // zero: not yet used
	Successor string    // encrypted; set together with UsedAt
	RevokedAt time.Time // zero: not revoked
}

const refreshColumns = `SELECT hash, family, user_id, sid, client_id, scope, audience, created_at, expires_at, used_at, successor, revoked_at
	FROM refresh_tokens WHERE hash = ?`

func insertRefreshToken(ctx context.Context, tx *sqlx.Tx, t RefreshToken) error {
	if _, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO refresh_tokens (hash, family, user_id, sid, client_id, scope, audience, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
		t.Hash, t.Family, t.UserID, t.SID, t.ClientID, t.Scope, t.Audience, db.Millis(t.CreatedAt), db.Millis(t.ExpiresAt)); err != nil {
		return fmt.Errorf("store: add refresh token: %w", err)
	}
	return nil
}

// RefreshToken returns the token with this hash, or ErrNotFound.
func (s *Store) RefreshToken(ctx context.Context, hash string) (RefreshToken, error) {
	return scanRefreshToken(s.db.QueryRowxContext(ctx, s.db.Rebind(refreshColumns), hash))
}

// Rotate passes the token with this hash, locked, to fn, and stores what fn returns: the successor, and its
// encrypted form in the used token; nothing if next is nil. An error of fn is returned unchanged, and nothing is
// stored. It returns ErrNotFound if there is no such token.
func (s *Store) Rotate(ctx context.Context, hash string, now time.Time,
	fn func(old RefreshToken) (next *RefreshToken, encrypted string, err error),
) error {
	var sid string
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// The sign-in is locked first, as by transactions that end it or revoke a grant: this avoids deadlocks, and
		// a successor is stored before a revocation or not at all.
		var of string
		err := tx.GetContext(ctx, &of, tx.Rebind(`SELECT sid FROM refresh_tokens WHERE hash = ?`), hash)
		if db.Missing(err) {
			return ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("store: refresh token: %w", err)
		}
		over := s.holdSignIn(ctx, tx, of)
		if over != nil && !errors.Is(over, ErrNotFound) {
			return over
		}
		query := refreshColumns
		if s.db.Dialect == db.Postgres {
			query += ` FOR UPDATE`
		}
		old, err := scanRefreshToken(tx.QueryRowxContext(ctx, tx.Rebind(query), hash))
		if err != nil {
			return err
		}
		next, encrypted, err := fn(old)
		if err != nil || next == nil {
			return err
		}
		if over != nil {
			return over
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE refresh_tokens SET used_at = ?, successor = ? WHERE hash = ?`),
			db.Millis(now), encrypted, hash); err != nil {
			return fmt.Errorf("store: use refresh token: %w", err)
		}
		sid = old.SID
		return insertRefreshToken(ctx, tx, *next)
	})
	if err == nil && sid != "" {
		s.touch(ctx, sid, now)
	}
	return err
}

// PurgeRefreshTokens deletes the tokens that expired before t.
func (s *Store) PurgeRefreshTokens(ctx context.Context, t time.Time) error {
	return s.purge(ctx, `refresh_tokens`, `hash`, `expires_at < ?`, t)
}

func scanRefreshToken(row *sqlx.Row) (RefreshToken, error) {
	var t RefreshToken
	var created, expires int64
	var used, revoked *int64
	var successor sql.NullString
	err := row.Scan(&t.Hash, &t.Family, &t.UserID, &t.SID, &t.ClientID, &t.Scope, &t.Audience, &created, &expires, &used, &successor, &revoked)
	if errors.Is(err, sql.ErrNoRows) {
		return RefreshToken{}, ErrNotFound
	}
	if err != nil {
		return RefreshToken{}, fmt.Errorf("store: refresh token: %w", err)
	}
	t.CreatedAt, t.ExpiresAt, t.UsedAt, t.RevokedAt = db.Time(created), db.Time(expires), timeOf(used), timeOf(revoked)
	t.Successor = successor.String
	return t, nil
}
