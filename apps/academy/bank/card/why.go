package card

import (
	"errors"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/sso/token"
)

// Why returns a short description of the error with which a [token.Verifier] refused a card, to follow "the card is
// refused: ". It returns "" for any other error.
func Why(err error) string {
	if !errors.Is(err, token.ErrInvalid) {
		return ""
	}
	for _, reason := range reasons {
		if errors.Is(err, reason.err) {
			return reason.why
		}
	}
	return "it is not a card of this bank"
}

// The order matters: golang-jwt also returns ErrTokenSignatureInvalid for a token without a known key or with an
// algorithm that is not allowed.
var reasons = []struct {
	err error
	why string
}{
	{token.ErrUnknownKey, "it names a signing key that the bank does not publish"},
	{jwt.ErrTokenMalformed, "it can't be read as a card at all"},
	{jwt.ErrTokenSignatureInvalid, "the signature does not fit what is written on it, or is made in a way that is not allowed"},
	{jwt.ErrTokenExpired, "it has expired"},
	{jwt.ErrTokenUsedBeforeIssued, "it was issued in the future"},
	{jwt.ErrTokenInvalidAudience, "it is meant for another audience"},
	{jwt.ErrTokenInvalidIssuer, "it has a different issuer"},
	{jwt.ErrTokenRequiredClaimMissing, "something that must stand on a card is missing"},
}
