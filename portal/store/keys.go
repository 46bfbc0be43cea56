package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

var (
	// ErrKeyPending means that the algorithm has such a key already.
	ErrKeyPending = errors.New("store: there is a next signing key already")
	// ErrKeyChanged means that a key has changed since it was read: another replica was faster.
	ErrKeyChanged = errors.New("store: the signing key changed meanwhile")
)

// SigningKey is a signing key as stored: the private key is encrypted, and present only while it may have to sign.
type SigningKey struct {
	KID              string    `db:"kid"`
	Algorithm        string    `db:"alg"`                   // JWA name: RS256, ES256
	PrivateEncrypted string    `db:"private_pem_encrypted"` // "" once it no longer signs
	PublicJWK        string    `db:"public_jwk"`            // JSON
	CreatedAt        time.Time `db:"created_at"`
	ActivatesAt      time.Time `db:"activates_at"` // when the next key may begin to sign; zero for others
	ActivatedAt      time.Time `db:"activated_at"` // zero for the first keys and the next one
	NotAfter         time.Time `db:"not_after"`    // zero: published without end
	WithdrawnAt      time.Time `db:"withdrawn_at"` // zero: never
	Active           bool      `db:"active"`       // signs new tokens; one for each algorithm
}

// SigningKeys returns all stored keys, the oldest first.
func (s *Store) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	return db.All[SigningKey](ctx, s.db, "signing keys", `SELECT kid, alg, private_pem_encrypted, public_jwk, created_at, activates_at,
		activated_at, not_after, withdrawn_at, active FROM signing_keys ORDER BY created_at, kid`)
}

// AddKey returns the change that stores k: as the active key of its algorithm if k.Active, else as the next key,
// which may sign from k.ActivatesAt on. It fails with ErrKeyPending if there is such a key already.
func AddKey(k SigningKey) Change {
	return updating("add signing key", ErrKeyPending, `INSERT INTO signing_keys
		(kid, alg, private_pem_encrypted, public_jwk, created_at, activates_at, activated_at, active)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		k.KID, k.Algorithm, k.PrivateEncrypted, k.PublicJWK, db.Millis(k.CreatedAt), millisOf(k.ActivatesAt), millisOf(k.ActivatedAt), k.Active)
}

// ActivateKey returns the change that makes the next key of alg the active one. The previous one stays published
// until until, without its private key. It fails with ErrKeyChanged if kid is not the next key: of concurrent calls,
// one succeeds.
func ActivateKey(kid, alg string, now, until time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		// Clearing activates_at decides which caller proceeds, and locks the row before other rows are read.
		if err := update(ctx, tx, "activate signing key", ErrKeyChanged, `UPDATE signing_keys SET activates_at = NULL, activated_at = ?
			WHERE kid = ? AND alg = ? AND activates_at IS NOT NULL`, db.Millis(now), kid, alg); err != nil {
			return err
		}
		if err := db.Exec(ctx, tx, "retire signing key", `UPDATE signing_keys SET active = ?, not_after = ?, private_pem_encrypted = ''
			WHERE alg = ? AND active`, false, db.Millis(until), alg); err != nil {
			return err
		}
		return db.Exec(ctx, tx, "activate signing key", `UPDATE signing_keys SET active = ? WHERE kid = ?`, true, kid)
	}}
}

// WithdrawKey returns the change that withdraws a key immediately and permanently. active says whether it is the
// active key, which another has to replace in the same transaction. It fails with ErrKeyChanged if that is not the
// case, or the key is withdrawn already.
func WithdrawKey(kid string, active bool, now time.Time) Change {
	return updating("withdraw signing key", ErrKeyChanged, `UPDATE signing_keys SET active = ?, activates_at = NULL, not_after = ?,
		withdrawn_at = ?, private_pem_encrypted = '' WHERE kid = ? AND active = ? AND withdrawn_at IS NULL`,
		false, db.Millis(now), db.Millis(now), kid, active)
}

// PurgeKeys deletes the keys whose publication ended before that time.
func (s *Store) PurgeKeys(ctx context.Context, before time.Time) error {
	return s.purge(ctx, `signing_keys`, `kid`, `not_after <= ?`, before)
}
