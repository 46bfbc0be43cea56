package card

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/sso/token"
)

// believed are the algorithms that package sso/token accepts.
var believed = []string{"RS256", "ES256", "EdDSA"}

// Because returns [Why] in more detail, quoting the card's contents. It is meant for learners: an API should tell an
// unknown client less.
func Because(raw string, err error) string {
	var header struct{ Alg, Kid string }
	var claims struct {
		Exp int64 `json:"exp"`
		Aud any   `json:"aud"`
	}
	parts := strings.Split(raw, ".")
	if Why(err) == "" || len(parts) != 3 || part(parts[0], &header) != nil || part(parts[1], &claims) != nil {
		return Why(err)
	}
	switch {
	case errors.Is(err, token.ErrUnknownKey):
		return fmt.Sprintf("the bank publishes no key %q", clip(header.Kid))
	case errors.Is(err, jwt.ErrTokenSignatureInvalid) && !slices.Contains(believed, header.Alg):
		return fmt.Sprintf("alg %q is none of %s", clip(header.Alg), strings.Join(believed, ", "))
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "the signature does not fit"
	case errors.Is(err, jwt.ErrTokenExpired):
		return "it expired at " + time.Unix(claims.Exp, 0).UTC().Format("15:04:05") + " UTC"
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return fmt.Sprintf("it is for %s", clip(strings.Trim(fmt.Sprint(claims.Aud), "[]"))) // one audience or a list
	}
	return Why(err)
}

func part(encoded string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// clip shortens untrusted text to 60 characters.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
