package token

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The media types in the typ header.
const (
	TypeAccess = "at+jwt"     // RFC 9068 §2.1
	TypeLogout = "logout+jwt" // Back-Channel Logout §2.4
	TypeID     = "JWT"
)

// LogoutEvent is the member of "events" that makes a JWT a logout token.
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// IDClaims are what an ID token tells an app about a sign-in.
type IDClaims struct {
	jwt.RegisteredClaims
	Nonce           string           `json:"nonce,omitempty"`
	AuthTime        *jwt.NumericDate `json:"auth_time,omitempty"`
	SID             string           `json:"sid,omitempty"`
	AccessTokenHash string           `json:"at_hash,omitempty"`
	AuthorizedParty string           `json:"azp,omitempty"`
	Name            string           `json:"name,omitempty"`
	Email           string           `json:"email,omitempty"`
	EmailVerified   bool             `json:"email_verified"`
	Roles           []string         `json:"roles,omitempty"`
	JSON            json.RawMessage  `json:"-"` // all claims as they came
}

// UnmarshalJSON reads the claims, and keeps all of them in JSON. Roles of another form than ours are left out.
func (c *IDClaims) UnmarshalJSON(data []byte) error {
	type plain IDClaims // without this method
	read := struct {
		*plain
		Roles json.RawMessage `json:"roles"`
	}{plain: (*plain)(c)}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if json.Unmarshal(read.Roles, &c.Roles) != nil {
		c.Roles = nil
	}
	c.JSON = slices.Clone(data)
	return nil
}

// AccessClaims are what an access token tells an API (RFC 9068 §2.2).
type AccessClaims struct {
	jwt.RegisteredClaims
	ClientID string           `json:"client_id"`
	Scope    string           `json:"scope,omitempty"` // separated by spaces
	SID      string           `json:"sid,omitempty"`
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
	Roles    []string         `json:"roles,omitempty"`
}

// HasScope reports whether the token was issued for scope.
func (c *AccessClaims) HasScope(scope string) bool {
	return slices.Contains(strings.Fields(c.Scope), scope)
}

// Authenticated is when the person proved who they are, or when the token was
// issued where it does not say: what a revocation of all that came before is
// compared with.
func (c *AccessClaims) Authenticated() time.Time {
	switch {
	case c.AuthTime != nil:
		return c.AuthTime.Time
	case c.IssuedAt != nil:
		return c.IssuedAt.Time
	}
	return time.Time{}
}

// LogoutClaims tell an app which sign-in, or whose sign-ins, are over.
type LogoutClaims struct {
	jwt.RegisteredClaims
	SID    string                    `json:"sid,omitempty"`
	Events map[string]map[string]any `json:"events"`
	Nonce  json.RawMessage           `json:"nonce,omitempty"` // must not be there, not even empty
}
