// Package keys holds the portal's signing keys: RSA for ID and logout tokens
// (RS256, which every client knows) and P-256 for access tokens (ES256, thirty times
// cheaper to sign). The first ones are made at the first start. They lie in the
// database encrypted, and are published as a JWK Set (RFC 7517).
//
// The life of a key, one algorithm at a time:
//
//	next       published, signs nothing yet: whoever keeps the JWK Set gets to know it
//	  ↓        when Ahead has passed, by whichever replica comes first
//	active     signs
//	  ↓        at once with the activation of the one after it; its private half is gone
//	old        published, until the last token that it signed has died
//	  ↓
//	retired    published no longer; an ID token that it signed still says, as a hint, who is meant
//	  ↓        when no sign-in can be as old
//	forgotten
//
// A key that somebody else may have is withdrawn: from any of these at once to
// nothing.
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/seal"
)

// The algorithms, by their JWA names (RFC 7518 §3.1).
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

// Algorithms are those that each have an active key.
var Algorithms = []string{RS256, ES256}

const rsaBits = 2048

// SecretSize is the size of the portal's secret in bytes.
const SecretSize = 32

// ErrSecret is returned when a key in the database does not decrypt.
var ErrSecret = errors.New("the signing keys in the database were encrypted with another key than the one configured; " +
	"give the portal the key that it was first started with")

const (
	// MaxAge is how long anybody may keep the published JWK Set.
	MaxAge = 5 * time.Minute
	// Ahead is how long a key is published before it signs: every copy of the JWK Set
	// has been replaced by then, also where it was fetched through a second cache.
	Ahead = 2 * MaxAge
	// Margin is how long a key stays published after the last token that it signed has
	// expired: verifiers' clocks may be apart, and a replica may have signed with it
	// until it noticed.
	Margin = 2 * time.Minute
)

// Records is the part of the store that keys need.
type Records interface {
	SigningKeys(ctx context.Context) ([]store.SigningKey, error)
	Apply(ctx context.Context, changes ...store.Change) error
	PurgeKeys(ctx context.Context, before time.Time) error
}

// Deps are what a Rotor needs. All are required.
type Deps struct {
	Records    Records
	Secret     []byte           // the portal's, SecretSize bytes
	OldSecrets [][]byte         // earlier ones, which only open
	TokenLife  time.Duration    // of the longest-lived token that is signed
	HintLife   time.Duration    // for how long an ID token that was issued is still of use as a hint: the longest sign-in
	Now        func() time.Time //
	Logger     *slog.Logger
}

// Open loads the keys that the secret decrypts, and makes those that are missing.
// Any number of replicas may do so at once: they end with the same keys.
// ErrSecret says that the database's keys were encrypted with another secret.
func Open(ctx context.Context, d Deps) (*Rotor, error) {
	if d.Records == nil || d.Now == nil || d.Logger == nil || d.TokenLife <= 0 || d.HintLife <= 0 {
		return nil, errors.New("keys: a store, a clock, a logger and lifetimes are needed")
	}
	if len(d.Secret) != SecretSize {
		return nil, fmt.Errorf("keys: the portal's key has %d bytes, want %d", len(d.Secret), SecretSize)
	}
	sealer, err := seal.New("gatehouse portal: signing keys at rest, v1", append([][]byte{d.Secret}, d.OldSecrets...)...)
	if err != nil {
		return nil, err
	}
	r := &Rotor{Deps: d, sealer: sealer}
	rows, err := d.Records.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, alg := range Algorithms {
		if hasActive(rows, alg) {
			continue
		}
		row, err := generate(sealer, alg, d.Now())
		if err != nil {
			return nil, err
		}
		row.Active = true
		// A faster replica's is as good.
		if err := d.Records.Apply(ctx, store.AddKey(row)); err != nil && !errors.Is(err, store.ErrKeyPending) {
			return nil, err
		}
	}
	return r, r.Reload(ctx)
}

func hasActive(rows []store.SigningKey, alg string) bool {
	for _, r := range rows {
		if r.Active && r.Algorithm == alg {
			return true
		}
	}
	return false
}

func generate(sealer *seal.Sealer, alg string, now time.Time) (store.SigningKey, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = ErrAlgorithm
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
	sealed := sealer.Seal(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), jwk.KID)
	return store.SigningKey{KID: jwk.KID, Algorithm: alg, PrivateEncrypted: base64.StdEncoding.EncodeToString(sealed), PublicJWK: string(public), CreatedAt: now}, nil
}
