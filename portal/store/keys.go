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
	// ErrKeyPending means that the algorithm has such a key already.
	ErrKeyPending = errors.New("store: there is a next signing key already")
	// ErrKeyChanged means that a key has changed since it was read: another replica was faster.
	ErrKeyChanged = errors.New("store: the signing key changed meanwhile")
)

// SigningKey is a signing key as stored: the private key is encrypted, and present only while it may have to sign.
type SigningKey struct {
	KID              string
	Algorithm        string // JWA name: RS256, ES256
	PrivateEncrypted string // "" once it no longer signs
	PublicJWK        string // JSON
	CreatedAt        time.Time
	ActivatesAt      time.Time // when the next key may begin to sign; zero for others
	ActivatedAt      time.Time // zero for the first keys and the next one
	NotAfter         time.Time // zero: published without end
	WithdrawnAt      time.Time // zero: never
	Active           bool      // signs new tokens; one for each algorithm
}

// SigningKeys returns all stored keys, the oldest first.
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

// AddKey returns the change that stores k: as the active key of its algorithm if k.Active, else as the next key,
// which may sign from k.ActivatesAt on. It fails with ErrKeyPending if there is such a key already.
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

// ActivateKey returns the change that makes the next key of alg the active one. The previous one stays published
// until until, without its private key. It fails with ErrKeyChanged if kid is not the next key: of concurrent calls,
// one succeeds.
func ActivateKey(kid, alg string, now, until time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		// Clearing activates_at decides which caller proceeds, and locks the row before other rows are read.
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

// WithdrawKey returns the change that withdraws a key immediately and permanently. active says whether it is the
// active key, which another has to replace in the same transaction. It fails with ErrKeyChanged if that is not the
// case, or the key is withdrawn already.
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

// PurgeKeys deletes the keys whose publication ended before that time.
func (s *Store) PurgeKeys(ctx context.Context, before time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`DELETE FROM signing_keys WHERE not_after <= ?`), db.Millis(before)); err != nil {
		return fmt.Errorf("store: purge signing keys: %w", err)
	}
	return nil
}

// affected returns the number of rows that a statement changed.
func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
