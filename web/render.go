package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"gatehouse/components"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largeBuffer is the size in bytes above which a buffer is not kept.
const largeBuffer = 256 << 10

// Render answers with a page, or with the fragments when htmx asked for one and
// there are any. Nothing is sent before all of it is rendered, so that a fault
// half-way still becomes an error page.
func Render(c echo.Context, status int, page templ.Component, fragments ...templ.Component) error {
	h := c.Response().Header()
	h.Add("Vary", "HX-Request")
	if h.Get("Cache-Control") == "" {
		// What a signed-in person saw must not come back with the back button
		// after sign-out.
		h.Set("Cache-Control", "private, no-store")
	}
	parts := []templ.Component{page}
	if len(fragments) > 0 && WantsFragment(c) {
		parts = fragments
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= largeBuffer {
			buffers.Put(buf)
		}
	}()
	// An error's page is rendered when the request's own deadline has been taken
	// away already, or has passed; templ renders nothing then.
	ctx := context.WithoutCancel(c.Request().Context())
	for _, p := range parts {
		if err := p.Render(ctx, buf); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	// A known length spares a proxy the pieces of a chunked answer.
	h.Set(echo.HeaderContentLength, strconv.Itoa(buf.Len()))
	return c.HTMLBlob(status, buf.Bytes())
}

// IsHTMX reports whether htmx sent the request.
func IsHTMX(c echo.Context) bool { return c.Request().Header.Get("HX-Request") == "true" }

// WantsFragment reports whether htmx asked for a part of a page rather than a
// whole one: boosted links and its history ask for a whole one.
func WantsFragment(c echo.Context) bool {
	h := c.Request().Header
	return IsHTMX(c) && h.Get("HX-Boosted") != "true" && h.Get("HX-History-Restore-Request") != "true"
}

// SeeOther leads the browser on with a GET (303).
func SeeOther(c echo.Context, url string) error { return c.Redirect(http.StatusSeeOther, url) }

// Shell is what the header and footer of a page titled so show.
func Shell(c echo.Context, title string) components.Shell {
	s := from(c)
	if s == nil {
		return components.Shell{Title: title}
	}
	v := components.Shell{
		Title: title, App: s.Estate.app(s.Service), Replica: s.Replica, RequestID: RequestID(c),
		Theme: theme(c), Path: c.Request().URL.RequestURI(), Toasts: takeFlash(c),
		ProfileURL: s.Estate.URL("portal") + "/profile", SessionsURL: s.Estate.URL("portal") + "/sessions",
		SignInURL: SignInURL(c, s.SignInPath), SignOutAction: s.SignOutPath,
	}
	if c.Request().Method != http.MethodGet {
		v.Path = "/"
	}
	if s.Person != nil {
		v.Person = s.Person(c)
	}
	if v.Person != nil && s.Live != nil {
		v.Live = s.Live(c)
	}
	if s.Unavailable != nil {
		v.Unavailable = s.Unavailable(c)
	}
	var roles []string
	if v.Person != nil {
		roles = v.Person.Roles
	}
	v.Apps = s.Estate.Open(roles)
	if s.Nav != nil {
		v.Nav = s.Nav(roles)
	}
	return v
}
