package rp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/token"
)

const claimsKey = "gatehouse/sso/rp.claims"

// Claims are those of the access token that a request to an API came with.
func Claims(c echo.Context) *token.AccessClaims {
	claims, _ := c.Get(claimsKey).(*token.AccessClaims)
	return claims
}

// Bearer lets requests through that come with an access token of the provider
// for this app (audience BaseURL) with scope, in the Authorization header (RFC 6750
// §2.1). Others are answered 400, 401 or 403 with WWW-Authenticate (§3).
func (a *RP) Bearer(scope string) echo.MiddlewareFunc {
	verifier, err := a.verifier(a.BaseURL, a.provider.keys)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err != nil {
				return err
			}
			header := c.Request().Header.Values(echo.HeaderAuthorization)
			if len(header) == 0 {
				return challenge(c, http.StatusUnauthorized, "", "", "An access token is needed.")
			}
			kind, raw, _ := strings.Cut(header[0], " ")
			raw = strings.TrimSpace(raw)
			switch {
			case len(header) > 1, strings.EqualFold(kind, "Bearer") && raw == "":
				return challenge(c, http.StatusBadRequest, "invalid_request", "", "Authorization must be one Bearer token.")
			case !strings.EqualFold(kind, "Bearer"): // another way to authenticate, which is no error (§3.1)
				return challenge(c, http.StatusUnauthorized, "", "", "An access token is needed.")
			}
			claims, err := verifier.Access(c.Request().Context(), raw)
			switch {
			case errors.Is(err, token.ErrInvalid):
				return challenge(c, http.StatusUnauthorized, "invalid_token", "", "The access token is expired, revoked or not meant for this service.")
			case err != nil:
				return unavailable(c, err)
			case !claims.HasScope(scope):
				return challenge(c, http.StatusForbidden, "insufficient_scope", scope, "The access token lacks the scope "+scope+".")
			}
			c.Set(claimsKey, claims)
			c.Set(sidKey, claims.SID)
			return next(c)
		}
	}
}

func challenge(c echo.Context, status int, code, scope, message string) error {
	value := `Bearer realm="api"`
	if code != "" {
		value += fmt.Sprintf(`, error="%s", error_description="%s"`, code, message)
	}
	if scope != "" {
		value += fmt.Sprintf(`, scope="%s"`, scope)
	}
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, value)
	return echo.NewHTTPError(status, message)
}
