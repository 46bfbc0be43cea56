package oidc

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// Userinfo handles GET and POST /oauth/userinfo: it returns the claims about the user that the access token's scopes
// permit (OpenID Connect Core §5.3). It also refuses a token whose sign-in has ended, which the JWT alone does not
// tell.
func (h *Handlers) Userinfo(c echo.Context) error {
	raw, f := readBearer(c)
	if f != nil {
		return f
	}
	ctx := c.Request().Context()
	claims, err := h.Issuer.ReadAccess(raw)
	if err != nil || !slices.Contains(claims.Audience, h.Issuer.URL()) || claims.SID == "" {
		return bearerFault(invalidToken, "The access token is invalid.")
	}
	if !claims.HasScope("openid") {
		return bearerFault(insufficientScope, "The access token lacks the scope openid.")
	}
	if live, f := notDenied(h.Denied.Check(claims.Subject, claims.SID, claims.ID, claims.Authenticated())); !live {
		return cmp.Or(f, bearerFault(invalidToken, "The access token has been revoked."))
	}
	g, live, f := h.loadActiveSignIn(ctx, claims.SID, claims.Subject, claims.ClientID)
	if !live {
		return cmp.Or(f, bearerFault(invalidToken, "The sign-in has ended."))
	}
	noStore(c.Response().Header())
	return c.JSON(http.StatusOK, tokenPerson(g).Claims(strings.Fields(claims.Scope)))
}

// readBearer returns the access token from the header, or from the form of a POST, but not from both (RFC 6750 §2). A
// token in the URL is not accepted (RFC 9700 §4.3.2).
func readBearer(c echo.Context) (string, *fault) {
	r := c.Request()
	var found []string
	headers := r.Header.Values(echo.HeaderAuthorization)
	for _, v := range headers {
		scheme, rest, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(rest) == "" {
			return "", bearerFault(invalidRequest, "The Authorization header is not a bearer token.")
		}
		found = append(found, strings.TrimSpace(rest))
	}
	if r.Method == http.MethodPost && isForm(r) {
		if err := r.ParseForm(); err != nil {
			return "", bearerFault(invalidRequest, "The form can't be parsed.")
		}
		found = append(found, r.PostForm["access_token"]...)
	}
	switch len(found) {
	case 0: // RFC 6750 §3.1: no error code without credentials
		return "", &fault{Status: http.StatusUnauthorized, Code: invalidToken, Description: "An access token is required.", Challenge: `Bearer realm="gatehouse"`}
	case 1:
		return found[0], nil
	}
	return "", bearerFault(invalidRequest, "There is more than one access token.")
}

// bearerFault returns an error of RFC 6750 §3.1 with its status and challenge.
func bearerFault(code, description string) *fault {
	f := &fault{Code: code, Description: description}
	switch code {
	case invalidRequest:
		f.Status = http.StatusBadRequest
	case insufficientScope:
		f.Status = http.StatusForbidden
	default:
		f.Status = http.StatusUnauthorized
	}
	f.Challenge = `Bearer realm="gatehouse", error="` + code + `", error_description="` + description + `"`
	return f
}
