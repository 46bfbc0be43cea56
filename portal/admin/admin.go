package admin

import (
	"errors"
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/signout"
	"gatehouse/portal/store"
	"gatehouse/web"
)

// Visitors tells who asks (package account).
type Visitors interface {
	// Visitor is who is signed in, as the database has them now; ok is false for a guest.
	Visitor(c echo.Context) (u store.User, in store.SignIn, ok bool, err error)
}

// Deps are what the console needs. All are required.
type Deps struct {
	Store    *store.Store
	SignOuts *signout.Service
	Visitors Visitors
	Estate   web.Estate
	Now      func() time.Time
	Logger   *slog.Logger
}

// Console is the console's pages.
type Console struct{ Deps }

// New refuses a missing dependency.
func New(d Deps) (*Console, error) {
	switch {
	case d.Store == nil:
		return nil, errors.New("admin: Store is nil")
	case d.SignOuts == nil:
		return nil, errors.New("admin: SignOuts is nil")
	case d.Visitors == nil:
		return nil, errors.New("admin: Visitors is nil")
	case d.Estate == web.Estate{}:
		return nil, errors.New("admin: Estate is empty")
	case d.Now == nil:
		return nil, errors.New("admin: Now is nil")
	case d.Logger == nil:
		return nil, errors.New("admin: Logger is nil")
	}
	return &Console{Deps: d}, nil
}

// Routes are all endpoints of the console. The second argument of act is the page with the form.
func (a *Console) Routes(e *echo.Echo) {
	e.GET("/admin", a.view(a.overview))
}
