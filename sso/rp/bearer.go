package rp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/token"
)

type claimsKey struct{}

// Claims returns the claims of the request's access token, or nil if it has none.
func Claims(r *http.Request) *token.AccessClaims {
	claims, _ := r.Context().Value(claimsKey{}).(*token.AccessClaims)
	return claims
}

// Bearer returns middleware that requires an access token of the provider for this app (audience BaseURL) with scope,
// in the Authorization header (RFC 6750 §2.1). It answers other requests 400, 401 or 403 with WWW-Authenticate (§3),
// and 503 while it can't check whether the token was revoked. With roles, a user's token must have one of them, which
// it has only if the scope roles was requested, too; a client's own token (client credentials) needs none.
//
// A token that was verified before is not verified again, and no token costs a round trip: revocations are checked in
// memory ([Config].Denied).
func (a *RP) Bearer(scope string, roles ...string) Middleware {
	return func(next http.Handler) http.Handler {
		return a.handler(func(w http.ResponseWriter, r *http.Request) error {
			raw, refused := bearerToken(w, r)
			if refused != nil {
				return refused
			}
			claims, err := a.provider.access.Access(r.Context(), raw)
			if err == nil {
				err = a.notRevoked(claims)
			}
			switch {
			case errors.Is(err, token.ErrInvalid), errors.Is(err, denylist.ErrDenied):
				return challenge(w, http.StatusUnauthorized, "invalid_token", "", "The access token is expired, revoked or not meant for this service.")
			case err != nil:
				return unavailable(w, err)
			case !claims.HasScope(scope):
				return challenge(w, http.StatusForbidden, "insufficient_scope", scope, "The access token lacks the scope "+scope+".")
			case len(roles) > 0 && !isClients(claims) && !hasRole(claims, roles):
				return challenge(w, http.StatusForbidden, "insufficient_scope", "roles "+scope, "The access token's user lacks the role "+strings.Join(roles, " or ")+".")
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
			return nil
		})
	}
}

// Program returns middleware that requires a client's own access token (client credentials, RFC 6749 §4.4) with scope,
// checked as by [RP.Bearer]. It answers 403 to a user's token: the API returns data about all users.
func (a *RP) Program(scope string) Middleware {
	return func(next http.Handler) http.Handler {
		return a.Bearer(scope)(a.handler(func(w http.ResponseWriter, r *http.Request) error {
			if !isClients(Claims(r)) {
				return challenge(w, http.StatusForbidden, "insufficient_scope", scope, "This API needs a client's own access token (client credentials), not a user's.")
			}
			next.ServeHTTP(w, r)
			return nil
		}))
	}
}

// bearerToken returns the access token of a request, or the error response to a request without one.
func bearerToken(w http.ResponseWriter, r *http.Request) (raw string, refused error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return "", challenge(w, http.StatusUnauthorized, "", "", "An access token is required.")
	}
	kind, raw, _ := strings.Cut(header[0], " ")
	raw = strings.TrimSpace(raw)
	switch {
	case len(header) > 1, strings.EqualFold(kind, "Bearer") && raw == "":
		return "", challenge(w, http.StatusBadRequest, "invalid_request", "", "The Authorization header must be one Bearer token.")
	case !strings.EqualFold(kind, "Bearer"): // another authentication scheme, which is not an error (§3.1)
		return "", challenge(w, http.StatusUnauthorized, "", "", "An access token is required.")
	}
	return raw, nil
}

// notRevoked checks the denylist, if there is one, for the token, its grant, the sign-in that it came from, and its
// user. It returns denylist.ErrDenied or denylist.ErrStale.
func (a *RP) notRevoked(claims *token.AccessClaims) error {
	if a.Denied == nil {
		return nil
	}
	return a.Denied.Check(claims.Subject, claims.SID, claims.ID, claims.Authenticated())
}

// isClients reports whether a token belongs to a client that acts for itself: the subject is the client (RFC 9068
// §2.2), and there is no sign-in.
func isClients(c *token.AccessClaims) bool {
	return c.Subject == c.ClientID && c.SID == "" && c.AuthTime == nil
}

func hasRole(c *token.AccessClaims, roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(c.Roles, r) })
}

func challenge(w http.ResponseWriter, status int, code, scope, message string) error {
	value := `Bearer realm="api"`
	if code != "" {
		value += fmt.Sprintf(`, error="%s", error_description="%s"`, code, message)
	}
	if scope != "" {
		value += fmt.Sprintf(`, scope="%s"`, scope)
	}
	w.Header().Set("WWW-Authenticate", value)
	return &Error{Status: status, Message: message}
}
