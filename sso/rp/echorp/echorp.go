package echorp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/sso/rp"
)

// RP is a relying party whose middleware is Echo's.
type RP struct{ *rp.RP }

// New returns the relying party for c, as rp.New does. It sets c.ErrorHandler, and c.ClientIP if that is nil.
func New(c rp.Config) (*RP, error) {
	c.ErrorHandler = func(_ http.ResponseWriter, r *http.Request, err error) { callOf(r).err = echoError(err) }
	if c.ClientIP == nil {
		c.ClientIP = func(r *http.Request) string { return callOf(r).RealIP() }
	}
	auth, err := rp.New(c)
	return &RP{auth}, err
}

// call is a call of an Echo handler, with the error that it returns.
type call struct {
	echo.Context
	err error
}

type callKey struct{}

func callOf(r *http.Request) *call {
	c, _ := r.Context().Value(callKey{}).(*call)
	return c
}

// echoError converts an *rp.Error.
func echoError(err error) error {
	e := (*rp.Error)(nil)
	if !errors.As(err, &e) {
		return err
	}
	if e.Message == "" {
		return echo.NewHTTPError(e.Status).SetInternal(e.Err)
	}
	return echo.NewHTTPError(e.Status, e.Message).SetInternal(e.Err)
}

// Handler returns an http.HandlerFunc that calls h with the Echo context of the request.
func Handler(h echo.HandlerFunc) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		c := callOf(r)
		c.SetRequest(r)
		c.err = h(c.Context)
	}
}

// serve calls h with the request of c, and returns the error that h reported.
func serve(h http.Handler, c echo.Context) error {
	current := &call{Context: c}
	r := c.Request()
	h.ServeHTTP(c.Response(), r.WithContext(context.WithValue(r.Context(), callKey{}, current)))
	return current.err
}

// sidKey is the key of the sid in Echo's context, for the access log.
const sidKey = "sid"

// adapt returns m as Echo middleware.
func adapt(m rp.Middleware) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		h := m(Handler(func(c echo.Context) error {
			if p := rp.From(c.Request()); p != nil {
				c.Set(sidKey, p.SID)
			}
			if claims := rp.Claims(c.Request()); claims != nil {
				c.Set(sidKey, claims.SID)
			}
			return next(c)
		}))
		return func(c echo.Context) error { return serve(h, c) }
	}
}

// Mount registers the middleware that identifies each request's user, and the endpoints of the sign-in flow.
func (a *RP) Mount(e *echo.Echo) {
	e.Use(adapt(a.Optional))
	for _, end := range a.Endpoints() {
		e.Add(end.Method, end.Path, func(c echo.Context) error { return serve(end.Handler, c) })
	}
}

// Required does what [rp.RP.Required] does.
func (a *RP) Required(next echo.HandlerFunc) echo.HandlerFunc { return adapt(a.RP.Required)(next) }

// Role returns the middleware of [rp.RP.Role].
func (a *RP) Role(roles ...string) echo.MiddlewareFunc { return adapt(a.RP.Role(roles...)) }

// Recent returns the middleware of [rp.RP.Recent].
func (a *RP) Recent(maxAge time.Duration) echo.MiddlewareFunc { return adapt(a.RP.Recent(maxAge)) }

// Bearer returns the middleware of [rp.RP.Bearer].
func (a *RP) Bearer(scope string, roles ...string) echo.MiddlewareFunc {
	return adapt(a.RP.Bearer(scope, roles...))
}

// Program returns the middleware of [rp.RP.Program].
func (a *RP) Program(scope string) echo.MiddlewareFunc { return adapt(a.RP.Program(scope)) }
