package rp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/signoutpush"
)

// Identity is a request's user, as described by the ID token that began the session.
type Identity = session.Record

// Middleware wraps a handler.
type Middleware = func(next http.Handler) http.Handler

// requestState is what the relying party knows about a request. It is in the request's context.
type requestState struct {
	rp       *RP
	w        http.ResponseWriter
	identity *Identity // nil for a guest
	err      error     // Redis did not answer, or the denylist's data is too old
	conflict bool      // the browser sends sessions of different users

	flow     string // ID in the trace of the sign-in that this request completes, empty for others
	signedIn string // sub that this request has signed in
	failure  error  // that the request was answered with
}

type stateKey struct{}

// stateOf returns the request's state, or nil if the relying party has not seen the request.
func stateOf(ctx context.Context) *requestState {
	s, _ := ctx.Value(stateKey{}).(*requestState)
	return s
}

// From returns the request's user, or nil for a guest and outside of Optional, Required and Role.
func From(r *http.Request) *Identity {
	if s := stateOf(r.Context()); s != nil {
		return s.identity
	}
	return nil
}

// Unavailable reports whether the request's user is unknown because Redis did not answer or the denylist's data is too
// old. Public pages are then shown as to a guest.
func Unavailable(r *http.Request) bool {
	s := stateOf(r.Context())
	return s != nil && s.err != nil
}

// Optional finds out each request's user for next, which gets it by [From]. It costs one round trip to Redis if the
// request has a session cookie. It redirects the first visit of a guest to the provider for a silent sign-in.
func (a *RP) Optional(next http.Handler) http.Handler {
	identified := a.identify(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if needsNoUser(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		identified.ServeHTTP(w, r)
	})
}

// identify does what Optional does, for every path. It does nothing for a request whose user is known already.
func (a *RP) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := stateOf(r.Context()); s != nil && s.rp == a {
			next.ServeHTTP(w, r)
			return
		}
		began := time.Now()
		rec, conflict, err := a.sessions.Identify(w, r)
		if rec != nil && a.Denied != nil {
			rec, err = a.notDenied(w, r, rec)
		}
		r = r.WithContext(context.WithValue(r.Context(), stateKey{}, &requestState{rp: a, w: w, identity: rec, err: err, conflict: conflict}))
		to := ""
		if rec == nil && err == nil && !conflict && !a.sessions.Issued(r) && a.mayAskSilently(w, r) {
			to = a.silentSignInURL(w, r)
		}
		if to != "" {
			_ = redirect(w, http.StatusFound, to)
		} else {
			next.ServeHTTP(w, r)
		}
		a.recordResponse(w, r, began)
	})
}

// notDenied returns rec if the denylist allows it. It ends a denied session and returns nil: the provider's logout
// token may still be on its way.
func (a *RP) notDenied(w http.ResponseWriter, r *http.Request, rec *session.Record) (*session.Record, error) {
	err := a.Denied.Check(rec.Subject, rec.SID, "", rec.AuthTime)
	switch {
	case err == nil:
		return rec, nil
	case !errors.Is(err, denylist.ErrDenied):
		return nil, err // unknown: the cookie stays
	}
	if err := a.sessions.End(r.Context(), w, r); err != nil {
		a.Logger.Warn("cannot end a denied session", "sid", rec.SID, "error", err)
	}
	return nil, nil
}

// needsNoUser reports whether path needs no user, or is requested by open tabs, which must not prolong the session.
func needsNoUser(path string) bool {
	switch path {
	case "/healthz", "/readyz", BackchannelURI, signoutpush.StreamPath, signoutpush.StatePath:
		return true
	}
	return strings.HasPrefix(path, "/assets/")
}

// Required calls next only for a signed-in user. It sends a guest to the provider and back to the page; a form that the
// guest sent is available there as [Draft]. It answers 503 if the user is unknown.
func (a *RP) Required(next http.Handler) http.Handler {
	return a.identify(a.handler(func(w http.ResponseWriter, r *http.Request) error {
		s := stateOf(r.Context())
		switch {
		case s.err != nil:
			return unavailable(w, s.err)
		case s.identity == nil:
			return a.sendToSignIn(w, r)
		}
		next.ServeHTTP(w, r)
		return nil
	}))
}

// Role returns middleware that requires a user with one of roles. It answers other users 403 with the required role.
func (a *RP) Role(roles ...string) Middleware {
	return func(next http.Handler) http.Handler {
		return a.Required(a.handler(func(w http.ResponseWriter, r *http.Request) error {
			p := From(r)
			if p.HasRole(roles...) {
				next.ServeHTTP(w, r)
				return nil
			}
			have := "no role"
			if len(p.Roles) > 0 {
				have = "the role " + strings.Join(p.Roles, ", ")
			}
			return &Error{Status: http.StatusForbidden, Message: fmt.Sprintf(
				"You need the role %s. You're signed in as %s, with %s.", strings.Join(roles, " or "), p.Email, have)}
		}))
	}
}

// Recent returns middleware that requires an authentication at most maxAge ago. Otherwise it sends the browser to the
// provider to authenticate again (max_age, OpenID Connect Core §3.1.2.1) and then back to the page it came from; the
// request itself is not carried out. Use it after Required or Role.
func (a *RP) Recent(maxAge time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return a.identify(a.handler(func(w http.ResponseWriter, r *http.Request) error {
			if p := From(r); p != nil && a.Now().Sub(p.AuthTime) <= maxAge {
				next.ServeHTTP(w, r)
				return nil
			}
			return a.redirectToProvider(w, r, &flow{ReturnTo: a.referringPage(r), MaxAge: maxAge})
		}))
	}
}
