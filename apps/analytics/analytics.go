package analytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"gatehouse/apps/analytics/fact"
	"gatehouse/apps/analytics/period"
	"gatehouse/apps/analytics/seed"
	"gatehouse/apps/analytics/store"
	"gatehouse/components"
	"gatehouse/db"
	"gatehouse/sso/rp"
	"gatehouse/web"
)

// Service is the name of this app.
const Service = "analytics"

// DefaultRetention is what is kept unless Deps tells otherwise.
var DefaultRetention = store.Retention{Raw: 35 * period.Day, Rollups: period.Longest, Rejects: 1000}

// Deps are what analytics needs.
type Deps struct {
	DB             *db.DB // migrated
	Redis          redis.UniversalClient
	Estate         web.Estate
	Replica        string // also the name of this consumer of events; living replicas have different ones
	Logger         *slog.Logger
	Now            func() time.Time // time.Now unless told
	HTTPClient     *http.Client     // for the portal
	ClientSecret   string
	TrustedProxies []netip.Prefix
	Demo           bool            // thirty days of demonstration history where there is none
	Retention      store.Retention // DefaultRetention unless told
}

// App is analytics, ready to serve.
type App struct {
	Deps
	store *store.Store
	rp    *rp.RP
	echo  *echo.Echo
}

// New is analytics with its routes. It does not use the network.
func New(_ context.Context, d Deps) (*App, error) {
	switch {
	case d.DB == nil:
		return nil, errors.New("analytics: a database is missing")
	case d.Redis == nil:
		return nil, errors.New("analytics: Redis is missing")
	case d.Logger == nil:
		return nil, errors.New("analytics: a logger is missing")
	case d.Replica == "":
		return nil, errors.New("analytics: the replica needs a name")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Retention == (store.Retention{}) {
		d.Retention = DefaultRetention
	}
	a := &App{Deps: d}
	var err error
	if a.store, err = store.New(d.DB, d.Retention); err != nil {
		return nil, err
	}
	if a.rp, err = rp.New(rp.Config{
		Issuer: d.Estate.URL("portal"), ClientID: Service, ClientSecret: d.ClientSecret, BaseURL: d.Estate.URL(Service), Service: Service,
		Redis: d.Redis, HTTPClient: d.HTTPClient, Logger: d.Logger, Now: d.Now,
	}); err != nil {
		return nil, fmt.Errorf("analytics: %w", err)
	}
	a.echo, err = a.routes()
	return a, err
}

// routes is every door of this app.
func (a *App) routes() (*echo.Echo, error) {
	e, err := web.New(web.Options{
		Service: Service, Replica: a.Replica, Estate: a.Estate, Logger: a.Logger, TrustedProxies: a.TrustedProxies,
		Ready: map[string]func(context.Context) error{
			"redis":    func(ctx context.Context) error { return a.Redis.Ping(ctx).Err() },
			"database": a.DB.PingContext,
		},
		Person: person, Unavailable: rp.Unavailable,
		FormActions: []string{a.Estate.URL("portal")},
		SignInPath:  rp.SignInPath, SignOutPath: rp.SignOutPath,
	})
	if err != nil {
		return nil, fmt.Errorf("analytics: %w", err)
	}
	a.rp.Mount(e)

	analysts := e.Group("", a.rp.Role("analyst", "admin"))
	analysts.GET("/", a.dashboard)          // the page, and for htmx its live parts
	analysts.GET("/export/:file", a.export) // one panel as CSV: /export/sign-ins.csv
	analysts.GET("/skipped", a.skippedPage) // events that could not be counted
	return e, nil
}

// Handler answers requests.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run consumes events and keeps house until ctx ends, and returns nil then.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
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

func person(c echo.Context) *components.Person {
	p := rp.Person(c)
	if p == nil {
		return nil
	}
	return &components.Person{Name: p.Name, Email: p.Email, Roles: p.Roles}
}
