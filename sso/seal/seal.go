package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

const (
	// KeySize is the size of a derived key in bytes.
	KeySize = 32
	// MinSecretSize is the minimum size of a secret that keys are derived from, in bytes.
	MinSecretSize = 16
)

// ErrSealed is returned for a record that was sealed with another key, for another purpose or name, or was changed.
var ErrSealed = errors.New("seal: the record is damaged, or sealed with another key")

// DeriveKey derives a key of KeySize bytes from secret for one purpose. It returns an error if secret is shorter than
// MinSecretSize.
func DeriveKey(secret []byte, purpose string) ([]byte, error) {
	if len(secret) < MinSecretSize {
		return nil, fmt.Errorf("seal: a secret has %d bytes, want at least %d", len(secret), MinSecretSize)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, purpose, KeySize)
	if err != nil {
		return nil, fmt.Errorf("seal: derive a key: %w", err)
	}
	return key, nil
}

// Sealer seals and opens records of one purpose. It may be used by several goroutines.
type Sealer struct {
	aeads []cipher.AEAD // the first seals, all open
}

// New returns a Sealer with keys derived from secrets for one purpose. The first secret seals and all of them open, so
// that a secret can be rotated. It returns an error if there is no secret or one is too short.
func New(purpose string, secrets ...[]byte) (*Sealer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("seal: no secret")
	}
	s := &Sealer{}
	for _, secret := range secrets {
		key, err := DeriveKey(secret, purpose)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		s.aeads = append(s.aeads, aead)
	}
	return s, nil
}

// Seal encrypts plain for the record called name.
func (s *Sealer) Seal(plain []byte, name string) []byte {
	return s.aeads[0].Seal(nil, nil, plain, []byte(name))
}

// Open returns what Seal encrypted for the record called name, or ErrSealed.
func (s *Sealer) Open(sealed []byte, name string) ([]byte, error) {
	for _, aead := range s.aeads {
		if plain, err := aead.Open(nil, nil, sealed, []byte(name)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

// SealText seals as Seal does and returns base64url, for cookies, URLs and text columns.
func (s *Sealer) SealText(plain []byte, name string) string {
	return base64.RawURLEncoding.EncodeToString(s.Seal(plain, name))
}

// OpenText returns what SealText encrypted for the record called name, or ErrSealed.
func (s *Sealer) OpenText(sealed, name string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, ErrSealed
	}
	return s.Open(raw, name)
}
