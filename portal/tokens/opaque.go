package tokens

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// NewOpaque is a random string of 256 bits, for codes and refresh tokens.
func NewOpaque() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b)
}

// NewID is a random identifier of 130 bits.
func NewID() string { return rand.Text() }

// Hash is what is stored in the place of an opaque token: it is random, so that
// one SHA-256 can't be turned back.
func Hash(opaque string) string {
	sum := sha256.Sum256([]byte(opaque))
	return hex.EncodeToString(sum[:])
}

// errSuccessor says that a stored successor does not belong to the token.
var errSuccessor = errors.New("tokens: the stored successor can't be read")

// SealSuccessor encrypts the refresh token that follows old under a key that only
// old yields: the database alone tells neither.
func SealSuccessor(old, next string) (string, error) {
	aead, err := successorKey(old)
	if err != nil {
		return "", err
	}
	// The key is used once, for this message, so that a fixed nonce is safe.
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, make([]byte, aead.NonceSize()), []byte(next), nil)), nil
}

// OpenSuccessor reads what SealSuccessor made.
func OpenSuccessor(old, sealed string) (string, error) {
	aead, err := successorKey(old)
	if err != nil {
		return "", err
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return "", errSuccessor
	}
	next, err := aead.Open(nil, make([]byte, aead.NonceSize()), raw, nil)
	if err != nil {
		return "", errSuccessor
	}
	return string(next), nil
}

func successorKey(old string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(old), nil, "gatehouse portal: refresh token successor, v1", 32)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return aead, nil
}

func joined(scopes []string) string { return strings.Join(scopes, " ") }
