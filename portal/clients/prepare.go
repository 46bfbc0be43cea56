package clients

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what may be registered, and is accepted in requests. Values are visible ASCII, so characters are bytes.
const (
	MaxID     = 200
	MaxSecret = 500
	MaxURI    = 2000 // also of an audience
	MaxScopes = maxList * (maxScope + len(" "))
)

const (
	// minSecret is the minimum length of a declared secret in characters: secrets are stored as one SHA-256, which
	// is safe only for long random ones.
	minSecret = 32

	maxName  = 100 // characters
	maxScope = 100 // characters
	maxList  = 50  // entries of each list
)

// Fault is a validation error of one field of a declaration. Field is the field's name in JSON; Message is a
// sentence to show.
type Fault struct{ Field, Message string }

func (f *Fault) Error() string { return f.Field + ": " + f.Message }

func newFault(field, format string, args ...any) *Fault {
	return &Fault{Field: field, Message: fmt.Sprintf(format, args...)}
}

// FaultsOf returns the messages of the Faults in err by field; several of one field are joined.
func FaultsOf(err error) map[string]string {
	all := map[string]string{}
	var collect func(error)
	collect = func(err error) {
		switch e := err.(type) { //nolint:errorlint // the tree is walked here
		case nil:
		case *Fault:
			all[e.Field] = strings.TrimSpace(all[e.Field] + " " + e.Message)
		case interface{ Unwrap() []error }:
			for _, e := range e.Unwrap() {
				collect(e)
			}
		case interface{ Unwrap() error }:
			collect(e.Unwrap())
		}
	}
	collect(err)
	return all
}

// Prepare sets defaults, replaces the secret by its hash, and returns all validation faults in one error (FaultsOf).
// plainHTTP permits addresses without TLS, for an estate that itself has none.
func (c Client) Prepare(plainHTTP bool) (Client, error) {
	c.Name, c.AuthMethod = cmp.Or(c.Name, c.ID), cmp.Or(c.AuthMethod, SecretBasic)
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = []string{AuthorizationCode, RefreshToken}
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid"}
	}
	if err := errors.Join(slices.Concat(c.checkNames(), c.checkSecret(), c.checkURIs(plainHTTP), c.checkGrants())...); err != nil {
		return Client{}, fmt.Errorf("client %q: %w", c.ID, err)
	}
	c.SecretSHA256 = strings.ToLower(c.SecretSHA256)
	if c.Secret != "" {
		c.SecretSHA256, c.Secret = hashSecret(c.Secret), ""
	}
	return c, nil
}

func (c Client) checkNames() []error {
	var errs []error
	if c.ID == "" || len(c.ID) > MaxID || strings.ContainsFunc(c.ID, notVisible) {
		errs = append(errs, newFault("client_id", "Use 1 to %d visible ASCII characters.", MaxID))
	}
	if !utf8.ValidString(c.Name) || utf8.RuneCountInString(c.Name) > maxName || strings.ContainsFunc(c.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		errs = append(errs, newFault("client_name", "Use at most %d visible characters.", maxName))
	}
	return errs
}

func (c Client) checkSecret() []error {
	switch c.AuthMethod {
	case SecretBasic, SecretPost:
		if c.Secret == "" && c.SecretSHA256 == "" {
			return []error{newFault("client_secret", "Enter a secret.")}
		}
		if c.Secret != "" && len(c.Secret) < minSecret {
			return []error{newFault("client_secret", "Use a random secret of at least %d characters.", minSecret)}
		}
		if len(c.Secret) > MaxSecret || !utf8.ValidString(c.Secret) || strings.ContainsFunc(c.Secret, unicode.IsControl) {
			return []error{newFault("client_secret", "Use at most %d bytes, without control characters.", MaxSecret)}
		}
		if sum, err := hex.DecodeString(c.SecretSHA256); c.SecretSHA256 != "" && (err != nil || len(sum) != sha256.Size) {
			return []error{newFault("client_secret_sha256", "Use 64 hexadecimal digits.")}
		}
	case Public:
		if c.Secret != "" || c.SecretSHA256 != "" {
			return []error{newFault("client_secret", "A public client has no secret.")}
		}
	default:
		return []error{newFault("token_endpoint_auth_method", "Unknown value %q.", c.AuthMethod)}
	}
	return nil
}

func (c Client) checkGrants() []error {
	var errs []error
	for _, g := range c.GrantTypes {
		if g != AuthorizationCode && g != RefreshToken && g != ClientCredentials {
			errs = append(errs, newFault("grant_types", "Unknown value %q.", g))
		}
	}
	if c.AuthMethod == Public && slices.Contains(c.GrantTypes, ClientCredentials) {
		errs = append(errs, newFault("grant_types", "%s needs a client with a secret.", ClientCredentials))
	}
	if len(c.Scopes) > maxList {
		errs = append(errs, newFault("scopes", "Use at most %d scopes.", maxList))
	}
	for _, s := range c.Scopes {
		// RFC 6749 §3.3: scope-token
		if s == "" || len(s) > maxScope || strings.ContainsFunc(s, notVisible) || strings.ContainsAny(s, `"\`) {
			errs = append(errs, newFault("scopes", "%q is not a valid scope.", s))
		}
	}
	return errs
}

func (c Client) checkURIs(plainHTTP bool) []error {
	var errs []error
	check := func(field string, plain bool, uris ...string) {
		if len(uris) > maxList {
			errs = append(errs, newFault(field, "Use at most %d addresses.", maxList))
		}
		for _, uri := range uris {
			if what := uriFault(uri, plain); what != "" {
				errs = append(errs, newFault(field, "%s", what))
			}
		}
	}
	if slices.Contains(c.GrantTypes, AuthorizationCode) && len(c.RedirectURIs) == 0 {
		errs = append(errs, newFault("redirect_uris", "Enter at least one address."))
	}
	check("redirect_uris", plainHTTP, c.RedirectURIs...)
	check("post_logout_redirect_uris", plainHTTP, c.PostLogoutRedirectURIs...)
	if c.BackchannelLogoutURI != "" {
		check("backchannel_logout_uri", plainHTTP, c.BackchannelLogoutURI)
	}
	check("audiences", true, c.Audiences...) // an audience is only compared, never requested, so http is safe
	return errs
}

// uriFault says why uri may not be registered, or returns "" if it may: an absolute http or https URI with a host and
// without user or fragment (RFC 6749 §3.1.2). Without plainHTTP, http is permitted only for loopback addresses and
// names below localhost.
func uriFault(uri string, plainHTTP bool) string {
	u, err := url.Parse(uri)
	switch {
	case len(uri) > MaxURI:
		return fmt.Sprintf("Use at most %d characters per address.", MaxURI)
	case err != nil || strings.ContainsFunc(uri, notVisible):
		return fmt.Sprintf("%q is not a valid address.", uri)
	case (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.Opaque != "":
		return fmt.Sprintf("%q must start with https:// and a host.", uri)
	case strings.ContainsFunc(u.Host, notInHost):
		// The host is written into the Content-Security-Policy, where ; and * have a meaning.
		return fmt.Sprintf("%q has invalid characters in its host.", uri)
	case u.Fragment != "" || strings.Contains(uri, "#"):
		return fmt.Sprintf("%q must not have a fragment (#).", uri)
	case u.User != nil:
		return fmt.Sprintf("%q must not contain a user name.", uri)
	case u.Scheme == "http" && !plainHTTP && !isLoopbackHost(u.Hostname()):
		return fmt.Sprintf("%q must start with https://, because this portal uses https. Plain http works for localhost only.", uri)
	}
	return ""
}

// isLoopbackHost reports whether requests to host stay on the machine (RFC 6761 §6.3).
func isLoopbackHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func notInHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._:[]", r)
}

func notVisible(r rune) bool { return r <= ' ' || r > '~' }
