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
type RP struct {
	*rp.RP
	required echo.MiddlewareFunc
}

// New returns the relying party for c, as rp.New does. It sets c.ErrorHandler, and c.ClientIP if that is nil.
func New(c rp.Config) (*RP, error) {
	c.ErrorHandler = func(_ http.ResponseWriter, r *http.Request, err error) { callOf(r).err = echoError(err) }
	if c.ClientIP == nil {
		c.ClientIP = func(r *http.Request) string { return callOf(r).RealIP() }
	}
	auth, err := rp.New(c)
	if err != nil {
		return nil, err
	}
	return &RP{auth, adapt(auth.Required)}, nil
}

// call is the call of an Echo handler below middleware of rp, with the error that it returns.
type call struct {
	echo.Context
	next echo.HandlerFunc
	err  error
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

// serve calls h, which may call next, with the request of c, and returns the error that either reported. Middleware
// below other middleware uses its call, since a copy of the request for each would cost a third of the work for a
// session.
func serve(h http.Handler, c echo.Context, next echo.HandlerFunc) error {
	r := c.Request()
	current := callOf(r)
	if current == nil {
		current = &call{}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, current))
	}
	outer := *current
	*current = call{Context: c, next: next}
	h.ServeHTTP(c.Response(), r)
	err := current.err
	*current = outer
	return err
}

// sidKey is the key of the sid in Echo's context, for the access log.
const sidKey = "sid"

// callNext calls the Echo handler below the middleware.
func callNext(_ http.ResponseWriter, r *http.Request) {
	c := callOf(r)
	if p := rp.From(r); p != nil {
		c.Set(sidKey, p.SID)
	}
	if claims := rp.Claims(r); claims != nil {
		c.Set(sidKey, claims.SID)
	}
	c.SetRequest(r)
	c.err = c.next(c.Context)
}

// adapt returns m as Echo middleware. Echo calls middleware anew for each request, so that m is called here.
func adapt(m rp.Middleware) echo.MiddlewareFunc {
	h := m(http.HandlerFunc(callNext))
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { return serve(h, c, next) }
	}
}

// Mount registers the middleware that identifies each request's user, and the endpoints of the sign-in flow.
func (a *RP) Mount(e *echo.Echo) {
	e.Use(adapt(a.Optional))
	for _, end := range a.Endpoints() {
		e.Add(end.Method, end.Path, func(c echo.Context) error { return serve(end.Handler, c, nil) })
	}
}

// Required does what [rp.RP.Required] does.
func (a *RP) Required(next echo.HandlerFunc) echo.HandlerFunc { return a.required(next) }

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
