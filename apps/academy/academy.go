package academy

import (
	"context"
	"errors"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"gatehouse/apps"
	"gatehouse/apps/academy/store"
	"gatehouse/sso/rp"
)

// service is the Academy's name in the estate and its client id at the portal.
const service = "academy"

// Deps are what the Academy needs from outside.
type Deps struct {
	apps.Deps
	Labs    Labs
	Lessons string // folder of more lessons; "" for none
}

// App is one replica of the Academy.
type App struct {
	Deps
	echo  *echo.Echo
	sso   *rp.RP
	store *store.Store
}

// New is the Academy with its lessons read. It fails when something it needs is
// missing or the database does not answer; portal, forum and Redis may come later.
func New(ctx context.Context, d Deps) (*App, error) {
	if d.Labs == nil {
		return nil, errors.New("academy: what runs the experiments is missing")
	}
	e, auth, err := d.Join(service, true)
	if err != nil {
		return nil, err
	}
	a := &App{Deps: d, echo: e, sso: auth}
	if a.store, err = store.New(d.DB); err != nil {
		return nil, err
	}
	a.routes(e)
	return a, nil
}

// routes is every page of the Academy.
func (a *App) routes(e *echo.Echo) {
}

// Handler answers the Academy's requests.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run looks after the experiments until ctx ends.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.sso.Run(ctx) })
	group.Go(func() error { return a.Labs.Run(ctx) })
	return group.Wait()
}
