package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/assets"
	"gatehouse/components"
)

// RequestTimeout is how long a handler may take before its context ends.
const RequestTimeout = 15 * time.Second

// Options are what services differ in.
type Options struct {
	Service string // "shop"
	Replica string // "shop-2"
	Estate  Estate
	Logger  *slog.Logger

	// TrustedProxies may say, in X-Forwarded-For, whom a request is from.
	TrustedProxies []netip.Prefix
	// Ready are what /readyz asks, by name.
	Ready map[string]func(context.Context) error
	// Person is who the request is from, nil for a guest.
	Person func(echo.Context) *components.Person
	// Live is how a page hears that its person was signed out elsewhere; may be nil.
	Live func(echo.Context) *components.Live
	// Streams are the paths whose answers go on for long: their requests have no deadline.
	Streams []string
	// Unavailable reports that it can't be known just now who the request is from.
	Unavailable func(echo.Context) bool
	// Nav are the header's links for somebody with these roles; may be nil.
	Nav func(roles []string) []components.NavItem
	// FormActions are origins besides our own where a form may lead (CSP form-action,
	// which Chromium also applies to the redirects that follow).
	FormActions []string
	// AllowCrossOrigin are the paths where other sites may post to.
	AllowCrossOrigin []string
	// SignInPath and SignOutPath are the header's links.
	SignInPath, SignOutPath string
}

// New is a server with everything that services share and no pages yet.
func New(o Options) (*echo.Echo, error) {
	switch {
	case o.Service == "" || o.Replica == "":
		return nil, errors.New("web: the service and its replica need names")
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
	e.OnAddRouteHandler = head(e)
	e.Pre(s.observe)
	e.Use(s.headers, limits)

	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "alive\n") })
	e.GET("/readyz", s.ready)
	e.GET("/assets/*", echo.WrapHandler(assets.Handler()))
	e.GET("/favicon.ico", func(c echo.Context) error {
		return c.Redirect(http.StatusFound, assets.Path("mark-"+o.Service+".svg"))
	})
	e.POST("/theme", s.setTheme)
	return e, nil
}

// head gives each GET its HEAD, which servers must support alike (RFC 9110 §9.1)
// and Echo does not by itself; net/http leaves out the body.
func head(e *echo.Echo) func(string, echo.Route, echo.HandlerFunc, []echo.MiddlewareFunc) {
	return func(_ string, r echo.Route, h echo.HandlerFunc, m []echo.MiddlewareFunc) {
		if r.Method == http.MethodGet {
			e.HEAD(r.Path, h, m...)
		}
	}
}

// server is what the shared handlers know.
type server struct {
	Options
	csp string
}

const serverKey = "gatehouse/web.server"

func from(c echo.Context) *server {
	s, _ := c.Get(serverKey).(*server)
	return s
}
