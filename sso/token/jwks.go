package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// ErrUnknownKey says that no published key has the token's kid.
var ErrUnknownKey = errors.New("unknown signing key")

// JWK is a public key as it stands in a JWKS (RFC 7517).
type JWK struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// JWKS is a set of public keys.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// Public reads the key.
func (k JWK) Public() (crypto.PublicKey, error) {
	switch k.Kty {
	case "RSA":
		n, err1 := base64.RawURLEncoding.DecodeString(k.N)
		e, err2 := base64.RawURLEncoding.DecodeString(k.E)
		if err1 != nil || err2 != nil || len(n) < 256 || len(e) == 0 || len(e) > 4 {
			return nil, errors.New("jwk: not an RSA key of 2048 bits or more")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	case "EC":
		if k.Crv != "P-256" {
			return nil, fmt.Errorf("jwk: curve %q is not supported", k.Crv)
		}
		x, err1 := base64.RawURLEncoding.DecodeString(k.X)
		y, err2 := base64.RawURLEncoding.DecodeString(k.Y)
		if err1 != nil || err2 != nil || len(x) != 32 || len(y) != 32 {
			return nil, errors.New("jwk: not a P-256 key")
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	case "OKP":
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if k.Crv != "Ed25519" || err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("jwk: not an Ed25519 key")
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, fmt.Errorf("jwk: kty %q is not supported", k.Kty)
}

// KeySource finds the public key that a token names.
type KeySource interface {
	// Key is the key called kid, or an error that wraps ErrUnknownKey.
	Key(ctx context.Context, kid string) (crypto.PublicKey, error)
}

const (
	jwksLimit   = 512 << 10        // bytes
	jwksFresh   = 10 * time.Minute // after which keys are fetched anew
	jwksPause   = 5 * time.Second  // between two fetches, whatever came of the first
	jwksTimeout = 5 * time.Second
)

// RemoteKeys are keys published at a URL, fetched when they are first needed and
// again when a token names one that is not known yet.
type RemoteKeys struct {
	url    func(ctx context.Context) (string, error)
	client *http.Client
	flight singleflight.Group

	mu      sync.RWMutex
	keys    map[string]crypto.PublicKey
	fetched time.Time // when they came
	tried   time.Time // when they were last asked for
}

// NewRemoteKeys fetches from the address that url tells.
func NewRemoteKeys(client *http.Client, url func(ctx context.Context) (string, error)) *RemoteKeys {
	return &RemoteKeys{url: url, client: client}
}

// Key implements [KeySource].
func (r *RemoteKeys) Key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	r.mu.RLock()
	key, known, age, pause := r.keys[kid], len(r.keys) > 0, time.Since(r.fetched), time.Since(r.tried) < jwksPause
	r.mu.RUnlock()
	switch {
	case key != nil && (age < jwksFresh || pause):
		return key, nil
	case key == nil && known && pause:
		// Tokens with made-up kids must not make us fetch without end.
		return nil, fmt.Errorf("%w: %q", ErrUnknownKey, kid)
	}
	_, err, _ := r.flight.Do("fetch", func() (any, error) {
		// The fetch serves everyone who waits for it, not only the one who asked first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jwksTimeout)
		defer cancel()
		return nil, r.fetch(ctx)
	})
	r.mu.RLock()
	fresh := r.keys[kid]
	r.mu.RUnlock()
	switch {
	case fresh != nil: // a known key stays good while the provider is away
		return fresh, nil
	case err != nil:
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownKey, kid)
}

func (r *RemoteKeys) fetch(ctx context.Context) error {
	r.mu.Lock()
	r.tried = time.Now()
	r.mu.Unlock()
	url, err := r.url(ctx)
	if err != nil {
		return err
	}
	var set JWKS
	if err := GetJSON(ctx, r.client, url, jwksLimit, &set); err != nil {
		return err
	}
	keys := make(map[string]crypto.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		// A kind of key that we don't know is no reason to refuse the others.
		if key, err := k.Public(); err == nil {
			keys[k.Kid] = key
		}
	}
	if len(keys) == 0 {
		return fmt.Errorf("%s holds no key that can be used", url)
	}
	r.mu.Lock()
	r.keys, r.fetched = keys, time.Now()
	r.mu.Unlock()
	return nil
}

// GetJSON reads at most limit bytes of JSON from url.
func GetJSON(ctx context.Context, client *http.Client, url string, limit int64, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, limit)).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}
