// Package clients knows the registered clients (RFC 6749 §2): what a declaration
// must look like, which redirect URIs a client may name, and whether a secret is
// its own. They lie in the database and are served from memory.
package clients

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
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

// minSecret is how many characters a declared secret has at least: secrets are
// compared by one SHA-256, which is right for long random ones only.
const minSecret = 32

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
	Disabled               bool     `json:"-"`
}

// Prepare fills in what a declaration leaves out, replaces the secret by its
// hash, and says in one error all that is wrong with it.
func (c Client) Prepare() (Client, error) {
	if c.Name == "" {
		c.Name = c.ID
	}
	if c.AuthMethod == "" {
		c.AuthMethod = SecretBasic
	}
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = []string{AuthorizationCode, RefreshToken}
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid"}
	}
	errs := append(c.checkSecret(), c.checkURIs()...)
	if c.ID == "" || len(c.ID) > 200 || strings.IndexFunc(c.ID, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		errs = append(errs, errors.New("client_id must be 1 to 200 visible ASCII characters"))
	}
	for _, g := range c.GrantTypes {
		if g != AuthorizationCode && g != RefreshToken && g != ClientCredentials {
			errs = append(errs, fmt.Errorf("grant type %q is not known", g))
		}
	}
	if c.AuthMethod == Public && slices.Contains(c.GrantTypes, ClientCredentials) {
		errs = append(errs, errors.New("client_credentials needs a client that authenticates"))
	}
	if err := errors.Join(errs...); err != nil {
		return Client{}, fmt.Errorf("client %q: %w", c.ID, err)
	}
	if c.Secret != "" {
		c.SecretSHA256, c.Secret = hashOf(c.Secret), ""
	}
	return c, nil
}

func (c Client) checkSecret() []error {
	switch c.AuthMethod {
	case SecretBasic, SecretPost:
		if c.Secret == "" && c.SecretSHA256 == "" {
			return []error{errors.New("client_secret is missing")}
		}
		if c.Secret != "" && len(c.Secret) < minSecret {
			return []error{fmt.Errorf("client_secret must be random and have at least %d characters", minSecret)}
		}
		if sum, err := hex.DecodeString(c.SecretSHA256); c.SecretSHA256 != "" && (err != nil || len(sum) != sha256.Size) {
			return []error{errors.New("client_secret_sha256 must be 64 hexadecimal digits")}
		}
	case Public:
		if c.Secret != "" || c.SecretSHA256 != "" {
			return []error{errors.New("a public client has no secret")}
		}
	default:
		return []error{fmt.Errorf("token_endpoint_auth_method %q is not known", c.AuthMethod)}
	}
	return nil
}

func (c Client) checkURIs() []error {
	var errs []error
	if slices.Contains(c.GrantTypes, AuthorizationCode) && len(c.RedirectURIs) == 0 {
		errs = append(errs, errors.New("redirect_uris is empty"))
	}
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs, c.Audiences) {
		if err := CheckURI(uri); err != nil {
			errs = append(errs, err)
		}
	}
	if c.BackchannelLogoutURI != "" {
		if err := CheckURI(c.BackchannelLogoutURI); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// CheckURI says whether uri may be registered: an absolute http or https URI with
// a host and without user or fragment (RFC 6749 §3.1.2). Plain http is for
// loopback addresses and single machines; whoever runs behind TLS declares https.
func CheckURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || strings.IndexFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return fmt.Errorf("%q is not a URI", uri)
	case (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("%q is not an absolute http or https URI", uri)
	case u.Fragment != "" || strings.Contains(uri, "#"):
		return fmt.Errorf("%q has a fragment", uri)
	case u.User != nil:
		return fmt.Errorf("%q has a user", uri)
	}
	return nil
}

// AllowsRedirect says whether uri is one of the client's redirect URIs, compared
// character by character (RFC 9700 §2.1).
func (c Client) AllowsRedirect(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }

// AllowsPostLogout says whether uri may be returned to after a sign-out (OpenID
// Connect RP-Initiated Logout 1.0 §3): exact match only.
func (c Client) AllowsPostLogout(uri string) bool {
	return slices.Contains(c.PostLogoutRedirectURIs, uri)
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
