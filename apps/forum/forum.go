package forum

import (
	"context"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"gatehouse/apps"
	"gatehouse/apps/forum/markdown"
	"gatehouse/apps/forum/store"
	"gatehouse/events"
	"gatehouse/sso/rp/echorp"
)

// service is the forum's service name and its client id at the portal.
const service = "forum"

// Deps are the dependencies of the forum.
type Deps = apps.Deps

// App is one replica of the forum.
type App struct {
	Deps
	echo     *echo.Echo
	sso      *echorp.RP
	store    *store.Store
	relay    *events.Relay
	html     *markdown.Cache
	shop     Shop
	verified *verified
}

// renderings is the size of the rendering cache in bytes; it may hold up to twice as much.
const renderings = 8 << 20

// New creates the forum and stores its boards. It returns an error if a required dependency is unset or the database
// does not answer. The portal, the shop and Redis may become available later.
func New(ctx context.Context, d Deps) (*App, error) {
	e, auth, err := d.Join(service, true)
	if err != nil {
		return nil, err
	}
	a := &App{Deps: d, echo: e, sso: auth, html: markdown.NewCache(renderings)}
	if a.store, err = store.New(d.DB); err != nil {
		return nil, err
	}
	if a.relay, err = events.NewRelay(d.DB, d.Redis, d.Logger); err != nil {
		return nil, err
	}
	a.shop = &shopAPI{origin: d.Estate.URL("shop"), http: d.HTTPClient, tokens: a.sso}
	a.verified = newVerified(a.shop, d.Now, d.Logger)
	if err := a.seed(ctx); err != nil {
		return nil, err
	}
	a.routes(e)
	return a, nil
}

// routes registers every endpoint of the forum.
func (a *App) routes(e *echo.Echo) {
	signedIn, moderator := a.sso.Required, a.sso.Role("moderator", "admin")

	e.GET("/", a.home)
	e.GET("/b/:board", a.board)
	e.GET("/search", a.search, apps.AdmitGuestSearches())

	e.GET("/t/:thread", a.thread)
	e.GET("/posts/:post", a.permalink) // redirects to the post's page and position
	e.GET("/mine", a.mine, signedIn)

	e.GET("/new", a.newThread, signedIn)
	e.POST("/new", a.createThread, signedIn)
	e.POST("/new/preview", a.previewThread, signedIn)
	e.GET("/new/preview", a.back)

	e.POST("/t/:thread/reply", a.createReply, signedIn)
	e.POST("/t/:thread/preview", a.previewReply, signedIn)
	e.GET("/t/:thread/reply", a.back)
	e.GET("/t/:thread/preview", a.back)

	e.GET("/posts/:post/edit", a.editForm, signedIn)
	e.POST("/posts/:post/edit", a.saveEdit, signedIn)
	e.POST("/posts/:post/edit/preview", a.previewEdit, signedIn)
	e.GET("/posts/:post/edit/preview", a.back)

	e.POST("/posts/:post/vote", a.vote, signedIn)
	e.GET("/posts/:post/vote", a.back)

	e.GET("/moderation", a.moderationLog, moderator)
	e.POST("/posts/:post/moderate", a.moderate, moderator)
	e.GET("/posts/:post/moderate", a.back)

	sibling := a.sso.Program(scopeTopics) // sibling apps that have threads about their own items
	e.GET("/api/v1/topics/:topic", a.getTopic, sibling)
	e.PUT("/api/v1/topics/:topic", a.putTopic, sibling)
}

// Handler returns the forum's HTTP handler.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run publishes the forum's events and runs the hourly cleanup until ctx ends.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.sso.Run(ctx) })
	group.Go(func() error { return a.relay.Run(ctx) })
	group.Go(func() error { a.Hourly(ctx, a.tidy); return nil })
	return group.Wait()
}

func (a *App) tidy(ctx context.Context) error {
	return a.store.Tidy(ctx, a.Now())
}
