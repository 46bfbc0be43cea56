// Package clients knows the registered clients (RFC 6749 §2): what a declaration
// must look like, which redirect URIs a client may name, and whether a secret is
// its own. They lie in the database and are served from memory.
package clients

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"time"
)

// How a client authenticates at the token endpoint (OpenID Connect Core §9).
const (
	SecretBasic = "client_secret_basic"
	SecretPost  = "client_secret_post"
	Public      = "none"
)

// The grants (RFC 6749 §4, §6).
const (
	AuthorizationCode = "authorization_code"
	RefreshToken      = "refresh_token"
	ClientCredentials = "client_credentials"
)

// Client is the declaration of one client.
type Client struct {
	ID                     string   `json:"client_id"`
	Name                   string   `json:"client_name"`
	Secret                 string   `json:"client_secret,omitempty"` // long and random; "" with AuthMethod none
	SecretSHA256           string   `json:"client_secret_sha256,omitempty"`
	RedirectURIs           []string `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI   string   `json:"backchannel_logout_uri,omitempty"`
	AuthMethod             string   `json:"token_endpoint_auth_method,omitempty"` // client_secret_basic if empty
	GrantTypes             []string `json:"grant_types,omitempty"`                // authorization_code and refresh_token if empty
	Scopes                 []string `json:"scopes,omitempty"`                     // what it may ask for; openid if empty
	Audiences              []string `json:"audiences,omitempty"`                  // resource indicators it may name (RFC 8707)

	// What the database adds. A disabled client gets nothing but logout notices.
	Disabled   bool      `json:"-"`
	DisabledAt time.Time `json:"-"`
	Declared   bool      `json:"-"` // by the configuration, so that it is changed there
	CreatedAt  time.Time `json:"-"`
	Version    int64     `json:"-"` // grows with every change
}

// AllowsRedirect says whether uri is one of the client's redirect URIs, compared
// character by character (RFC 9700 §2.1).
func (c Client) AllowsRedirect(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }

// AllowsPostLogout says whether uri may be returned to after a sign-out (OpenID
// Connect RP-Initiated Logout 1.0 §3): exact match only.
func (c Client) AllowsPostLogout(uri string) bool {
	return slices.Contains(c.PostLogoutRedirectURIs, uri)
}

// Origins are the origins of the client's pages, sorted: where a form that leads to
// it may end (Content-Security-Policy form-action).
func (c Client) Origins() []string {
	var all []string
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		if u, err := url.Parse(uri); err == nil {
			all = append(all, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Allows says whether the client may use a grant.
func (c Client) Allows(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// HasSecret compares in constant time. A public client has no secret.
func (c Client) HasSecret(secret string) bool {
	return c.SecretSHA256 != "" && subtle.ConstantTimeCompare([]byte(hashOf(secret)), []byte(c.SecretSHA256)) == 1
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// newSecret is a random secret of 256 bits.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b)
}
