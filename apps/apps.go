package apps

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

	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/events/unread"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/sso/trace"
	"gatehouse.example/web"
)

// Deps are the dependencies of an app. The fields from Denied on are optional.
type Deps struct {
	DB             *db.DB // migrated
	Redis          redis.UniversalClient
	Estate         web.Estate
	Replica        string // "shop-2"; unique among running replicas
	Logger         *slog.Logger
	ClientSecret   string           // of the app, as a client of the portal
	Keys           [][]byte         // session encryption keys: the first encrypts, all decrypt (rp.Config.Keys)
	Denied         *denylist.Mirror // the portal's revocations; the caller runs it
	Now            func() time.Time // default: time.Now
	HTTPClient     *http.Client     // for requests to the portal and the sibling apps
	Idle           time.Duration    // of sessions; default session.DefaultIdle
	TrustedProxies []netip.Prefix
	Demo           bool // create content for the demo accounts

	// Unread has the numbers of unread notifications. Join sets it.
	Unread *unread.Counts
}

// check sets the defaults of Now and HTTPClient, and returns an error that lists every required field that is unset.
func (d *Deps) check() error {
	var missing []error
	need := func(there bool, what string) {
		if !there {
			missing = append(missing, errors.New(what+" is missing"))
		}
	}
	need(d.DB != nil, "the database")
	need(d.Redis != nil, "Redis")
	need(d.Logger != nil, "the logger")
	need(d.Replica != "", "the replica's name")
	need(d.ClientSecret != "", "the client's secret")
	need(len(d.Keys) > 0, "the key of sessions")
	need(!d.Estate.IsZero(), "the estate")
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.HTTPClient == nil {
		d.HTTPClient = rp.DefaultClient(d.Estate.URL("portal"))
	}
	return errors.Join(missing...)
}

// Join creates an Echo server for service with the middleware and endpoints that all services share, and mounts a
// relying party of the portal on it. The service's name is also its client id. open says that the app's first page is
// public, so that sign-out ends there instead of on the portal. configure changes options of the server. Join returns
// an error if a required field of d is unset or an option is invalid. It does not use the network.
func (d *Deps) Join(service string, open bool, configure ...func(*web.Options)) (*echo.Echo, *echorp.RP, error) {
	if err := d.check(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	portal := d.Estate.URL("portal")
	seen, err := trace.NewLog(d.Redis, d.Logger)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	if d.Unread, err = unread.New(d.Redis, d.Logger); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	auth, err := echorp.New(rp.Config{
		Issuer: portal, ClientID: service, ClientSecret: d.ClientSecret, BaseURL: d.Estate.URL(service), Service: service,
		Keys: d.Keys, Redis: d.Redis, Denied: d.denylist(), Replica: d.Replica, HTTPClient: d.HTTPClient, Logger: d.Logger, Idle: d.Idle, Now: d.Now,
		AppName: d.Estate.Name, Trace: seen, Unread: d.Unread,
		SignedOut: echorp.Handler(func(c echo.Context) error {
			if !open {
				return web.SeeOther(c, portal+"/signed-out")
			}
			web.Flash(c, "success", "You're signed out of every app in this browser.")
			return web.SeeOther(c, "/")
		}),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	options := web.Options{
		Service: service, Replica: d.Replica, Estate: d.Estate, Logger: d.Logger, TrustedProxies: d.TrustedProxies,
		Ready:  d.readyChecks(),
		Person: headerPerson, Unavailable: func(c echo.Context) bool { return rp.Unavailable(c.Request()) },
		Unread: func(c echo.Context) int { return d.Unread.Get(c.Request().Context(), Subject(c)) },
		Live:   openTab, Streams: []string{signoutpush.StreamPath},
		FormActions: []string{portal}, // the sign-out form redirects to the portal
		SignInPath:  rp.SignInPath, SignOutPath: rp.SignOutPath,
	}
	for _, change := range configure {
		change(&options)
	}
	e, err := web.New(options)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	auth.Mount(e)
	if d.Denied != nil {
		d.Denied.Describe(func(r *denylist.Report) { r.KIDs, r.Streams = auth.KIDs(), auth.Streams() })
	}
	return e, auth, nil
}

// Run runs tasks concurrently until ctx ends or one of them fails, and returns the first error.
func Run(ctx context.Context, tasks ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, task := range tasks {
		group.Go(func() error { return task(ctx) })
	}
	return group.Wait()
}

// Hourly returns a task for [Run] that calls cleanUp at once and then every hour, and logs its errors.
func (d *Deps) Hourly(cleanUp func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(time.Hour)
		defer tick.Stop()
		for {
			if err := cleanUp(ctx); err != nil && ctx.Err() == nil {
				d.Logger.Warn("cannot delete old data", "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}
}

// NotFound returns a 404 error that names what is missing if err is a store's ErrNotFound, and err otherwise.
func NotFound(err error, what string) error {
	if errors.Is(err, db.ErrNotFound) {
		return web.NotFound(what)
	}
	return err
}

// Subject returns the sub of the signed-in user, or "" for a guest.
func Subject(c echo.Context) string {
	if p := rp.From(c.Request()); p != nil {
		return p.Subject
	}
	return ""
}

// maxGuestSearches limits how many searches by guests a replica runs at the same time.
const maxGuestSearches = 4

// AdmitGuestSearches returns middleware that limits how many guest requests with a q or query parameter run at the same
// time (web.AdmitGuests). Routes that use the same middleware value share one limit.
func AdmitGuestSearches() echo.MiddlewareFunc {
	return web.AdmitGuests(maxGuestSearches, func(c echo.Context) bool {
		return c.QueryParam("q")+c.QueryParam("query") != "" && rp.From(c.Request()) == nil
	})
}

// denylist returns d.Denied as an interface, which is nil if d.Denied is nil.
func (d *Deps) denylist() rp.Denylist {
	if d.Denied == nil {
		return nil
	}
	return d.Denied
}

// readyChecks returns the checks of /readyz by name: the database, Redis and, if there is one, the denylist.
func (d *Deps) readyChecks() map[string]func(context.Context) error {
	needs := map[string]func(context.Context) error{
		"database": d.DB.PingContext,
		"redis":    func(ctx context.Context) error { return d.Redis.Ping(ctx).Err() },
	}
	if d.Denied != nil {
		needs["denylist"] = d.Denied.Ready
	}
	return needs
}

// openTab returns the data that a page embeds to watch its sign-in, or nil for a guest.
func openTab(c echo.Context) *components.Live { return (*components.Live)(rp.Live(c.Request())) }

// headerPerson returns the signed-in user for the page header, or nil for a guest.
func headerPerson(c echo.Context) *components.Person {
	p := rp.From(c.Request())
	if p == nil {
		return nil
	}
	return &components.Person{ID: p.Subject, Name: p.Name, Email: p.Email, Roles: p.Roles}
}
