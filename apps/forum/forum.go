package forum

import (
	"context"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/markdown"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/events"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/web"
)

// service is the forum's service name and its client id at the portal.
const service = "forum"

// Deps are the dependencies of the forum.
type Deps = apps.Deps

// App is one replica of the forum.
type App struct {
	Deps
	echo    *echo.Echo
	sso     *echorp.RP
	store   *store.Store
	relay   *events.Relay
	html    *markdown.Cache
	shop    Shop
	buyers  *buyerCache
	inboxes *announcer
}

// maxRendered is the size of the rendering cache in bytes; it may hold up to twice as much.
const maxRendered = 8 << 20

// New creates the forum and stores its boards. It returns an error if a required dependency is unset or the database
// does not answer. The portal, the shop and Redis may become available later.
func New(ctx context.Context, d Deps) (*App, error) {
	e, auth, err := d.Join(service, true, func(o *web.Options) { o.MaxBodies = map[string]int64{uploadPath: maxUpload} })
	if err != nil {
		return nil, err
	}
	a := &App{Deps: d, echo: e, sso: auth, html: markdown.NewCache(maxRendered)}
	if a.store, err = store.New(d.DB); err != nil {
		return nil, err
	}
	a.inboxes = newAnnouncer(a.store, d.Unread, d.Logger)
	a.store.Changed = a.inboxes.Changed
	if a.relay, err = events.NewRelay(d.DB, d.Redis, d.Logger); err != nil {
		return nil, err
	}
	a.shop = &shopAPI{origin: d.Estate.URL("shop"), http: d.HTTPClient, tokens: a.sso}
	a.buyers = newBuyerCache(a.shop, d.Now, d.Logger)
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
	e.GET("/following", a.following, signedIn)
	e.GET("/u/:person", a.member) // a sub, or @ and a handle
	e.GET("/people", a.people, signedIn)

	e.GET(InboxPath, a.inbox, signedIn)
	e.POST("/inbox/read", a.readInbox, signedIn)
	e.GET("/inbox/read", a.redirectToForm)

	e.GET(uploadPath, a.uploadForm, signedIn)
	e.POST(uploadPath, a.upload, signedIn)
	e.GET("/images/:image", a.image)

	e.GET("/new", a.newThread, signedIn)
	e.POST("/new", a.createThread, signedIn)
	e.POST("/new/preview", a.preview(a.previewThread), signedIn)
	e.GET("/new/preview", a.redirectToForm)

	e.POST("/t/:thread/reply", a.createReply, signedIn)
	e.POST("/t/:thread/preview", a.preview(a.previewReply), signedIn)
	e.GET("/t/:thread/reply", a.redirectToForm)
	e.POST("/t/:thread/follow", a.follow, signedIn)
	e.GET("/t/:thread/follow", a.redirectToForm)
	e.GET("/t/:thread/preview", a.redirectToForm)

	e.GET("/posts/:post/edit", a.editForm, signedIn)
	e.POST("/posts/:post/edit", a.saveEdit, signedIn)
	e.POST("/posts/:post/edit/preview", a.preview(a.previewEdit), signedIn)
	e.GET("/posts/:post/edit/preview", a.redirectToForm)

	e.GET("/posts/:post/delete", a.deleteForm, signedIn)
	e.POST("/posts/:post/delete", a.deletePost, signedIn)
	e.POST("/posts/:post/undelete", a.undeletePost, signedIn)
	e.GET("/posts/:post/undelete", a.redirectToForm)

	e.POST("/posts/:post/vote", a.vote, signedIn)
	e.GET("/posts/:post/vote", a.redirectToForm)
	e.POST("/posts/:post/accept", a.acceptAnswer, signedIn)
	e.GET("/posts/:post/accept", a.redirectToForm)

	e.GET("/posts/:post/report", a.reportForm, signedIn)
	e.POST("/posts/:post/report", a.createReport, signedIn)

	e.GET("/moderation", a.moderationLog, moderator)
	e.GET("/moderation/reports", a.reports, moderator)
	e.POST("/posts/:post/moderate", a.moderate, moderator)
	e.GET("/posts/:post/moderate", a.redirectToForm)

	sibling := a.sso.Program(scopeTopics) // sibling apps that have threads about their own items
	e.GET("/api/v1/topics/:topic", a.getTopic, sibling)
	e.PUT("/api/v1/topics/:topic", a.putTopic, sibling)
}

// Handler returns the forum's HTTP handler.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run publishes the forum's events and runs the hourly cleanup until ctx ends.
func (a *App) Run(ctx context.Context) error {
	return apps.Run(ctx, a.sso.Run, a.relay.Run, a.inboxes.Run, a.Hourly(a.cleanUp))
}

func (a *App) cleanUp(ctx context.Context) error {
	return a.store.CleanUp(ctx, a.Now())
}
