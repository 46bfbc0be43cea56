package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// RefreshToken is one refresh token of a family: all tokens that descend from one authorization code.
type RefreshToken struct {
	Hash      string    `db:"hash"` // hex of SHA-256 of the token
	Family    string    `db:"family"`
	UserID    string    `db:"user_id"`
	SID       string    `db:"sid"`
	ClientID  string    `db:"client_id"`
	Scope     string    `db:"scope"`    // space separated, granted to the family
	Audience  string    `db:"audience"` // of its access tokens if the client names none
	CreatedAt time.Time `db:"created_at"`
	ExpiresAt time.Time `db:"expires_at"`
	UsedAt    time.Time `db:"used_at"`    // zero: not yet used
	Successor string    `db:"successor"`  // encrypted; set together with UsedAt
	RevokedAt time.Time `db:"revoked_at"` // zero: not revoked
}

const selectRefreshToken = `SELECT hash, family, user_id, sid, client_id, scope, audience, created_at, expires_at, used_at, successor, revoked_at
	FROM refresh_tokens WHERE hash = ?`

func insertRefreshToken(ctx context.Context, tx *sqlx.Tx, t RefreshToken) error {
	return db.Exec(ctx, tx, "add refresh token", `INSERT INTO refresh_tokens (hash, family, user_id, sid, client_id, scope, audience, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.Hash, t.Family, t.UserID, t.SID, t.ClientID, t.Scope, t.Audience, db.Millis(t.CreatedAt), db.Millis(t.ExpiresAt))
}

// RefreshToken returns the token with this hash, or ErrNotFound.
func (s *Store) RefreshToken(ctx context.Context, hash string) (RefreshToken, error) {
	return db.One[RefreshToken](ctx, s.db, "refresh token", selectRefreshToken, hash)
}

// Rotate passes the token with this hash, locked, to fn, and stores what fn returns: the successor, and its
// encrypted form in the used token; nothing if next is nil. An error of fn is returned unchanged, and nothing is
// stored. It returns ErrNotFound if there is no such token.
func (s *Store) Rotate(ctx context.Context, hash string, now time.Time,
	fn func(old RefreshToken) (next *RefreshToken, encrypted string, err error),
) error {
	var usedSID string
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// The sign-in is locked first, as by transactions that end it or revoke a grant: this avoids deadlocks, and
		// a successor is stored before a revocation or not at all.
		sid, err := db.One[string](ctx, tx, "refresh token", `SELECT sid FROM refresh_tokens WHERE hash = ?`, hash)
		if err != nil {
			return err
		}
		ended := s.lockSignIn(ctx, tx, sid)
		if err := unlessMissing(ended); err != nil {
			return err
		}
		old, err := db.One[RefreshToken](ctx, tx, "refresh token", selectRefreshToken+s.onPostgres(` FOR UPDATE`), hash)
		if err != nil {
			return err
		}
		next, encrypted, err := fn(old)
		if err != nil || next == nil {
			return err
		}
		if ended != nil {
			return ended
		}
		if err := db.Exec(ctx, tx, "use refresh token", `UPDATE refresh_tokens SET used_at = ?, successor = ? WHERE hash = ?`,
			db.Millis(now), encrypted, hash); err != nil {
			return err
		}
		usedSID = old.SID
		return insertRefreshToken(ctx, tx, *next)
	})
	if err == nil && usedSID != "" {
		_ = s.TouchSignIn(ctx, usedSID, now) // outside the transaction, to hold no lock
	}
	return err
}

// PurgeRefreshTokens deletes the tokens that expired before t.
func (s *Store) PurgeRefreshTokens(ctx context.Context, t time.Time) error {
	return s.purge(ctx, `refresh_tokens`, `hash`, `expires_at < ?`, t)
}
