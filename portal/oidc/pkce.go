package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// challengeLength is the length of a SHA-256 in base64url without padding.
const challengeLength = 43

func notBase64URL(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// challengeOf returns the S256 challenge of a verifier (RFC 7636 §4.6), "" if the verifier is not well-formed
// (§4.1).
func challengeOf(verifier string) string {
	if len(verifier) < 43 || len(verifier) > 128 || strings.ContainsFunc(verifier, func(r rune) bool { // §4.1
		return notBase64URL(r) && r != '.' && r != '~'
	}) {
		return ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
