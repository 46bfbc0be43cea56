package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// SecretSize is the size of the portal's secret in bytes.
const SecretSize = 32

// ErrSecret says that a key in the database does not decrypt.
var ErrSecret = errors.New("the signing keys in the database were encrypted with another key than the one configured; " +
	"give the portal the key that it was first started with")

// box encrypts private keys at rest: AES-256-GCM under a key derived from the
// portal's secret, with the key id as additional data so that one row can't stand
// in for another.
type box struct{ aead cipher.AEAD }

func newBox(secret []byte) (*box, error) {
	key, err := Derive(secret, "gatehouse portal: signing keys at rest, v1")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &box{aead: aead}, nil
}

// Derive makes a 32-byte key for one purpose out of the portal's secret (HKDF,
// RFC 5869), so that no two uses share a key.
func Derive(secret []byte, purpose string) ([]byte, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("keys: the portal's key has %d bytes and not %d", len(secret), SecretSize)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, purpose, SecretSize)
	if err != nil {
		return nil, fmt.Errorf("keys: derive: %w", err)
	}
	return key, nil
}

func (b *box) seal(plain []byte, kid string) string {
	nonce := make([]byte, b.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails (Go 1.24)
	return base64.StdEncoding.EncodeToString(b.aead.Seal(nonce, nonce, plain, []byte(kid)))
}

func (b *box) open(sealed, kid string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < b.aead.NonceSize() {
		return nil, fmt.Errorf("keys: key %s in the database is damaged", kid)
	}
	n := b.aead.NonceSize()
	plain, err := b.aead.Open(nil, raw[:n], raw[n:], []byte(kid))
	if err != nil {
		return nil, ErrSecret
	}
	return plain, nil
}
