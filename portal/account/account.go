package account

import (
	"context"
	"errors"
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

// Revoker ends sign-ins everywhere: the portal's sessions, the refresh tokens, and the sessions of every app (package
// revoke).
type Revoker interface {
	Revoke(ctx context.Context, r revoke.Request) (revoke.Receipt, error)
}

// Deps are what the pages need. All but Wake are required.
type Deps struct {
	Store    *store.Store
	Sessions *session.Store
	Hasher   *password.Hasher
	Attempts *attempts.Limiter
	Revoker  Revoker
	Estate   web.Estate
	Now      func() time.Time
	Wake     func() // tells the relay of events that there is one; may be nil
	Demo     bool   // the demo accounts exist and are shown on the sign-in page

	// LeadsTo are the origins besides ours where a browser may end that goes on to a local path; may be nil.
	LeadsTo func(ctx context.Context, path string) []string
}

// Pages are the portal's pages about a person's account. The exported methods with an echo.Context are handlers.
type Pages struct {
	Deps
	policy password.Policy
}

// New makes the pages. It refuses a missing dependency.
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
	}
	if d.Wake == nil {
		d.Wake = func() {}
	}
	if d.LeadsTo == nil {
		d.LeadsTo = func(context.Context, string) []string { return nil }
	}
	p := &Pages{Deps: d}
	if !d.Demo {
		p.policy.Refused = []string{DemoPassword} // it is published, so it is everybody's first guess
	}
	return p, nil
}

// failed makes an error of something that did not answer a 503; any other error stays what it is.
func failed(err error) error {
	if errors.Is(err, session.ErrUnavailable) || errors.Is(err, attempts.ErrUnavailable) || errors.Is(err, password.ErrBusy) ||
		errors.Is(err, store.ErrSuperseded) {
		return web.Unavailable(err)
	}
	return err
}

// leadOn sends the browser to path with a GET. htmx is told to leave the page for it.
func leadOn(c echo.Context, path string) error {
	if web.WantsFragment(c) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return web.SeeOther(c, path)
}
