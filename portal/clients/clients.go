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

// The grant types (RFC 6749 §4, §6).
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
	GrantTypes             []string `json:"grant_types,omitempty"`                // the code and refresh grants if empty
	Scopes                 []string `json:"scopes,omitempty"`                     // that it may request; openid if empty
	Audiences              []string `json:"audiences,omitempty"`                  // that resource may name (RFC 8707)

	// Set by the database. A disabled client gets nothing but logout notices.
	Disabled   bool      `json:"-"`
	DisabledAt time.Time `json:"-"`
	Declared   bool      `json:"-"` // declared by the configuration, which has to be edited to change it
	CreatedAt  time.Time `json:"-"`
	Version    int64     `json:"-"` // incremented with every change
}

// AllowsRedirect reports whether uri is one of the client's redirect URIs, compared character by character (RFC 9700
// §2.1).
func (c Client) AllowsRedirect(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }

// AllowsPostLogout reports whether the browser may return to uri after a sign-out (OpenID Connect RP-Initiated
// Logout 1.0 §3): exact match only.
func (c Client) AllowsPostLogout(uri string) bool {
	return slices.Contains(c.PostLogoutRedirectURIs, uri)
}

// Origins returns the origins of the client's redirect URIs, sorted: the targets that a form which leads to the
// client needs (Content-Security-Policy form-action).
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

// Allows reports whether the client may use a grant type.
func (c Client) Allows(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// HasSecret reports whether secret is the client's, in constant time. It is false for a public client.
func (c Client) HasSecret(secret string) bool {
	return c.SecretSHA256 != "" && subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(c.SecretSHA256)) == 1
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// newSecret returns a random secret of 256 bits.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b)
}
