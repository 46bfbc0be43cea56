package tokens

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/portal/keys"
	"gatehouse.example/sso/token"
)

// Lifetimes are the lifetimes of issued tokens. Zero fields mean the defaults.
type Lifetimes struct {
	ID     time.Duration // 5 minutes
	Access time.Duration // 5 minutes
}

// logoutLifetime is the lifetime of a logout token: a client that gets it later has been sent another one meanwhile.
const logoutLifetime = 2 * time.Minute

// Longest returns the lifetime of the longest-lived signed token.
func (l Lifetimes) Longest() time.Duration {
	l = l.withDefaults()
	return max(l.ID, l.Access, logoutLifetime)
}

func (l Lifetimes) withDefaults() Lifetimes {
	return Lifetimes{ID: cmp.Or(l.ID, 5*time.Minute), Access: cmp.Or(l.Access, 5*time.Minute)}
}

// Keys are the portal's signing keys.
type Keys interface {
	Active(alg string) (keys.Key, error)
	ByKID(kid string) (keys.Key, bool)
	Recognised(kid string) (keys.Key, bool)
}

// Issuer signs tokens. It is safe for concurrent use.
type Issuer struct {
	keys   Keys
	issuer string
	life   Lifetimes
	now    func() time.Time
}

// NewIssuer returns an issuer that signs for the issuer identifier issuer (its URL) with the active keys. It returns
// an error if an argument is missing.
func NewIssuer(signing Keys, issuer string, life Lifetimes, now func() time.Time) (*Issuer, error) {
	if signing == nil || issuer == "" || now == nil {
		return nil, errors.New("tokens: keys, URL or clock is unset")
	}
	return &Issuer{keys: signing, issuer: issuer, life: life.withDefaults(), now: now}, nil
}

// URL returns the issuer identifier: the `iss` of every token.
func (i *Issuer) URL() string { return i.issuer }

// AccessLifetime returns the lifetime of an access token.
func (i *Issuer) AccessLifetime() time.Duration { return i.life.Access }

// Person is the user that tokens describe. The scopes of a token decide which claims it contains.
type Person struct {
	Subject  string
	SID      string
	AuthTime time.Time
	Name     string
	Email    string
	Roles    []string
}

// Claims returns the claims about p that scopes request (OpenID Connect Core §5.4). The portal verifies no email
// address, so email_verified is always false.
func (p Person) Claims(scopes []string) map[string]any {
	c := map[string]any{"sub": p.Subject}
	if slices.Contains(scopes, "profile") {
		c["name"] = p.Name
	}
	if slices.Contains(scopes, "email") {
		c["email"], c["email_verified"] = p.Email, false
	}
	if slices.Contains(scopes, "roles") {
		c["roles"] = append([]string{}, p.Roles...)
	}
	return c
}

// ID issues an ID token to a client. accessToken is the one it comes with, for at_hash (OpenID Connect Core
// §3.1.3.6).
func (i *Issuer) ID(p Person, clientID, nonce, accessToken string, scopes []string) (string, error) {
	now := i.now()
	c := jwt.MapClaims(p.Claims(scopes))
	c["iss"], c["aud"] = i.issuer, clientID
	c["iat"], c["exp"] = now.Unix(), now.Add(i.life.ID).Unix()
	c["auth_time"], c["sid"] = p.AuthTime.Unix(), p.SID
	c["at_hash"] = token.AccessTokenHash(accessToken)
	if nonce != "" {
		c["nonce"] = nonce
	}
	return i.sign(keys.RS256, token.TypeID, c)
}

// Access issues an access token for audience (RFC 9068 §2.2). id is its jti. A client that acts for itself is its
// own subject: p is the zero Person then.
func (i *Issuer) Access(p Person, clientID, audience, id string, scopes []string) (string, error) {
	now := i.now()
	c := token.AccessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: i.issuer, Subject: p.Subject, Audience: jwt.ClaimStrings{audience}, ID: id,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(i.life.Access)),
		},
		ClientID: clientID, Scope: strings.Join(scopes, " "), SID: p.SID,
	}
	if p.Subject == "" {
		c.Subject = clientID
	} else {
		c.AuthTime = jwt.NewNumericDate(p.AuthTime)
	}
	if slices.Contains(scopes, "roles") {
		c.Roles = p.Roles
	}
	return i.sign(keys.ES256, token.TypeAccess, c)
}

// Logout issues a logout token: sid and subject, the event, no nonce.
func (i *Issuer) Logout(subject, sid, clientID string) (string, error) {
	now := i.now()
	return i.sign(keys.RS256, token.TypeLogout, token.LogoutClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: i.issuer, Subject: subject, Audience: jwt.ClaimStrings{clientID}, ID: NewID(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(logoutLifetime)),
		},
		SID: sid, Events: map[string]map[string]any{token.LogoutEvent: {}},
	})
}

func (i *Issuer) sign(alg, typ string, claims jwt.Claims) (string, error) {
	key, err := i.keys.Active(alg)
	if err != nil {
		return "", err
	}
	t := jwt.NewWithClaims(jwt.GetSigningMethod(alg), claims)
	t.Header["kid"], t.Header["typ"] = key.KID, typ
	signed, err := t.SignedString(key.Private)
	if err != nil {
		return "", fmt.Errorf("tokens: sign: %w", err)
	}
	return signed, nil
}
