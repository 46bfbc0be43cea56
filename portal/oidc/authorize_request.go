package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse.example/portal/clients"
	"gatehouse.example/web"
)

// authRequest is a valid authorization request.
type authRequest struct {
	Client      clients.Client
	RedirectURI string
	State       string
	Nonce       string
	Challenge   string
	Scopes      []string
	Audience    string        // "" for the default
	None        bool          // prompt=none: never show a page
	Login       bool          // always ask for the password
	MaxAge      time.Duration // negative: any
	LoginHint   string
	IDTokenHint string
	Reauth      string // the marker of a request that has been at the sign-in page
	sent        params
}

// registry is the part of the client registry that the parser needs.
type registry interface {
	Client(id string) (clients.Client, bool)
	KnowsScope(scope string) bool
}

// readAuthorize parses an authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636 §4.3, RFC
// 8707 §2.1). It returns a *web.Error until the redirect URI is validated, and a *redirectFault afterwards.
func readAuthorize(sent url.Values, reg registry, issuer string) (*authRequest, error) {
	p := readParams(sent)
	client, uri, err := readReturn(p, reg)
	if err != nil {
		return nil, err
	}
	q := &authRequest{
		Client: client, RedirectURI: uri, State: p.get("state"), Nonce: p.get("nonce"), LoginHint: p.get("login_hint"),
		IDTokenHint: p.get("id_token_hint"), Reauth: p.get(reauthParam), Challenge: p.get("code_challenge"), MaxAge: -1, sent: p,
	}
	for _, read := range []func(params) *fault{q.readBasics, q.readPKCE, q.readPrompt} {
		if f := read(p); f != nil {
			return nil, q.redirectFault(f, issuer)
		}
	}
	var f *fault
	if q.Scopes, f = grantableScopes(client, p.get("scope"), reg.KnowsScope); f != nil {
		return nil, q.redirectFault(f, issuer)
	}
	if q.Audience = p.get("resource"); q.Audience != "" && q.Audience != issuer && !slices.Contains(client.Audiences, q.Audience) {
		return nil, q.redirectFault(badRequest(invalidTarget, "This client may not request tokens for that resource."), issuer)
	}
	return q, nil
}

// readReturn returns the client and the redirect URI. Its errors must not be redirected (RFC 6749 §4.1.2.1, RFC 9700
// §4.11).
func readReturn(p params, reg registry) (clients.Client, string, error) {
	fail := func(message string) error {
		return web.Fail(http.StatusBadRequest, invalidRequest, message).WithTitle("We can't sign you in")
	}
	for _, name := range []string{"client_id", "redirect_uri"} {
		if what, bad := p.bad[name]; bad {
			return clients.Client{}, "", fail("The app that sent you here made a mistake: " + name + " " + what + ".")
		}
	}
	client, ok := reg.Client(p.get("client_id"))
	if !ok {
		return clients.Client{}, "", fail("The app that sent you here isn't registered with this portal.")
	}
	uri := p.get("redirect_uri")
	if uri == "" {
		return clients.Client{}, "", fail("The app that sent you here didn't say where to return to (redirect_uri is missing).")
	}
	if !client.AllowsRedirect(uri) {
		return clients.Client{}, "", fail("The app that sent you here asked to return to an address that isn't registered for it (redirect_uri).")
	}
	return client, uri, nil
}

func (q *authRequest) readBasics(p params) *fault {
	if f := p.check("state", "response_type", "response_mode", "scope", "nonce", "resource", "code_challenge", "code_challenge_method",
		"prompt", "max_age", "login_hint", "id_token_hint"); f != nil {
		return f
	}
	for name, code := range map[string]string{
		"request": "request_not_supported", "request_uri": "request_uri_not_supported", "registration": "registration_not_supported",
	} {
		if _, bad := p.bad[name]; bad || p.get(name) != "" { // OpenID Connect Core §6, §7.2.1
			return badRequest(code, "The parameter "+name+" is not supported.")
		}
	}
	switch p.get("response_type") {
	case "code":
	case "":
		return badRequest(invalidRequest, "The parameter response_type is missing.")
	default:
		return badRequest(unsupportedResponseType, "The only supported response_type is code.")
	}
	if m := p.get("response_mode"); m != "" && m != "query" {
		return badRequest(invalidRequest, "The only supported response_mode is query.")
	}
	if !q.Client.Allows(clients.AuthorizationCode) {
		return badRequest(unauthorizedClient, "This client may not use the authorization code grant.")
	}
	return nil
}

// readPKCE requires an S256 challenge of every client (RFC 7636 §4.2, RFC 9700 §2.1.1).
func (q *authRequest) readPKCE(p params) *fault {
	switch {
	case q.Challenge == "":
		return badRequest(invalidRequest, "PKCE is required: the parameter code_challenge is missing.")
	case p.get("code_challenge_method") != "S256":
		return badRequest(invalidRequest, "PKCE is required: code_challenge_method must be S256.")
	case len(q.Challenge) != challengeLength || strings.ContainsFunc(q.Challenge, notBase64URL):
		return badRequest(invalidRequest, "code_challenge must be a base64url-encoded SHA-256 hash.")
	}
	return nil
}

// readPrompt reads prompt and max_age. prompt=consent shows no page, since operators declare the clients of their
// own estate, and select_account means login. Unknown values are ignored.
func (q *authRequest) readPrompt(p params) *fault {
	prompts := strings.Fields(p.get("prompt"))
	q.None = slices.Contains(prompts, "none")
	q.Login = slices.Contains(prompts, "login") || slices.Contains(prompts, "select_account")
	if q.None && len(prompts) > 1 {
		return badRequest(invalidRequest, "prompt=none can't be combined with other values.")
	}
	if raw := p.get("max_age"); raw != "" {
		n, err := strconv.ParseUint(raw, 10, 31)
		if err != nil {
			return badRequest(invalidRequest, "max_age must be a number of seconds.")
		}
		if q.MaxAge = time.Duration(n) * time.Second; n == 0 { // the same as prompt=login
			q.Login = true
		}
	}
	return nil
}

func (q *authRequest) redirectFault(f *fault, issuer string) *redirectFault {
	return &redirectFault{fault: f, URI: q.RedirectURI, State: q.State, Issuer: issuer}
}

// grantableScopes returns the requested scopes that the client may have. Scopes that no client has are ignored (OpenID
// Connect Core §3.1.2.1). It returns invalid_scope if a scope belongs to other clients only, or if none remains.
func grantableScopes(client clients.Client, asked string, known func(string) bool) ([]string, *fault) {
	var granted []string
	for _, scope := range strings.Fields(asked) {
		switch {
		case slices.Contains(granted, scope):
		case slices.Contains(client.Scopes, scope):
			granted = append(granted, scope)
		case known(scope):
			return nil, badRequest(invalidScope, "This client may not request one of these scopes.")
		}
	}
	if len(granted) == 0 {
		return nil, badRequest(invalidScope, "None of the requested scopes can be granted.")
	}
	return granted, nil
}
