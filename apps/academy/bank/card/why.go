package card

import (
	"errors"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/sso/token"
)

// Why says in a few words what is wrong with a card that a [token.Verifier] refused, to
// go on from "the card is refused: ". What is no such error is "".
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

// The order matters: golang-jwt calls a token without a key, or with an algorithm that
// is not allowed, one with a wrong signature, too.
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
	{jwt.ErrTokenInvalidIssuer, "somebody else issued it"},
	{jwt.ErrTokenRequiredClaimMissing, "something that must stand on a card is missing"},
}
