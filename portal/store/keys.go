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

var (
	// ErrKeyPending says that the next key of this algorithm has been made already.
	ErrKeyPending = errors.New("store: there is a next signing key already")
	// ErrKeyChanged says that a key is no longer what it was when it was read: another replica was faster.
	ErrKeyChanged = errors.New("store: the signing key changed meanwhile")
)

// SigningKey is a signing key as it lies in the database: the private half only
// encrypted, and only while it may still have to sign.
type SigningKey struct {
	KID              string
	Algorithm        string // JWA name: RS256, ES256
	PrivateEncrypted string // "" once it signs no more
	PublicJWK        string // JSON
	CreatedAt        time.Time
	ActivatesAt      time.Time // zero unless it is the next one: when it may begin to sign
	ActivatedAt      time.Time // zero for the first keys and the next one
	NotAfter         time.Time // zero: published without end
	WithdrawnAt      time.Time // zero: never
	Active           bool      // signs new tokens; one an algorithm
}

// SigningKeys are all keys that are kept, the oldest first.
func (s *Store) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	var rows []struct {
		KID         string `db:"kid"`
		Alg         string `db:"alg"`
		Private     string `db:"private_pem_encrypted"`
		Public      string `db:"public_jwk"`
		CreatedAt   int64  `db:"created_at"`
		ActivatesAt *int64 `db:"activates_at"`
		ActivatedAt *int64 `db:"activated_at"`
		NotAfter    *int64 `db:"not_after"`
		WithdrawnAt *int64 `db:"withdrawn_at"`
		Active      bool   `db:"active"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT kid, alg, private_pem_encrypted, public_jwk, created_at, activates_at,
		activated_at, not_after, withdrawn_at, active FROM signing_keys ORDER BY created_at, kid`); err != nil {
		return nil, fmt.Errorf("store: signing keys: %w", err)
	}
	keys := make([]SigningKey, len(rows))
	for i, r := range rows {
		keys[i] = SigningKey{
			KID: r.KID, Algorithm: r.Alg, PrivateEncrypted: r.Private, PublicJWK: r.Public, CreatedAt: db.Time(r.CreatedAt),
			ActivatesAt: timeOf(r.ActivatesAt), ActivatedAt: timeOf(r.ActivatedAt), NotAfter: timeOf(r.NotAfter),
			WithdrawnAt: timeOf(r.WithdrawnAt), Active: r.Active,
		}
	}
	return keys, nil
}

// AddKey stores k: as the active key of its algorithm if k.Active, and else as the
// next one, which may sign from k.ActivatesAt on. ErrKeyPending says that there is
// such a key already: then nothing is stored.
func AddKey(k SigningKey) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		n, err := affected(tx.ExecContext(ctx, tx.Rebind(`INSERT INTO signing_keys
			(kid, alg, private_pem_encrypted, public_jwk, created_at, activates_at, activated_at, active)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
			k.KID, k.Algorithm, k.PrivateEncrypted, k.PublicJWK, db.Millis(k.CreatedAt), millisOf(k.ActivatesAt), millisOf(k.ActivatedAt), k.Active))
		if err != nil {
			return fmt.Errorf("add signing key: %w", err)
		}
		if n == 0 {
			return ErrKeyPending
		}
		return nil
	}}
}

// ActivateKey makes the next key of alg the active one. The one before stays
// published until until, without its private half. ErrKeyChanged says that kid is not the next key any
// more: of replicas that come at once, one activates.
func ActivateKey(kid, alg string, now, until time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		// Whoever takes the mark away may go on; it also locks the row, before others are looked at.
		n, err := affected(tx.ExecContext(ctx, tx.Rebind(`UPDATE signing_keys SET activates_at = NULL, activated_at = ?
			WHERE kid = ? AND alg = ? AND activates_at IS NOT NULL`), db.Millis(now), kid, alg))
		if err != nil {
			return fmt.Errorf("activate signing key: %w", err)
		}
		if n == 0 {
			return ErrKeyChanged
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE signing_keys SET active = ?, not_after = ?, private_pem_encrypted = ''
			WHERE alg = ? AND active`), false, db.Millis(until), alg); err != nil {
			return fmt.Errorf("retire signing key: %w", err)
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE signing_keys SET active = ? WHERE kid = ?`), true, kid); err != nil {
			return fmt.Errorf("activate signing key: %w", err)
		}
		return nil
	}}
}

// WithdrawKey ends a key at once and for good. active says whether it is the active
// one, whose place another has to take in the same transaction. ErrKeyChanged says
// that this is not so any more, or that the key was withdrawn already.
func WithdrawKey(kid string, active bool, now time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		n, err := affected(tx.ExecContext(ctx, tx.Rebind(`UPDATE signing_keys SET active = ?, activates_at = NULL, not_after = ?,
			withdrawn_at = ?, private_pem_encrypted = '' WHERE kid = ? AND active = ? AND withdrawn_at IS NULL`),
			false, db.Millis(now), db.Millis(now), kid, active))
		if err != nil {
			return fmt.Errorf("withdraw signing key: %w", err)
		}
		if n == 0 {
			return ErrKeyChanged
		}
		return nil
	}}
}

// PurgeKeys forgets the keys that have not been published since before.
func (s *Store) PurgeKeys(ctx context.Context, before time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`DELETE FROM signing_keys WHERE not_after <= ?`), db.Millis(before)); err != nil {
		return fmt.Errorf("store: purge signing keys: %w", err)
	}
	return nil
}

// affected is how many rows a statement changed.
func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
