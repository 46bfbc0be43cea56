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
	"slices"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/seal"
)

// The algorithms, by their JWA names (RFC 7518 §3.1).
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

// Algorithms are the algorithms that each have an active key.
var Algorithms = []string{RS256, ES256}

const rsaBits = 2048

// SecretSize is the size of the portal's secret in bytes.
const SecretSize = 32

// ErrSecret means that a key in the database can't be decrypted with the configured secret.
var ErrSecret = errors.New("the signing keys in the database were encrypted with a different key than the configured one; " +
	"set GATEHOUSE_KEY to the key with which the portal was first started")

const (
	// MaxAge is how long clients may cache the published JWK Set.
	MaxAge = 5 * time.Minute
	// PublishAhead is how long a key is published before it signs: by then every copy of the JWK Set has been replaced,
	// even one fetched through a second cache.
	PublishAhead = 2 * MaxAge
	// ExpiryMargin is how long a key stays published after the last token that it signed has expired: verifiers' clocks
	// may differ, and a replica may have signed with it until it noticed the rotation.
	ExpiryMargin = 2 * time.Minute
)

// Deps are the dependencies of a Manager. All but OldSecrets are required.
type Deps struct {
	Records    *store.Store
	Secret     []byte        // the portal's, SecretSize bytes
	OldSecrets [][]byte      // earlier ones, used only for decryption
	TokenLife  time.Duration // of the longest-lived token that is signed
	HintLife   time.Duration // how long an issued ID token is accepted as a hint: the longest sign-in
	Now        func() time.Time
	Logger     *slog.Logger
}

// Open loads the keys, decrypted with the secrets, and creates those that are missing. Concurrent calls of several
// replicas result in the same keys. It returns ErrSecret if the keys were encrypted with another secret, and an
// error if a dependency is missing.
func Open(ctx context.Context, d Deps) (*Manager, error) {
	if d.Records == nil || d.Now == nil || d.Logger == nil || d.TokenLife <= 0 || d.HintLife <= 0 {
		return nil, errors.New("keys: a required option is unset")
	}
	if len(d.Secret) != SecretSize {
		return nil, fmt.Errorf("keys: the portal's key has %d bytes, want %d", len(d.Secret), SecretSize)
	}
	sealer, err := seal.New("gatehouse portal: signing keys at rest, v1", append([][]byte{d.Secret}, d.OldSecrets...)...)
	if err != nil {
		return nil, err
	}
	m := &Manager{Deps: d, sealer: sealer}
	rows, err := d.Records.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, alg := range Algorithms {
		if slices.ContainsFunc(rows, func(r store.SigningKey) bool { return r.Active && r.Algorithm == alg }) {
			continue
		}
		row, err := generateKey(sealer, alg, d.Now())
		if err != nil {
			return nil, err
		}
		row.Active = true
		// Another replica may have added one first.
		if err := d.Records.Apply(ctx, store.AddKey(row)); err != nil && !errors.Is(err, store.ErrKeyPending) {
			return nil, err
		}
	}
	return m, m.Reload(ctx)
}

func generateKey(sealer *seal.Sealer, alg string, now time.Time) (store.SigningKey, error) {
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
	sealed := sealer.Seal(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), jwk.Kid)
	return store.SigningKey{KID: jwk.Kid, Algorithm: alg, PrivateEncrypted: base64.StdEncoding.EncodeToString(sealed), PublicJWK: string(public), CreatedAt: now}, nil
}
