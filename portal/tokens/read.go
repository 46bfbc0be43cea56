package tokens

import (
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/portal/keys"
	"gatehouse.example/sso/token"
)

// ErrInvalid is wrapped by every error about a token that was not issued here, is malformed, or is of another kind
// than expected. It is token.ErrInvalid.
var ErrInvalid = token.ErrInvalid

// MaxToken is the maximum length of a token that is read, in bytes. It exceeds that of an ID token with a nonce of
// 4,000 bytes, the limit of a request, which JSON may expand six times, and base64 further.
const MaxToken = 40 << 10

// ReadHint reads an ID token that a client sends as id_token_hint. It must be issued by this issuer, but may have
// expired (RP-Initiated Logout 1.0 §4): it identifies the user, but authorises nothing. For the same reason its key
// may be retired.
func (i *Issuer) ReadHint(raw string) (*token.IDClaims, error) {
	var c token.IDClaims
	typ, err := verify(raw, keys.RS256, i.keys.Recognised, &c, jwt.WithoutClaimsValidation())
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(typ, token.TypeID) || c.Issuer != i.issuer || c.Subject == "" || len(c.Audience) != 1 {
		return nil, fmt.Errorf("%w: not an ID token of this issuer", ErrInvalid)
	}
	return &c, nil
}

// ReadAccess reads an access token of this issuer that has not expired, for any audience.
func (i *Issuer) ReadAccess(raw string) (*token.AccessClaims, error) {
	var c token.AccessClaims
	typ, err := verify(raw, keys.ES256, i.keys.ByKID, &c, jwt.WithIssuer(i.issuer), jwt.WithExpirationRequired(), jwt.WithTimeFunc(i.now))
	if err != nil {
		return nil, err
	}
	if typ != token.TypeAccess {
		return nil, fmt.Errorf("%w: typ is not %s", ErrInvalid, token.TypeAccess)
	}
	return &c, nil
}

// verify verifies a token with the issuer's keys, and returns its typ. Each kind of token has one algorithm, and a key
// is used only for its own (RFC 8725 §3.1).
func verify(raw, alg string, find func(kid string) (keys.Key, bool), claims jwt.Claims, opts ...jwt.ParserOption) (typ string, err error) {
	if len(raw) > MaxToken {
		return "", fmt.Errorf("%w: too long", ErrInvalid)
	}
	t, err := jwt.ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		k, ok := find(kid)
		if !ok || k.Algorithm != alg {
			return nil, fmt.Errorf("unknown key %q", kid)
		}
		return k.Public, nil
	}, append(opts, jwt.WithValidMethods([]string{alg}))...)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	typ, _ = t.Header["typ"].(string)
	return typ, nil
}
