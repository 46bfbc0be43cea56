// Package keys holds the portal's signing keys: one RSA key for ID and logout
// tokens (RS256, which every client knows) and one P-256 key for access tokens
// (ES256, thirty times cheaper to sign). They are made at the first start, lie in
// the database encrypted, and are published as a JWK Set (RFC 7517).
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"gatehouse/portal/store"
)

// The algorithms, by their JWA names (RFC 7518 §3.1).
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

const rsaBits = 2048

// Records is the part of the store that keys need.
type Records interface {
	SigningKeys(ctx context.Context, now time.Time) ([]store.SigningKey, error)
	AddActiveKey(ctx context.Context, k store.SigningKey) (added bool, err error)
}

// Key is one published key.
type Key struct {
	KID       string // RFC 7638 thumbprint
	Algorithm string
	Private   crypto.Signer
	Active    bool // signs what is new; the others only verify what is old
}

// Ring is the set of published keys. It does not change: a replica that is to see
// a rotation opens a new ring.
type Ring struct {
	keys   []Key
	byKID  map[string]Key
	active map[string]Key
	jwks   []byte
}

// Open loads the keys that secret (32 bytes) decrypts, and makes those that are
// missing. Any number of replicas may do so at once: they end with the same keys.
// ErrSecret says that the database's keys were encrypted with another secret.
func Open(ctx context.Context, records Records, secret []byte, now time.Time) (*Ring, error) {
	if records == nil {
		return nil, errors.New("keys: a store is needed")
	}
	box, err := newBox(secret)
	if err != nil {
		return nil, err
	}
	rows, err := records.SigningKeys(ctx, now)
	if err != nil {
		return nil, err
	}
	made := false
	for _, alg := range []string{RS256, ES256} {
		if hasActive(rows, alg) {
			continue
		}
		row, err := generate(box, alg, now)
		if err != nil {
			return nil, err
		}
		if _, err := records.AddActiveKey(ctx, row); err != nil {
			return nil, err
		}
		made = true
	}
	if made { // by us or by a faster replica
		if rows, err = records.SigningKeys(ctx, now); err != nil {
			return nil, err
		}
	}
	return newRing(box, rows)
}

func hasActive(rows []store.SigningKey, alg string) bool {
	for _, r := range rows {
		if r.Active && r.Algorithm == alg {
			return true
		}
	}
	return false
}

func generate(b *box, alg string, now time.Time) (store.SigningKey, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("algorithm %q is not known", alg)
	}
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("keys: generate: %w", err)
	}
	jwk, err := publicJWK(private.Public(), alg)
	if err != nil {
		return store.SigningKey{}, err
	}
	public, err := json.Marshal(jwk)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("keys: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("keys: %w", err)
	}
	sealed := b.seal(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), jwk.KID)
	return store.SigningKey{KID: jwk.KID, Algorithm: alg, PrivateEncrypted: sealed, PublicJWK: string(public), CreatedAt: now, Active: true}, nil
}

func newRing(b *box, rows []store.SigningKey) (*Ring, error) {
	r := &Ring{byKID: map[string]Key{}, active: map[string]Key{}}
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, row := range rows {
		private, err := decode(b, row)
		if err != nil {
			return nil, err
		}
		k := Key{KID: row.KID, Algorithm: row.Algorithm, Private: private, Active: row.Active}
		r.keys = append(r.keys, k)
		r.byKID[k.KID] = k
		if k.Active {
			r.active[k.Algorithm] = k
		}
		set.Keys = append(set.Keys, json.RawMessage(row.PublicJWK))
	}
	for _, alg := range []string{RS256, ES256} {
		if _, ok := r.active[alg]; !ok {
			return nil, fmt.Errorf("keys: there is no active %s key", alg)
		}
	}
	var err error
	if r.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return r, nil
}

func decode(b *box, row store.SigningKey) (crypto.Signer, error) {
	text, err := b.open(row.PrivateEncrypted, row.KID)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("keys: key %s is not PEM", row.KID)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("keys: key %s: %w", row.KID, err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keys: key %s can't sign", row.KID)
	}
	if k, ok := signer.(*rsa.PrivateKey); ok {
		k.Precompute() // the Chinese remainder values make signing three times faster
	}
	return signer, nil
}

// Active is the key that signs with alg.
func (r *Ring) Active(alg string) (Key, error) {
	k, ok := r.active[alg]
	if !ok {
		return Key{}, fmt.Errorf("keys: there is no active %s key", alg)
	}
	return k, nil
}

// ByKID is the published key of this id.
func (r *Ring) ByKID(kid string) (Key, bool) {
	k, ok := r.byKID[kid]
	return k, ok
}

// Published are all published keys, the oldest first.
func (r *Ring) Published() []Key { return append([]Key(nil), r.keys...) }

// JWKS is the published JWK Set as JSON (RFC 7517 §5).
func (r *Ring) JWKS() []byte { return r.jwks }
