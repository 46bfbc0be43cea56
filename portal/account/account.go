package account

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/attempts"
	"gatehouse/portal/password"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/sso/session"
	"gatehouse/web"
)

// Revoker ends sign-ins: the portal's sessions, the refresh tokens, and the sessions of every app (package revoke).
type Revoker interface {
	Revoke(ctx context.Context, r revoke.Request) (revoke.Receipt, error)
}

// Deps are the dependencies of the pages. All but Wake and LeadsTo are required.
type Deps struct {
	Store    *store.Store
	Sessions *session.Store
	Hasher   *password.Hasher
	Attempts *attempts.Limiter
	Revoker  Revoker
	Estate   web.Estate
	Now      func() time.Time
	Logger   *slog.Logger
	Wake     func() // signals the event relay that an event waits in the outbox; may be nil
	Demo     bool   // the demo accounts may sign in, and are shown on the sign-in page

	// LeadsTo returns the origins, besides the portal's own, that a browser may be redirected to from a local path;
	// may be nil. The pages allow them in the CSP directive form-action.
	LeadsTo func(ctx context.Context, path string) []string
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
	switch {
	case d.Store == nil:
		return nil, errors.New("account: Store is nil")
	case d.Sessions == nil:
		return nil, errors.New("account: Sessions is nil")
	case d.Hasher == nil:
		return nil, errors.New("account: Hasher is nil")
	case d.Attempts == nil:
		return nil, errors.New("account: Attempts is nil")
	case d.Revoker == nil:
		return nil, errors.New("account: Revoker is nil")
	case d.Estate.IsZero():
		return nil, errors.New("account: Estate is empty")
	case d.Now == nil:
		return nil, errors.New("account: Now is nil")
	case d.Logger == nil:
		return nil, errors.New("account: Logger is nil")
	}
	if d.Wake == nil {
		d.Wake = func() {}
	}
	if d.LeadsTo == nil {
		d.LeadsTo = func(context.Context, string) []string { return nil }
	}
	p := &Pages{Deps: d, surplus: make(chan []string, 64)}
	if !d.Demo {
		p.policy.Refused = []string{DemoPassword} // it is published, so attackers try it first
	}
	return p, nil
}

// failed turns the error of a dependency that is unavailable, busy or superseded into a 503, and returns any other
// error unchanged.
func failed(err error) error {
	if errors.Is(err, session.ErrUnavailable) || errors.Is(err, attempts.ErrUnavailable) || errors.Is(err, password.ErrBusy) ||
		errors.Is(err, store.ErrSuperseded) {
		return web.Unavailable(err)
	}
	return err
}

// leadOn redirects the browser to path with a 303, or by HX-Redirect if the request is from htmx.
func leadOn(c echo.Context, path string) error {
	if web.WantsFragment(c) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return web.SeeOther(c, path)
}
