package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/assets"
	"gatehouse.example/components"
)

// RequestTimeout is the timeout of a request's context.
const RequestTimeout = 15 * time.Second

// Options configure a service's server.
type Options struct {
	Service string // "shop"
	Replica string // "shop-2"
	Estate  Estate
	Logger  *slog.Logger

	// TrustedProxies are the networks whose X-Forwarded-For is used.
	TrustedProxies []netip.Prefix
	// Ready are the checks of /readyz, by name.
	Ready map[string]func(context.Context) error
	// Person returns the request's user, or nil for a guest.
	Person func(echo.Context) *components.Person
	// Live returns the data with which a page learns that its user was signed out elsewhere; may be nil.
	Live func(echo.Context) *components.Live
	// Unread returns the number of unread notifications of a signed-in request's user; may be nil.
	Unread func(echo.Context) int
	// Streams are the paths of long-lived responses: their requests have no deadline.
	Streams []string
	// Unavailable reports whether the request's user is unknown because the session store does not answer.
	Unavailable func(echo.Context) bool
	// Nav returns the header's links for a user with these roles; may be nil.
	Nav func(roles []string) []components.NavItem
	// MaxBodies has the maximum sizes of the bodies of requests to paths where it is not MaxBody.
	MaxBodies map[string]int64
	// FormActions are origins besides our own to which a form may lead (CSP form-action, which Chromium also applies to
	// the redirects that follow).
	FormActions []string
	// AllowCrossOrigin are the paths to which other sites may post.
	AllowCrossOrigin []string
	// SignInPath and SignOutPath are the paths of the header's sign-in link and sign-out button.
	SignInPath, SignOutPath string
}

// New returns a server with the shared middleware and routes, and no pages yet. It returns an error if a required
// option is missing.
func New(o Options) (*echo.Echo, error) {
	switch {
	case o.Service == "" || o.Replica == "":
		return nil, errors.New("web: Service or Replica is empty")
	case o.Logger == nil:
		return nil, errors.New("web: a logger is missing")
	case o.Estate.IsZero():
		return nil, errors.New("web: the estate is missing")
	}
	s := &server{Options: o, csp: contentSecurityPolicy(o.FormActions)}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = trustedIP(o.TrustedProxies)
	e.HTTPErrorHandler = s.answerError
	limits, err := s.limits()
	if err != nil {
		return nil, err
	}
	e.OnAddRouteHandler = addHeadRoutes(e)
	e.Pre(s.observe)
	e.Use(s.headers, limits)

	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "alive\n") })
	e.GET("/readyz", s.checkReady)
	e.GET("/assets/*", echo.WrapHandler(assets.Handler()))
	e.GET("/favicon.ico", func(c echo.Context) error {
		return c.Redirect(http.StatusFound, assets.Path("mark-"+o.Service+".svg"))
	})
	e.POST("/theme", s.setTheme)
	e.GET(GoToPath, s.goTo)
	return e, nil
}

// addHeadRoutes returns a hook that adds a HEAD route to each GET route: servers must support both (RFC 9110 §9.1), and
// Echo adds none; net/http omits the body.
func addHeadRoutes(e *echo.Echo) func(string, echo.Route, echo.HandlerFunc, []echo.MiddlewareFunc) {
	return func(_ string, r echo.Route, h echo.HandlerFunc, m []echo.MiddlewareFunc) {
		if r.Method == http.MethodGet {
			e.HEAD(r.Path, h, m...)
		}
	}
}

// server is the state of the shared handlers.
type server struct {
	Options
	csp string
}

const serverKey = "gatehouse/web.server"

func serverOf(c echo.Context) *server {
	s, _ := c.Get(serverKey).(*server)
	return s
}
