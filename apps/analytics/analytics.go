package analytics

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"gatehouse/apps"
	"gatehouse/apps/analytics/fact"
	"gatehouse/apps/analytics/period"
	"gatehouse/apps/analytics/seed"
	"gatehouse/apps/analytics/store"
	"gatehouse/sso/rp"
)

// Service is the name of this app.
const Service = "analytics"

// DefaultRetention is what is kept unless Deps tells otherwise.
var DefaultRetention = store.Retention{Raw: 35 * period.Day, Rollups: period.Longest, Rejects: 1000}

// Deps are what analytics needs from outside. The replica's name is also that of
// this consumer of events.
type Deps struct {
	apps.Deps
	Retention store.Retention // DefaultRetention unless told
}

// App is analytics, ready to serve.
type App struct {
	Deps
	store *store.Store
	rp    *rp.RP
	echo  *echo.Echo
	loads singleflight.Group // of figures
}

// New is analytics with its routes. It does not use the network.
func New(_ context.Context, d Deps) (*App, error) {
	e, auth, err := d.Join(Service, false)
	if err != nil {
		return nil, err
	}
	if d.Retention == (store.Retention{}) {
		d.Retention = DefaultRetention
	}
	a := &App{Deps: d, echo: e, rp: auth}
	if a.store, err = store.New(d.DB, d.Retention); err != nil {
		return nil, err
	}
	a.routes(e)
	return a, nil
}

// routes is every endpoint of this app.
func (a *App) routes(e *echo.Echo) {
	// Not a group: Echo puts a group's middleware also before the 404s and 405s of every other address.
	analysts := a.rp.Role("analyst", "admin")
	e.GET("/", a.dashboard, analysts)          // the page, and for htmx its live parts
	e.GET("/export/:file", a.export, analysts) // one panel as CSV: /export/sign-ins.csv
	e.GET("/skipped", a.skippedPage, analysts) // events that could not be counted

	// For programs: those of analysts, and those that are themselves allowed to read.
	read := a.rp.Bearer(scopeRead, "analyst", "admin")
	e.GET("/api/v1/metrics", a.apiMetrics, read)
	e.GET("/api/v1/metrics/:metric", a.apiMetric, read)
	e.GET("/api/v1/best-sellers", a.apiBestSellers, read)
}

// Handler answers requests.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run consumes events and keeps house until ctx ends, and returns nil then.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.rp.Run(ctx) })
	group.Go(func() error { return a.consume(ctx) })
	group.Go(func() error {
		if a.Demo {
			a.seed(ctx)
		}
		return a.keepHouse(ctx)
	})
	return group.Wait()
}

// seed writes demonstration history in the background: a replica is ready before it is done.
func (a *App) seed(ctx context.Context) {
	began, until := time.Now(), a.Now()
	seeded, err := a.store.Seed(ctx, func() []fact.Fact { return seed.History(until) }, until)
	switch {
	case err != nil && ctx.Err() == nil:
		a.Logger.Error("demonstration history can't be written", "error", err)
	case seeded:
		a.Logger.Info("demonstration history written", "days", seed.Days, "took_ms", time.Since(began).Milliseconds())
	}
}
