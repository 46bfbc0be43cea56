package account

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse.example/portal/password"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

// Revoker ends sign-ins: the portal's sessions, the refresh tokens, and the sessions of every app (package revoke).
type Revoker interface {
	Revoke(ctx context.Context, r revoke.Request) (revoke.Receipt, error)
}

// Deps are the dependencies of the pages. All but NotifyRelay and FormTargets are required.
type Deps struct {
	Store       *store.Store
	Sessions    *session.Store
	Hasher      *password.Hasher
	Limiter     *ratelimit.Limiter
	Revoker     Revoker
	Estate      web.Estate
	Now         func() time.Time
	Logger      *slog.Logger
	NotifyRelay func() // called after an event was recorded; may be nil
	Demo        bool   // the demo accounts may sign in, and are shown on the sign-in page

	// FormTargets returns the origins, besides the portal's own, that a browser may be redirected to from a local path;
	// may be nil. The pages allow them in the CSP directive form-action.
	FormTargets func(ctx context.Context, path string) []string
}

// Pages are the portal's account pages. The exported methods with an echo.Context are handlers.
type Pages struct {
	Deps
	policy  password.Policy
	surplus chan []string // sids, for Run
}

// New returns the pages, or an error if a required dependency is missing. Without demo accounts, it makes the
// password policy refuse DemoPassword.
func New(d Deps) (*Pages, error) {
	if d.Store == nil || d.Sessions == nil || d.Hasher == nil || d.Limiter == nil || d.Revoker == nil || d.Estate.IsZero() || d.Now == nil ||
		d.Logger == nil {
		return nil, errors.New("account: a dependency is missing")
	}
	if d.NotifyRelay == nil {
		d.NotifyRelay = func() {}
	}
	if d.FormTargets == nil {
		d.FormTargets = func(context.Context, string) []string { return nil }
	}
	p := &Pages{Deps: d, surplus: make(chan []string, 64)}
	if !d.Demo {
		p.policy.Refused = []string{DemoPassword} // it is published, so attackers try it first
	}
	return p, nil
}

// asUnavailable turns the error of a dependency that is unavailable, busy or superseded into a 503, and returns any
// other error unchanged.
func asUnavailable(err error) error {
	if errors.Is(err, session.ErrUnavailable) || errors.Is(err, ratelimit.ErrUnavailable) || errors.Is(err, password.ErrBusy) ||
		errors.Is(err, store.ErrSuperseded) {
		return web.Unavailable(err)
	}
	return err
}
