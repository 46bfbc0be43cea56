package tokens

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"

	"gatehouse.example/sso/seal"
)

// NewOpaque returns a random string of 256 bits, for codes and refresh tokens.
func NewOpaque() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b)
}

// NewID returns a random identifier of 130 bits.
func NewID() string { return rand.Text() }

// Hash returns the hash that is stored instead of an opaque token. The token is random, so that one SHA-256 can't be
// inverted.
func Hash(opaque string) string {
	sum := sha256.Sum256([]byte(opaque))
	return hex.EncodeToString(sum[:])
}

// errSuccessor means that a stored successor does not belong to the token.
var errSuccessor = errors.New("tokens: cannot read the stored successor")

// SealSuccessor encrypts the refresh token that follows old under a key derived from old: the database alone reveals
// neither.
func SealSuccessor(old, next string) (string, error) {
	sealer, err := successorSealer(old)
	if err != nil {
		return "", err
	}
	return sealer.SealText([]byte(next), ""), nil
}

// OpenSuccessor decrypts the result of SealSuccessor.
func OpenSuccessor(old, sealed string) (string, error) {
	sealer, err := successorSealer(old)
	if err != nil {
		return "", err
	}
	next, err := sealer.OpenText(sealed, "")
	if err != nil {
		return "", errSuccessor
	}
	return string(next), nil
}

func successorSealer(old string) (*seal.Sealer, error) {
	return seal.New("gatehouse portal: refresh token successor, v1", []byte(old))
}
