package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/seal"
	"gatehouse.example/sso/token"
)

// Key is one signing key.
type Key struct {
	KID       string // RFC 7638 thumbprint
	Algorithm string
	Public    crypto.PublicKey
	Private   crypto.Signer // nil once it no longer signs
	Active    bool          // signs new tokens; the others only verify, or will be activated
}

// snapshot is an immutable copy of the keys.
type snapshot struct {
	byKID      map[string]Key // published
	active     map[string]Key
	recognised map[string]Key // published or retired, not withdrawn
	jwks       []byte
}

// newSnapshot returns the keys in rows at now. It does not decrypt keys again that last contains; last may
// be nil. It returns an error if a key can't be read or an algorithm has no active key.
func newSnapshot(sealer *seal.Sealer, rows []store.SigningKey, last *snapshot, now time.Time) (*snapshot, error) {
	r := &snapshot{byKID: map[string]Key{}, active: map[string]Key{}, recognised: map[string]Key{}}
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, row := range rows {
		if !row.WithdrawnAt.IsZero() {
			continue
		}
		k, err := parseKey(sealer, row, last)
		if err != nil {
			return nil, err
		}
		r.recognised[k.KID] = k
		if !row.NotAfter.IsZero() && !row.NotAfter.After(now) {
			continue
		}
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

func parseKey(sealer *seal.Sealer, row store.SigningKey, last *snapshot) (Key, error) {
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
		private, err := decryptPrivate(sealer, row)
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

func decryptPrivate(sealer *seal.Sealer, row store.SigningKey) (crypto.Signer, error) {
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
