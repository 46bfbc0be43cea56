package rp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/denylist"
	"gatehouse/sso/session"
	"gatehouse/sso/signoutpush"
)

// Identity is a request's user, as described by the ID token that began the session.
type Identity = session.Record

const sidKey = "sid" // read by the access log

// requestState is what the relying party knows about a request. It is in the request's context.
type requestState struct {
	rp       *RP
	identity *Identity // nil for a guest
	err      error     // Redis did not answer, or the denylist's data is too old
	conflict bool      // the browser sends sessions of different users

	flow     string // ID in the trace of the sign-in that this request completes, empty for others
	signedIn string // sub that this request has signed in
}

type stateKey struct{}

// stateOf returns the request's state, or nil if the relying party has not seen the request.
func stateOf(ctx context.Context) *requestState {
	s, _ := ctx.Value(stateKey{}).(*requestState)
	return s
}

// Person returns the request's user, or nil for a guest.
func Person(c echo.Context) *Identity {
	if s := stateOf(c.Request().Context()); s != nil {
		return s.identity
	}
	return nil
}

// Unavailable reports whether the request's user is unknown because Redis did not answer or the denylist's data is too
// old. Public pages are then shown as to a guest.
func Unavailable(c echo.Context) bool {
	s := stateOf(c.Request().Context())
	return s != nil && s.err != nil
}

// loadIdentity finds out each request's user before it calls next. It costs one round trip to Redis if the request has
// a session cookie. It redirects the first visit of a guest to the provider for a silent sign-in.
func (a *RP) loadIdentity(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if unidentified(c.Request().URL.Path) {
			return next(c)
		}
		rec, conflict, err := a.sessions.Identify(c.Response(), c.Request())
		if rec != nil && a.Denied != nil {
			rec, err = a.notDenied(c, rec)
		}
		r := c.Request()
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), stateKey{}, &requestState{rp: a, identity: rec, err: err, conflict: conflict})))
		if rec != nil {
			c.Set(sidKey, rec.SID)
		}
		if rec == nil && err == nil && !conflict && !a.sessions.Issued(c.Request()) && a.mayAskSilently(c) {
			if to := a.silentSignInURL(c); to != "" {
				return c.Redirect(http.StatusFound, to)
			}
		}
		return next(c)
	}
}

// notDenied returns rec if the denylist allows it. It ends a denied session and returns nil: the provider's logout
// token may still be on its way.
func (a *RP) notDenied(c echo.Context, rec *session.Record) (*session.Record, error) {
	err := a.Denied.Check(rec.Subject, rec.SID, "", rec.AuthTime)
	switch {
	case err == nil:
		return rec, nil
	case !errors.Is(err, denylist.ErrDenied):
		return nil, err // unknown: the cookie stays
	}
	if err := a.sessions.End(c.Request().Context(), c.Response(), c.Request()); err != nil {
		a.Logger.Warn("a denied session was not ended", "sid", rec.SID, "error", err)
	}
	return nil, nil
}

// unidentified reports whether path needs no user, or is requested by open tabs, which must not prolong the session.
func unidentified(path string) bool {
	switch path {
	case "/healthz", "/readyz", BackchannelURI, signoutpush.StreamPath, signoutpush.StatePath:
		return true
	}
	return strings.HasPrefix(path, "/assets/")
}

// Required calls next only for a signed-in user. It sends a guest to the provider and back to the page; a form that the
// guest sent is available there as [Draft]. It answers 503 if the user is unknown.
func (a *RP) Required(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s := stateOf(c.Request().Context())
		switch {
		case s == nil:
			return fmt.Errorf("rp: %s is behind Required, but the relying party is not mounted", c.Path())
		case s.err != nil:
			return unavailable(c, s.err)
		case s.identity != nil:
			return next(c)
		}
		return a.sendToSignIn(c)
	}
}

// Role returns middleware that requires a user with one of roles. It answers other users 403 with the required role.
func (a *RP) Role(roles ...string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return a.Required(func(c echo.Context) error {
			p := Person(c)
			if p.HasRole(roles...) {
				return next(c)
			}
			have := "no role"
			if len(p.Roles) > 0 {
				have = "the role " + strings.Join(p.Roles, ", ")
			}
			return echo.NewHTTPError(http.StatusForbidden, fmt.Sprintf(
				"This takes the role %s. You are signed in as %s, with %s.", strings.Join(roles, " or "), p.Email, have))
		})
	}
}

// Recent returns middleware that requires an authentication at most maxAge ago. Otherwise it sends the browser to the
// provider to authenticate again (max_age, OpenID Connect Core §3.1.2.1) and then back to the page it came from; the
// request itself is not carried out. Use it after Required or Role.
func (a *RP) Recent(maxAge time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if p := Person(c); p != nil && a.Now().Sub(p.AuthTime) <= maxAge {
				return next(c)
			}
			return a.redirectToProvider(c, &flow{ReturnTo: a.cameFrom(c.Request()), MaxAge: maxAge})
		}
	}
}
