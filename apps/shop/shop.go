package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/shop/goods"
	"gatehouse.example/apps/shop/store"
	"gatehouse.example/events"
	"gatehouse.example/sso/rp/echorp"
)

// service is the shop's service name and its client id at the portal.
const service = "shop"

// Deps are the dependencies of the shop.
type Deps = apps.Deps

// App is one replica of the shop.
type App struct {
	Deps
	echo     *echo.Echo
	sso      *echorp.RP
	store    *store.Store
	relay    *events.Relay
	pictures pictures
}

// New creates the shop and fills an empty catalogue. It returns an error if a required dependency is unset or the
// database does not answer. The portal and Redis may become available later.
func New(ctx context.Context, d Deps) (*App, error) {
	e, auth, err := d.Join(service, true)
	if err != nil {
		return nil, err
	}
	a := &App{Deps: d, echo: e, sso: auth}
	if a.store, err = store.New(d.DB); err != nil {
		return nil, err
	}
	if a.relay, err = events.NewRelay(d.DB, d.Redis, d.Logger); err != nil {
		return nil, err
	}
	if err := a.loadCatalogue(ctx); err != nil {
		return nil, fmt.Errorf("shop: %w", err)
	}
	a.routes(e)
	return a, nil
}

// routes registers every endpoint of the shop.
func (a *App) routes(e *echo.Echo) {
	signedIn := a.sso.Required

	searches := apps.AdmitGuestSearches()
	e.GET("/", a.catalogue, searches)
	e.GET("/products/:slug", a.product)
	e.GET("/products/:slug/review", a.reviewForm, signedIn)
	e.POST("/products/:slug/review", a.saveReview, signedIn)
	e.POST("/reviews/:review/remove", a.removeReview, signedIn)
	e.GET("/pictures/:file", a.picture)

	e.GET("/cart", a.cart)
	e.POST("/cart/items", a.addToCart)
	e.POST("/cart/items/:slug", a.changeCart)
	e.POST("/cart/items/:slug/remove", a.removeFromCart)
	e.POST("/cart/items/:slug/restore", a.restoreToCart)

	e.GET("/checkout", a.checkout, signedIn)
	for step := addressStep; step <= reviewStep; step++ {
		e.GET(checkoutSteps[step].path, a.showStep(step), signedIn)
		if step < reviewStep {
			e.POST(checkoutSteps[step].path, a.saveStep(step), signedIn)
		}
	}
	e.POST("/checkout/review", a.placeOrder, signedIn)

	e.GET("/orders", a.orders, signedIn)
	e.GET("/orders/:id", a.order, signedIn)
	e.POST("/orders/:id/cancel", a.cancelOrder, signedIn)
	e.POST("/orders/:id/return", a.returnOrder, signedIn)
	e.POST("/orders/:id/reorder", a.reorder, signedIn)

	merchant := a.sso.Role(merchantRoles...)
	e.GET("/merchant", a.allOrders, merchant)
	e.GET("/merchant/orders/:id", a.anyOrder, merchant)
	e.POST("/merchant/orders/:id/move-on", a.moveOn, merchant)
	e.POST("/merchant/orders/:id/refund", a.refund, merchant)
	e.GET("/merchant/products", a.stock, merchant, searches)
	e.GET("/merchant/products/:slug", a.stockForm, merchant)
	e.POST("/merchant/products/:slug", a.saveStock, merchant)

	e.GET("/api/v1/products", a.apiProducts, searches)
	e.GET("/api/v1/products/:slug", a.apiProduct)
	e.GET("/api/v1/purchases", a.apiPurchases, a.sso.Program("purchases:read"))
}

// loadCatalogue stores the catalogue if the database has no products, draws the pictures and, for a demo, stores past
// orders and reviews.
func (a *App) loadCatalogue(ctx context.Context) error {
	c, err := goods.Load()
	if err != nil {
		return err
	}
	if a.pictures, err = drawPictures(c.Products); err != nil {
		return err
	}
	if err := a.store.SeedCatalogue(ctx, c, a.Now()); err != nil {
		return err
	}
	if !a.Demo {
		return nil
	}
	if err := a.store.SeedDemoOrders(ctx, a.Now()); err != nil {
		return err
	}
	return a.store.SeedDemoReviews(ctx, a.Now())
}

// Handler returns the shop's HTTP handler.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run publishes the shop's events and, once an hour, deletes guests' expired carts and indexes products that are not
// indexed yet, until ctx ends.
func (a *App) Run(ctx context.Context) error {
	return apps.Run(ctx, a.sso.Run, a.relay.Run, a.Hourly(a.cleanUp))
}

func (a *App) cleanUp(ctx context.Context) error {
	return errors.Join(a.store.CleanUp(ctx), a.store.Prune(ctx, a.Now().Add(-cartLifetime), a.Now()))
}
