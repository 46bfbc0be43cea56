package analytics

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/singleflight"

	"gatehouse.example/apps"
	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/seed"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/web"
)

// Service is the name and client id of this app.
const Service = "analytics"

// DefaultRetention applies if Deps.Retention is unset.
var DefaultRetention = store.Retention{Raw: 35 * period.Day, Rollups: period.Longest, Rejects: 1000}

// Deps are the dependencies of analytics. The replica's name is also its name in the consumer group of the event
// stream.
type Deps struct {
	apps.Deps
	Retention store.Retention // default: DefaultRetention
}

// App is the analytics app. New creates it.
type App struct {
	Deps
	store *store.Store
	rp    *echorp.RP
	echo  *echo.Echo
	loads singleflight.Group // shares concurrent loads of the same figures
}

// New returns the app with its routes registered. It returns an error if a required dependency is unset or the
// retention is invalid. It does not use the network.
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

// routes registers every endpoint of the app.
func (a *App) routes(e *echo.Echo) {
	// Not a group: Echo also runs a group's middleware for the 404s and 405s of all other paths.
	analysts := a.offerAccess(a.rp.Role("analyst", "admin"))
	admins := a.offerAccess(a.rp.Role("admin"))
	e.GET("/", a.dashboard, analysts)               // the page; for htmx, the parts that it refreshes
	e.GET("/events/:panel", a.eventsPage, analysts) // the events that a chart counts in a bucket
	e.GET("/export/:file", a.export, analysts)      // one panel as CSV: /export/sign-ins.csv
	e.GET("/funnel", a.funnelPage, analysts)
	e.GET("/retention", a.retentionPage, analysts)
	e.GET("/skipped", a.skippedPage, analysts) // events that could not be counted

	e.POST("/views", a.saveView, analysts)
	e.POST("/views/delete", a.deleteView, analysts)
	e.GET("/views", func(c echo.Context) error { return web.SeeOther(c, "/") }, analysts) // a reload of a form that was refused
	e.POST("/access", a.requestAccess, a.rp.Required)                                     // by a user without the role: the page of the 403 has the form
	e.GET("/access", a.accessPage, admins)
	e.POST("/access/close", a.closeAccess, admins)

	// The API: for access tokens of analysts, and of clients that have the scope themselves.
	read := a.rp.Bearer(scopeRead, "analyst", "admin")
	e.GET("/api/v1/metrics", a.apiMetrics, read)
	e.GET("/api/v1/metrics/:metric", a.apiMetric, read)
	e.GET("/api/v1/best-sellers", a.apiBestSellers, read)
}

// Handler returns the app's HTTP handler.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run consumes events and deletes expired data until ctx ends, and returns nil then.
func (a *App) Run(ctx context.Context) error {
	return apps.Run(ctx, a.rp.Run, a.consume, func(ctx context.Context) error {
		if a.Demo {
			a.seed(ctx)
		}
		return a.pruneHourly(ctx)
	})
}

// seed writes the demonstration history, if there is none yet. Run calls it in the background, so the replica is ready
// before it returns. It logs errors.
func (a *App) seed(ctx context.Context) {
	began, until := time.Now(), a.Now()
	seeded, err := a.store.Seed(ctx, func() []fact.Fact { return seed.History(until) }, until)
	switch {
	case err != nil && ctx.Err() == nil:
		a.Logger.Error("cannot write the demo history", "error", err)
	case seeded:
		a.Logger.Info("demo history written", "days", seed.Days, "took_ms", time.Since(began).Milliseconds())
	}
}
