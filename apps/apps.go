// Package apps is what the sibling apps have in common: what they are given, and
// how they join the estate. Each app is a package below this one; none imports
// another.
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

	"gatehouse/components"
	"gatehouse/db"
	"gatehouse/sso/denylist"
	"gatehouse/sso/hops"
	"gatehouse/sso/live"
	"gatehouse/sso/rp"
	"gatehouse/web"
)

// Deps are what an app needs from outside. Those from Denied on may be left empty.
type Deps struct {
	DB             *db.DB // migrated
	Redis          redis.UniversalClient
	Estate         web.Estate
	Replica        string // "shop-2"; living replicas have different names
	Logger         *slog.Logger
	ClientSecret   string           // of the app as a client of the portal
	Keys           [][]byte         // seal sessions: the first seals, all open (rp.Config.Keys)
	Denied         *denylist.Mirror // what the portal has revoked; the caller runs it
	Now            func() time.Time // time.Now unless told
	HTTPClient     *http.Client     // to the portal and the sibling apps
	TrustedProxies []netip.Prefix
	Demo           bool // make content for the demo accounts
}

// check says what is missing, all at once, and fills in what may be left out.
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

// Join makes service a sibling app: a server with everything that services share,
// and a relying party of the portal, mounted on it. The service's name is also
// its client id; open says that its first page is for guests, too. It does not use
// the network.
func (d *Deps) Join(service string, open bool) (*echo.Echo, *rp.RP, error) {
	if err := d.check(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	portal := d.Estate.URL("portal")
	seen, err := hops.NewLog(d.Redis, d.Logger)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	auth, err := rp.New(rp.Config{
		Issuer: portal, ClientID: service, ClientSecret: d.ClientSecret, BaseURL: d.Estate.URL(service), Service: service,
		Keys: d.Keys, Redis: d.Redis, Denied: d.denylist(), Replica: d.Replica, HTTPClient: d.HTTPClient, Logger: d.Logger, Now: d.Now,
		AppName: d.Estate.Name, Hops: seen,
		SignedOut: func(c echo.Context) error {
			if !open {
				return web.SeeOther(c, portal+"/signed-out")
			}
			web.Flash(c, "success", "You are signed out of every app in this browser.")
			return web.SeeOther(c, "/")
		},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	e, err := web.New(web.Options{
		Service: service, Replica: d.Replica, Estate: d.Estate, Logger: d.Logger, TrustedProxies: d.TrustedProxies,
		Ready:  d.ready(),
		Person: person, Unavailable: rp.Unavailable,
		Live: rp.Live, Streams: []string{live.StreamPath},
		FormActions: []string{portal}, // signing out leads there
		SignInPath:  rp.SignInPath, SignOutPath: rp.SignOutPath,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", service, err)
	}
	auth.Mount(e)
	if d.Denied != nil {
		d.Denied.Describe(func(r *denylist.Report) { r.KIDs, r.Streams = auth.KIDs(), auth.Streams() })
	}
	return e, auth, nil
}

// maxGuestSearches is how many searches of guests a replica answers at the same time.
const maxGuestSearches = 4

// AdmitGuestSearches returns a middleware for pages that search when they are given q or query: guests who search wait for their
// turn (web.AdmitGuests). Routes that share the result share the turns.
func AdmitGuestSearches() echo.MiddlewareFunc {
	return web.AdmitGuests(maxGuestSearches, func(c echo.Context) bool { return c.QueryParam("q")+c.QueryParam("query") != "" && rp.Person(c) == nil })
}

// denylist is Denied, or a nil that is one.
func (d *Deps) denylist() rp.Denylist {
	if d.Denied == nil {
		return nil
	}
	return d.Denied
}

// ready are what /readyz asks.
func (d *Deps) ready() map[string]func(context.Context) error {
	needs := map[string]func(context.Context) error{
		"database": d.DB.PingContext,
		"redis":    func(ctx context.Context) error { return d.Redis.Ping(ctx).Err() },
	}
	if d.Denied != nil {
		needs["denylist"] = d.Denied.Ready
	}
	return needs
}

// person is whom the header shows.
func person(c echo.Context) *components.Person {
	p := rp.Person(c)
	if p == nil {
		return nil
	}
	return &components.Person{Name: p.Name, Email: p.Email, Roles: p.Roles}
}
