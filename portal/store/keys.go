package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/db"
)

// SigningKey is a signing key as it lies in the database: the private half only
// encrypted.
type SigningKey struct {
	KID              string
	Algorithm        string // JWA name: RS256, ES256
	PrivateEncrypted string
	PublicJWK        string // JSON
	CreatedAt        time.Time
	NotAfter         time.Time // zero: published without end
	Active           bool      // signs new tokens; at most one an algorithm
}

// SigningKeys are the keys that are published at now, the oldest first.
func (s *Store) SigningKeys(ctx context.Context, now time.Time) ([]SigningKey, error) {
	var rows []struct {
		KID       string `db:"kid"`
		Alg       string `db:"alg"`
		Private   string `db:"private_pem_encrypted"`
		Public    string `db:"public_jwk"`
		CreatedAt int64  `db:"created_at"`
		NotAfter  *int64 `db:"not_after"`
		Active    bool   `db:"active"`
	}
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`SELECT kid, alg, private_pem_encrypted, public_jwk, created_at, not_after, active
		FROM signing_keys WHERE not_after IS NULL OR not_after > ? ORDER BY created_at, kid`), db.Millis(now)); err != nil {
		return nil, fmt.Errorf("store: signing keys: %w", err)
	}
	keys := make([]SigningKey, len(rows))
	for i, r := range rows {
		keys[i] = SigningKey{
			KID: r.KID, Algorithm: r.Alg, PrivateEncrypted: r.Private, PublicJWK: r.Public,
			CreatedAt: db.Time(r.CreatedAt), NotAfter: timeOf(r.NotAfter), Active: r.Active,
		}
	}
	return keys, nil
}

// AddActiveKey stores k as the active key of its algorithm, unless there is one:
// then it stores nothing and reports false. Replicas may race.
func (s *Store) AddActiveKey(ctx context.Context, k SigningKey) (added bool, err error) {
	res, err := s.db.ExecContext(ctx, s.db.Rebind(`INSERT INTO signing_keys (kid, alg, private_pem_encrypted, public_jwk, created_at, active)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
		k.KID, k.Algorithm, k.PrivateEncrypted, k.PublicJWK, db.Millis(k.CreatedAt), true)
	if err != nil {
		return false, fmt.Errorf("store: add signing key: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("store: add signing key: %w", err)
	}
	return n == 1, nil
}
