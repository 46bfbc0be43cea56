package token

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ErrInvalid is wrapped by the errors for a token that is not valid. Other errors mean that it could not be checked.
var ErrInvalid = errors.New("invalid token")

// algorithms lists the accepted algorithms; "none" and the HMACs are not among them (RFC 8725 §3.1, §3.2).
var algorithms = []string{"RS256", "ES256", "EdDSA"}

// Leeway is the accepted clock difference: a token is accepted for so long after it has expired.
const Leeway = 30 * time.Second

// maxToken is the maximum length of a token, in bytes.
const maxToken = 16 << 10

// Verifier verifies the tokens of one issuer for one audience. It is safe for concurrent use.
type Verifier struct {
	issuer, audience string
	keys             KeySource
	parser           *jwt.Parser
	logout           *jwt.Parser // does not require exp
	now              func() time.Time
	cache            tokenCache
}

// NewVerifier returns a Verifier of tokens that issuer signed for audience, or an error if an argument is missing. now
// is the clock, time.Now if nil.
func NewVerifier(issuer, audience string, keys KeySource, now func() time.Time) (*Verifier, error) {
	if issuer == "" || audience == "" || keys == nil {
		return nil, errors.New("token: a verifier needs an issuer, an audience and keys")
	}
	if now == nil {
		now = time.Now
	}
	checks := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithLeeway(Leeway), jwt.WithIssuedAt(), jwt.WithTimeFunc(now),
	}
	logout := jwt.NewParser(checks...)
	checks = append(checks, jwt.WithExpirationRequired())
	cache, err := newTokenCache(checks...)
	if err != nil {
		return nil, err
	}
	return &Verifier{issuer: issuer, audience: audience, keys: keys, now: now, parser: jwt.NewParser(checks...), logout: logout, cache: cache}, nil
}

// parsed describes a token whose signature is valid.
type parsed struct {
	typ string // in lower case, without application/
	alg string
	kid string
	key crypto.PublicKey
}

func (v *Verifier) parse(ctx context.Context, parser *jwt.Parser, raw string, claims jwt.Claims) (parsed, error) {
	if len(raw) > maxToken {
		return parsed{}, fmt.Errorf("%w: too long", ErrInvalid)
	}
	var p parsed
	var unchecked error
	t, err := parser.ParseWithClaims(raw, claims, func(t *jwt.Token) (_ any, err error) {
		p.kid, _ = t.Header["kid"].(string)
		p.key, err = v.keys.Key(ctx, p.kid)
		if err != nil && !errors.Is(err, ErrUnknownKey) {
			unchecked = err
		}
		return p.key, err
	})
	switch {
	case unchecked != nil:
		return parsed{}, unchecked
	case err != nil:
		return parsed{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	typ, _ := t.Header["typ"].(string)
	p.typ, p.alg = strings.TrimPrefix(strings.ToLower(typ), "application/"), t.Method.Alg()
	return p, nil
}

// ID verifies an ID token for a request with nonce (OpenID Connect Core §3.1.3.7). It compares accessToken with at_hash
// if both are given. The error of an invalid token wraps ErrInvalid.
func (v *Verifier) ID(ctx context.Context, raw, nonce, accessToken string) (*IDClaims, error) {
	var c IDClaims
	t, err := v.parse(ctx, v.parser, raw, &c)
	if err != nil {
		return nil, err
	}
	switch {
	case t.typ == TypeAccess || t.typ == TypeLogout:
		return nil, fmt.Errorf("%w: typ is not that of an ID token", ErrInvalid)
	case c.Subject == "":
		return nil, fmt.Errorf("%w: no sub", ErrInvalid)
	case subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(nonce)) != 1:
		return nil, fmt.Errorf("%w: it belongs to another request (nonce)", ErrInvalid)
	case len(c.Audience) > 1 && c.AuthorizedParty != v.audience,
		c.AuthorizedParty != "" && c.AuthorizedParty != v.audience:
		return nil, fmt.Errorf("%w: it was issued to another party (azp)", ErrInvalid)
	case t.alg != "EdDSA" && c.AccessTokenHash != "" && accessToken != "" && c.AccessTokenHash != AccessTokenHash(accessToken):
		return nil, fmt.Errorf("%w: at_hash does not match the access token", ErrInvalid)
	}
	return &c, nil
}

// Access verifies an access token (RFC 9068 §4). For a token that was verified before, it skips the signature check
// while the token has not expired and its key is published. The caller must check each time that the token was not
// revoked. The error of an invalid token wraps ErrInvalid.
func (v *Verifier) Access(ctx context.Context, raw string) (*AccessClaims, error) {
	if len(raw) > maxCachedLength {
		c, _, err := v.access(ctx, raw)
		return c, err
	}
	id := sha256.Sum256([]byte(raw))
	if c, known := v.cache.get(ctx, id, v.keys); known {
		return c, nil
	}
	c, p, err := v.access(ctx, raw)
	if err != nil {
		return nil, err
	}
	v.cache.add(id, cachedToken{kid: p.kid, key: p.key, claims: c})
	return c, nil
}

func (v *Verifier) access(ctx context.Context, raw string) (*AccessClaims, parsed, error) {
	var c AccessClaims
	t, err := v.parse(ctx, v.parser, raw, &c)
	if err != nil {
		return nil, parsed{}, err
	}
	if t.typ != TypeAccess {
		return nil, parsed{}, fmt.Errorf("%w: typ is not at+jwt", ErrInvalid)
	}
	if c.Subject == "" || c.ID == "" || c.IssuedAt == nil || c.ClientID == "" {
		return nil, parsed{}, fmt.Errorf("%w: a required claim is missing", ErrInvalid)
	}
	return &c, t, nil
}

// Logout verifies a logout token (Back-Channel Logout §2.6). The caller must check that its jti is new. Some providers
// (Ory Hydra) leave out exp; the token's age by iat is limited in any case. The error of an invalid token wraps
// ErrInvalid.
func (v *Verifier) Logout(ctx context.Context, raw string) (*LogoutClaims, error) {
	var c LogoutClaims
	t, err := v.parse(ctx, v.logout, raw, &c)
	if err != nil {
		return nil, err
	}
	switch {
	// Providers before 2022 do not set typ; another token's typ is refused.
	case !slices.Contains([]string{TypeLogout, "jwt", ""}, t.typ):
		return nil, fmt.Errorf("%w: typ is not logout+jwt", ErrInvalid)
	case c.Events[LogoutEvent] == nil: // its value is an object
		return nil, fmt.Errorf("%w: no back-channel logout event", ErrInvalid)
	case len(c.Nonce) > 0:
		return nil, fmt.Errorf("%w: a logout token must not have a nonce", ErrInvalid)
	case c.SID == "" && c.Subject == "":
		return nil, fmt.Errorf("%w: neither sid nor sub", ErrInvalid)
	case c.ID == "" || c.IssuedAt == nil:
		return nil, fmt.Errorf("%w: jti or iat is missing", ErrInvalid)
	case v.now().Sub(c.IssuedAt.Time) > maxLogoutAge:
		return nil, fmt.Errorf("%w: issued too long ago", ErrInvalid)
	}
	return &c, nil
}

// maxLogoutAge is the maximum age of a logout token, and so how long its jti must be stored.
const maxLogoutAge = 10 * time.Minute

// AccessTokenHash returns the at_hash of an access token for an ID token that is signed with SHA-256 (OpenID Connect
// Core §3.1.3.6).
func AccessTokenHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
