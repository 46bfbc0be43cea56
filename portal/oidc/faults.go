package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/web"
)

// The error codes of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8707 §2 and OpenID Connect Core §3.1.2.6.
const (
	invalidRequest          = "invalid_request"
	invalidClient           = "invalid_client"
	invalidGrant            = "invalid_grant"
	invalidScope            = "invalid_scope"
	invalidTarget           = "invalid_target"
	invalidToken            = "invalid_token"
	insufficientScope       = "insufficient_scope"
	unauthorizedClient      = "unauthorized_client"
	unsupportedGrantType    = "unsupported_grant_type"
	unsupportedResponseType = "unsupported_response_type"
	loginRequired           = "login_required"
	temporarilyUnavailable  = "temporarily_unavailable"
	serverError             = "server_error"
)

// fault is an error that is answered as OAuth JSON.
type fault struct {
	Status      int
	Code        string
	Description string // ASCII without quotes and backslashes (RFC 6749 §5.2)
	Challenge   string // WWW-Authenticate
	Err         error  // hidden cause
}

func badRequest(code, description string) *fault {
	return &fault{Status: http.StatusBadRequest, Code: code, Description: description}
}

func unavailable(err error) *fault {
	return &fault{Status: http.StatusServiceUnavailable, Code: temporarilyUnavailable,
		Description: "A server that is needed isn't responding. Try again in a moment.", Err: err}
}

func (f *fault) Error() string {
	if f.Err != nil {
		return f.Code + ": " + f.Err.Error()
	}
	return f.Code + ": " + f.Description
}

func (f *fault) Unwrap() error { return f.Err }

// Respond implements [web.Responder].
func (f *fault) Respond(c echo.Context) error {
	h := c.Response().Header()
	noStore(h)
	if f.Challenge != "" {
		h.Set(echo.HeaderWWWAuthenticate, f.Challenge)
	}
	if f.Status == http.StatusServiceUnavailable {
		h.Set(echo.HeaderRetryAfter, "2")
	}
	return c.JSON(f.Status, map[string]string{"error": f.Code, "error_description": f.Description})
}

// redirectFault is an error that is sent to the client by redirecting the browser. URI is always a registered
// redirect URI.
type redirectFault struct {
	*fault
	URI, State, Issuer string
}

// Respond implements [web.Responder] (RFC 6749 §4.1.2.1, RFC 9207 §2).
func (f *redirectFault) Respond(c echo.Context) error {
	noStore(c.Response().Header())
	return web.SeeOther(c, f.location())
}

// location returns the redirect URI with the error in its query.
func (f *redirectFault) location() string {
	answer := url.Values{"error": {f.Code}, "error_description": {f.Description}, "iss": {f.Issuer}}
	if f.State != "" {
		answer.Set("state", f.State)
	}
	return withQuery(f.URI, answer)
}

// answerRedirect redirects the browser to a registered redirect URI with the answer added to its query. The status
// 303 turns any method into GET (RFC 9700 §4.12).
func answerRedirect(c echo.Context, uri string, answer url.Values) error {
	noStore(c.Response().Header())
	return web.SeeOther(c, withQuery(uri, answer))
}

func withQuery(uri string, answer url.Values) string {
	sep := "?"
	switch {
	case strings.HasSuffix(uri, "?") || strings.HasSuffix(uri, "&"):
		sep = ""
	case strings.Contains(uri, "?"):
		sep = "&"
	}
	return uri + sep + answer.Encode()
}

// noStore keeps tokens and codes out of caches (RFC 6749 §5.1).
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// programPaths are the endpoints that programs call.
var programPaths = map[string]bool{
	TokenPath: true, UserinfoPath: true, RevokePath: true, IntrospectPath: true, JWKSPath: true, DiscoveryPath: true,
}

// Errors returns an error handler that answers every error of an endpoint for programs as OAuth JSON, including
// those raised before its handler runs: a body that is too large or not a form, a wrong method. It passes other
// errors to next.
func Errors(next echo.HTTPErrorHandler) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if r := web.Responder(nil); !programPaths[c.Request().URL.Path] || errors.As(err, &r) {
			next(err, c)
			return
		}
		next(asFault(err), c)
	}
}

func asFault(err error) *fault {
	f := &fault{Status: web.Translate(err).Status, Code: serverError, Description: "Internal error of the portal.", Err: err}
	switch {
	case f.Status == http.StatusServiceUnavailable, errors.Is(err, context.Canceled):
		return unavailable(err)
	case f.Status < http.StatusInternalServerError:
		f.Code = invalidRequest
		f.Description = "The request can't be processed: " + strconv.Itoa(f.Status) + " " + http.StatusText(f.Status) + "."
	}
	return f
}
