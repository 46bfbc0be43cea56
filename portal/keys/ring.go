package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/seal"
	"gatehouse/sso/token"
)

// Key is one signing key.
type Key struct {
	KID       string // RFC 7638 thumbprint
	Algorithm string
	Public    crypto.PublicKey
	Private   crypto.Signer // nil once it no longer signs
	Active    bool          // signs new tokens; the others only verify, or will be activated
}

// Ring is an immutable snapshot of the keys.
type Ring struct {
	published  []Key
	byKID      map[string]Key
	active     map[string]Key
	recognised map[string]Key // published or retired, not withdrawn
	jwks       []byte
}

// newRing returns the ring of the keys in rows at now. It does not decrypt keys again that last contains; last may
// be nil. It returns an error if a key can't be read or an algorithm has no active key.
func newRing(sealer *seal.Sealer, rows []store.SigningKey, last *Ring, now time.Time) (*Ring, error) {
	r := &Ring{byKID: map[string]Key{}, active: map[string]Key{}, recognised: map[string]Key{}}
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, row := range rows {
		if !row.WithdrawnAt.IsZero() {
			continue
		}
		k, err := decode(sealer, row, last)
		if err != nil {
			return nil, err
		}
		r.recognised[k.KID] = k
		if !row.NotAfter.IsZero() && !row.NotAfter.After(now) {
			continue
		}
		r.published = append(r.published, k)
		r.byKID[k.KID] = k
		if k.Active {
			r.active[k.Algorithm] = k
		}
		set.Keys = append(set.Keys, json.RawMessage(row.PublicJWK))
	}
	for _, alg := range Algorithms {
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

func decode(sealer *seal.Sealer, row store.SigningKey, last *Ring) (Key, error) {
	k := Key{KID: row.KID, Algorithm: row.Algorithm, Active: row.Active}
	if last != nil {
		if held, ok := last.recognised[row.KID]; ok {
			k.Public, k.Private = held.Public, held.Private
		}
	}
	switch {
	case row.PrivateEncrypted == "":
		k.Private = nil
	case k.Private == nil:
		private, err := decrypt(sealer, row)
		if err != nil {
			return Key{}, err
		}
		k.Private, k.Public = private, private.Public()
	}
	if k.Public == nil {
		var jwk token.JWK
		if err := json.Unmarshal([]byte(row.PublicJWK), &jwk); err != nil {
			return Key{}, fmt.Errorf("keys: cannot read the public key of %s: %w", row.KID, err)
		}
		public, err := jwk.Public()
		if err != nil {
			return Key{}, fmt.Errorf("keys: key %s: %w", row.KID, err)
		}
		k.Public = public
	}
	return k, nil
}

func decrypt(sealer *seal.Sealer, row store.SigningKey) (crypto.Signer, error) {
	sealed, err := base64.StdEncoding.DecodeString(row.PrivateEncrypted)
	if err != nil {
		return nil, fmt.Errorf("keys: key %s in the database is damaged", row.KID)
	}
	text, err := sealer.Open(sealed, row.KID)
	if err != nil {
		return nil, ErrSecret
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

// Active returns the key that signs with alg, or an error if there is none.
func (r *Ring) Active(alg string) (Key, error) {
	k, ok := r.active[alg]
	if !ok {
		return Key{}, fmt.Errorf("keys: there is no active %s key", alg)
	}
	return k, nil
}

// ByKID returns the published key with this id.
func (r *Ring) ByKID(kid string) (Key, bool) {
	k, ok := r.byKID[kid]
	return k, ok
}

// Recognised returns the published or retired key with this id, for ID tokens that identify a user as a hint but
// grant nothing.
func (r *Ring) Recognised(kid string) (Key, bool) {
	k, ok := r.recognised[kid]
	return k, ok
}

// Published returns all published keys, the oldest first.
func (r *Ring) Published() []Key { return slices.Clone(r.published) }

// KIDs returns the ids of the published keys, sorted.
func (r *Ring) KIDs() []string {
	kids := make([]string, 0, len(r.published))
	for _, k := range r.published {
		kids = append(kids, k.KID)
	}
	slices.Sort(kids)
	return kids
}

// JWKS returns the published JWK Set as JSON (RFC 7517 §5).
func (r *Ring) JWKS() []byte { return r.jwks }
