package token

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Media types in the typ header.
const (
	TypeAccess = "at+jwt"     // RFC 9068 §2.1
	TypeLogout = "logout+jwt" // Back-Channel Logout §2.4
	TypeID     = "JWT"
)

// LogoutEvent is the member of "events" that makes a JWT a logout token.
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// IDClaims are the claims of an ID token.
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
	JSON            json.RawMessage  `json:"-"` // all claims as received
}

// UnmarshalJSON decodes the claims, and keeps all of them in JSON. It ignores roles that are not an array of strings.
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

// AccessClaims are the claims of an access token (RFC 9068 §2.2).
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

// Authenticated returns when the user authenticated, or when the token was issued if it has no auth_time. A revocation
// of everything before a time compares it with this.
func (c *AccessClaims) Authenticated() time.Time {
	switch {
	case c.AuthTime != nil:
		return c.AuthTime.Time
	case c.IssuedAt != nil:
		return c.IssuedAt.Time
	}
	return time.Time{}
}

// LogoutClaims are the claims of a logout token, which names the sign-in, or the user whose sign-ins, ended.
type LogoutClaims struct {
	jwt.RegisteredClaims
	SID    string                    `json:"sid,omitempty"`
	Events map[string]map[string]any `json:"events"`
	Nonce  json.RawMessage           `json:"nonce,omitempty"` // forbidden, even if empty
}
