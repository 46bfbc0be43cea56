package oidc

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/tokens"
)

// maxOpaque is the maximum length of values that a client gets back unchanged, state and nonce, in bytes.
const maxOpaque = 4000

// maxURL is the maximum length of the path and query of one of the portal's URLs in bytes, so that a request with it
// stays below the 64 KiB limit of a header (web.Serve). A request with the longest state and nonce, of any
// characters, and the longest redirect URI fits, even as the return_to of the sign-in page, where it is encoded
// twice.
const maxURL = 60 << 10

// limits are the known parameters with their maximum lengths in bytes. Others must be ignored (RFC 6749 §3.1, §3.2),
// whatever they contain.
var limits = map[string]int{
	"client_id": clients.MaxID, "redirect_uri": clients.MaxURI, "response_type": 100, "response_mode": 50, "scope": clients.MaxScopes,
	"state": maxOpaque, "nonce": maxOpaque, "code_challenge": 200, "code_challenge_method": 20, "prompt": 100, "max_age": 12, "login_hint": 320,
	"id_token_hint": tokens.MaxToken, "resource": clients.MaxURI, "request": 1 << 20, "request_uri": 1 << 20, "registration": 1 << 20,
	reauthParam:  200,
	"grant_type": 100, "code": 200, "code_verifier": 200, "refresh_token": 200, "client_secret": clients.MaxSecret,
	"client_assertion": 1 << 20, "client_assertion_type": 1000,
	"token": 16 << 10, "token_type_hint": 100, "access_token": 16 << 10,
	"post_logout_redirect_uri": clients.MaxURI, "logout_hint": 320, "confirm": 10,
}

// params are a request's parameters, each at most once. A parameter without a value is treated as missing (RFC 6749
// §3.1).
type params struct {
	values map[string]string
	bad    map[string]string // what is wrong with a parameter
}

// readParams sorts the sent parameters. It returns no error: a faulty parameter is reported when it is read, since
// the response depends on which one it is.
func readParams(sent url.Values) params {
	p := params{values: make(map[string]string, len(sent)), bad: map[string]string{}}
	for name, values := range sent {
		most, known := limits[name]
		if !known || len(values) == 0 {
			continue
		}
		v := values[0]
		switch {
		case len(values) > 1: // RFC 6749 §3.1: not more than once
			p.bad[name] = "was sent more than once"
		case len(v) > most:
			p.bad[name] = fmt.Sprintf("is longer than %d bytes", most)
		case !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 || r == 0x7f }):
			p.bad[name] = "contains invalid characters"
		case v != "":
			p.values[name] = v
		}
	}
	return p
}

func (p params) get(name string) string { return p.values[name] }

// check returns a fault for the first of these parameters that is not usable, else nil.
func (p params) check(names ...string) *fault {
	for _, name := range names {
		if what, ok := p.bad[name]; ok {
			code := invalidRequest
			if name == "resource" { // RFC 8707 §2.2; tokens have one audience
				code = invalidTarget
			}
			return badRequest(code, "The parameter "+name+" "+what+".")
		}
	}
	return nil
}

// readForm reads the parameters of a POST from its body only: secrets must not be in a URL (RFC 6749 §2.3.1).
func readForm(c echo.Context) (params, *fault) {
	r := c.Request()
	if !isForm(r) {
		return params{}, badRequest(invalidRequest, "Send the parameters as application/x-www-form-urlencoded.")
	}
	if err := r.ParseForm(); err != nil {
		return params{}, badRequest(invalidRequest, "The form can't be parsed.")
	}
	return readParams(r.PostForm), nil
}

// token returns the parameter of a request about a token (RFC 7009 §2.1, RFC 7662 §2.1).
func (p params) token() (string, *fault) {
	if f := p.check("token", "token_type_hint"); f != nil {
		return "", f
	}
	raw := p.get("token")
	if raw == "" {
		return "", badRequest(invalidRequest, "The parameter token is missing.")
	}
	return raw, nil
}

// isForm reports whether the body of a request is a form.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	return err == nil && kind == echo.MIMEApplicationForm
}
