package shop

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

	"gatehouse/apps/shop/goods"
	"gatehouse/apps/shop/store"
	"gatehouse/components"
	"gatehouse/db"
	"gatehouse/events"
	"gatehouse/sso/rp"
	"gatehouse/web"
)

// service is the shop's name in the estate and its client id at the portal.
const service = "shop"

// Deps are what the shop needs from outside. HTTPClient, TrustedProxies, Demo and
// Now may be left empty.
type Deps struct {
	DB             *db.DB // migrated
	Redis          redis.UniversalClient
	Estate         web.Estate
	Replica        string // "shop-2"
	Logger         *slog.Logger
	Now            func() time.Time
	HTTPClient     *http.Client // for the portal
	ClientSecret   string
	TrustedProxies []netip.Prefix
	Demo           bool // give the demo accounts past orders
}

// App is one replica of the shop.
type App struct {
	Deps
	echo     *echo.Echo
	sso      *rp.RP
	store    *store.Store
	relay    *events.Relay
	pictures pictures
}

// New is the shop with its shelves filled. It fails when something it needs is
// missing or the database does not answer; the portal and Redis may come later.
func New(ctx context.Context, d Deps) (*App, error) {
	switch {
	case d.DB == nil:
		return nil, errors.New("shop: no database")
	case d.Redis == nil:
		return nil, errors.New("shop: no Redis")
	case d.Logger == nil:
		return nil, errors.New("shop: no logger")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	a := &App{Deps: d}
	var err error
	if a.store, err = store.New(d.DB); err != nil {
		return nil, err
	}
	if a.relay, err = events.NewRelay(d.DB, d.Redis, d.Logger); err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, fmt.Errorf("shop: %w", err)
	}
	if a.sso, err = rp.New(rp.Config{
		Issuer: d.Estate.URL("portal"), ClientID: service, ClientSecret: d.ClientSecret,
		BaseURL: d.Estate.URL(service), Service: service, Redis: d.Redis,
		HTTPClient: d.HTTPClient, Logger: d.Logger, Now: d.Now,
	}); err != nil {
		return nil, err
	}
	if a.echo, err = web.New(web.Options{
		Service: service, Replica: d.Replica, Estate: d.Estate, Logger: d.Logger, TrustedProxies: d.TrustedProxies,
		Ready: map[string]func(context.Context) error{
			"database": d.DB.PingContext,
			"redis":    func(ctx context.Context) error { return d.Redis.Ping(ctx).Err() },
		},
		Person: person, Unavailable: rp.Unavailable,
		FormActions: []string{d.Estate.URL("portal")},
		SignInPath:  rp.SignInPath, SignOutPath: rp.SignOutPath,
	}); err != nil {
		return nil, fmt.Errorf("shop: %w", err)
	}
	a.sso.Mount(a.echo)
	a.routes(a.echo)
	return a, nil
}

// routes is every door of the shop.
func (a *App) routes(e *echo.Echo) {
	signedIn := a.sso.Required

	e.GET("/", a.catalogue)
	e.GET("/products/:slug", a.product)
	e.GET("/pictures/:file", a.picture)

	e.GET("/cart", a.cart)
	e.POST("/cart/items", a.addToCart)
	e.POST("/cart/items/:slug", a.changeCart)
	e.POST("/cart/items/:slug/remove", a.removeFromCart)

	e.GET("/checkout", a.checkout, signedIn)
	e.POST("/checkout", a.placeOrder, signedIn)

	e.GET("/orders", a.orders, signedIn)
	e.GET("/orders/:id", a.order, signedIn)

	e.GET("/api/v1/products", a.apiProducts)
	e.GET("/api/v1/products/:slug", a.apiProduct)
	e.GET("/api/v1/purchases", a.apiPurchases, a.sso.Bearer("purchases:read"))
}

// open fills empty shelves and draws the pictures.
func (a *App) open(ctx context.Context) error {
	c, err := goods.Load()
	if err != nil {
		return err
	}
	if a.pictures, err = draw(c.Products); err != nil {
		return err
	}
	if err := a.store.Stock(ctx, c, a.Now()); err != nil {
		return err
	}
	if a.Demo {
		return a.store.Demo(ctx, a.Now())
	}
	return nil
}

// Handler answers the shop's requests.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run publishes the shop's events and forgets old guests' carts until ctx ends.
func (a *App) Run(ctx context.Context) error {
	go a.tidy(ctx)
	return a.relay.Run(ctx)
}

func (a *App) tidy(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := a.store.Prune(ctx, a.Now().Add(-cartLife)); err != nil && ctx.Err() == nil {
			a.Logger.Warn("old carts can't be cleared away", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// person is who the header shows.
func person(c echo.Context) *components.Person {
	p := rp.Person(c)
	if p == nil {
		return nil
	}
	return &components.Person{Name: p.Name, Email: p.Email, Roles: p.Roles}
}
