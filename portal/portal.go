package portal

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

	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/events/unread"
	"gatehouse.example/portal/account"
	"gatehouse.example/portal/admin"
	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/oidc"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/web"
)

// service is the portal's name in the estate.
const service = "portal"

// Deps are the dependencies of the portal. Those from Now on are optional.
type Deps struct {
	DB         *db.DB // migrated
	Redis      redis.UniversalClient
	Estate     web.Estate
	Replica    string // "portal-1"
	Logger     *slog.Logger
	HTTPClient *http.Client     // for requests to clients, for back-channel logout
	Key        []byte           // 32 bytes: encrypts the signing keys at rest, and more
	OldKeys    [][]byte         // earlier values of Key, used only for decryption
	Clients    []Client         // the declared ones
	Denied     *denylist.Mirror // of this replica; the caller runs it

	Now            func() time.Time
	TrustedProxies []netip.Prefix
	Demo           bool             // create and show the demo accounts; without it they can't sign in
	Passwords      password.Options // cost and concurrency of password hashing
	Lifetimes      Lifetimes
	SignIns        ratelimit.SignInLimits // limits of successful sign-ins
}

// Lifetimes are the lifetimes of sessions and tokens. Zero fields mean the defaults.
type Lifetimes struct {
	Idle, Absolute time.Duration    // of portal sessions: 8 hours, 7 days
	Tokens         tokens.Lifetimes // 5 minutes each
	Refresh        time.Duration    // of a family of refresh tokens: 30 days
	ReplayWindow   time.Duration    // in which a used refresh token yields its successor again: 10 seconds
}

// App is one replica of the portal.
type App struct {
	echo     *echo.Echo
	relay    *events.Relay
	sender   *backchannel.Sender
	revoker  *revoke.Service
	clients  *clients.Registry
	cleanup  *cleanup
	keys     *keys.Manager
	protocol *oidc.Handlers
	pages    *account.Pages
	console  *admin.Console
	tabs     *signoutpush.Handler
	unread   *unread.Counts
}

// New returns a replica. It declares the clients, loads or creates the signing keys, and, with Demo, creates the
// demo accounts. It returns an error if a dependency is missing or the database does not answer; Redis and the
// clients need not be available yet.
func New(ctx context.Context, d Deps) (*App, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	a, err := assemble(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	a.echo, err = web.New(web.Options{
		Service: service, Replica: d.Replica, Estate: d.Estate, Logger: d.Logger, TrustedProxies: d.TrustedProxies,
		Ready: map[string]func(context.Context) error{
			"database": d.DB.PingContext,
			"redis":    func(ctx context.Context) error { return d.Redis.Ping(ctx).Err() },
			"denylist": d.Denied.Ready,
		},
		Person: a.pages.Person, Unavailable: a.pages.Unavailable,
		AllowCrossOrigin: []string{oidc.AuthorizePath},
		Nav:              admin.NavItem,
		Unread:           a.countUnread,
		Live:             a.openTab, Streams: []string{signoutpush.StreamPath},
		SignInPath: oidc.SignInPath, SignOutPath: "/sign-out",
	})
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	a.echo.HTTPErrorHandler = oidc.Errors(a.echo.HTTPErrorHandler)
	a.routes(a.echo)
	d.Denied.Describe(func(r *denylist.Report) { r.KIDs, r.Streams = a.keys.KIDs(), a.tabs.Streams() })
	return a, nil
}

// routes registers the portal's endpoints, besides those that every service has.
func (a *App) routes(e *echo.Echo) {
	o, p := a.protocol, a.pages

	// For clients.
	e.GET(oidc.DiscoveryPath, o.Discovery)
	e.GET(oidc.JWKSPath, o.JWKS)
	e.POST(oidc.TokenPath, o.Token)
	e.POST(oidc.RevokePath, o.Revoke)
	e.POST(oidc.IntrospectPath, o.Introspect)
	e.GET(oidc.UserinfoPath, o.Userinfo)
	e.POST(oidc.UserinfoPath, o.Userinfo)

	// For browsers redirected by clients.
	e.GET(oidc.AuthorizePath, o.Authorize, o.TraceSignIn)
	e.POST(oidc.AuthorizePath, o.AuthorizePost) // from any site
	e.GET(oidc.LogoutPath, o.EndSession)
	e.POST(oidc.LogoutPath, o.EndSession)

	// For users.
	e.GET("/", p.Home)
	e.GET(oidc.SignInPath, p.SignInForm, o.TraceSignIn)
	e.POST(oidc.SignInPath, p.SignIn, o.TraceSignIn)
	e.GET("/register", p.RegisterForm)
	e.POST("/register", p.Register)
	e.GET("/profile", p.Profile)
	e.POST("/profile/name", p.SetName)
	e.POST("/profile/email", p.SetEmail)
	e.POST("/profile/password", p.SetPassword)
	e.GET("/profile/delete", p.DeleteForm)
	e.POST("/profile/delete", p.Delete)
	e.POST("/sessions/told", p.AcknowledgeEnded)
	e.GET("/sessions", p.SessionList)
	e.POST("/sessions/:sid/end", p.EndSession)
	e.GET("/sign-out", p.SignOutForm)
	e.POST("/sign-out", p.SignOut)
	e.POST("/sign-out/everywhere", p.SignOutEverywhere)
	e.GET(oidc.SignedOutPath, p.SignedOut)

	// For open tabs.
	e.GET(signoutpush.StreamPath, echo.WrapHandler(http.HandlerFunc(a.tabs.Stream)))
	e.GET(signoutpush.StatePath, echo.WrapHandler(http.HandlerFunc(a.tabs.State)))

	// For administrators: below /admin.
	a.console.Routes(e)
}

func (d *Deps) check() error {
	if d.DB == nil || d.Redis == nil || d.Estate.IsZero() || d.Replica == "" || d.Logger == nil || d.HTTPClient == nil || d.Denied == nil {
		return errors.New("portal: a dependency is missing")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return nil
}

// Handler returns the handler of the portal's requests.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run runs the background work until ctx ends: it publishes events, delivers logout tokens, keeps the denylist in
// Redis up to date, ends sign-ins beyond the limit, reloads the signing keys and the clients, and deletes expired
// records.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.relay.Run(ctx) })
	group.Go(func() error { return a.sender.Run(ctx) })
	group.Go(func() error { return a.revoker.Run(ctx) })
	group.Go(func() error { return a.pages.Run(ctx) })
	group.Go(func() error { return a.cleanup.run(ctx) })
	group.Go(func() error { return a.keys.Run(ctx) })
	group.Go(func() error { return a.clients.Run(ctx) })
	return group.Wait()
}
