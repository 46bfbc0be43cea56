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

	"gatehouse.example/components"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooledBuffer is the maximum size of a buffer that is reused, in bytes.
const maxPooledBuffer = 256 << 10

// Render sends a page, or the fragments if htmx asked for a part and there are any. It sends nothing before all of it
// is rendered, so that an error half-way still becomes an error page.
func Render(c echo.Context, status int, page templ.Component, fragments ...templ.Component) error {
	h := c.Response().Header()
	h.Add("Vary", "HX-Request")
	if h.Get("Cache-Control") == "" {
		// After sign-out, the back button must not show a signed-in user's pages.
		h.Set("Cache-Control", "private, no-store")
	}
	parts := []templ.Component{page}
	if len(fragments) > 0 && WantsFragment(c) {
		parts = fragments
	}
	buf, _ := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxPooledBuffer {
			buffers.Put(buf)
		}
	}()
	// The page of an error is rendered when the request's deadline has been cancelled or has passed; templ would render
	// nothing then.
	ctx := context.WithoutCancel(c.Request().Context())
	for _, p := range parts {
		if err := p.Render(ctx, buf); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	// With a known length, a proxy need not process a chunked response.
	h.Set(echo.HeaderContentLength, strconv.Itoa(buf.Len()))
	return c.HTMLBlob(status, buf.Bytes())
}

// IsHTMX reports whether htmx sent the request.
func IsHTMX(c echo.Context) bool { return c.Request().Header.Get("HX-Request") == "true" }

// WantsFragment reports whether htmx asked for a part of a page: its boosted links and its history ask for a whole one.
func WantsFragment(c echo.Context) bool {
	h := c.Request().Header
	return IsHTMX(c) && h.Get("HX-Boosted") != "true" && h.Get("HX-History-Restore-Request") != "true"
}

// SeeOther redirects the browser with a GET (303).
func SeeOther(c echo.Context, url string) error { return c.Redirect(http.StatusSeeOther, url) }

// RedirectHX redirects the browser to path with a 303, or by the header HX-Redirect if the request is from htmx.
func RedirectHX(c echo.Context, path string) error {
	if WantsFragment(c) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return SeeOther(c, path)
}

// RedirectWithFlash redirects as RedirectHX does, to a page that shows a message (Flash).
func RedirectWithFlash(c echo.Context, kind, message, path string) error {
	Flash(c, kind, message)
	return RedirectHX(c, path)
}

// Shell returns the data of the header and footer of a page with this title.
func Shell(c echo.Context, title string) components.Shell {
	s := serverOf(c)
	if s == nil {
		return components.Shell{Title: title}
	}
	v := components.Shell{
		Title: title, App: s.Estate.appOf(s.Service), Replica: s.Replica, RequestID: RequestID(c),
		Theme: themeOf(c), Path: c.Request().URL.RequestURI(), Toasts: popFlash(c),
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
	if v.Person != nil {
		v.InboxURL = s.Estate.inbox()
	}
	if v.InboxURL != "" && s.Unread != nil {
		v.Unread = s.Unread(c)
	}
	if s.Unavailable != nil {
		v.Unavailable = s.Unavailable(c)
	}
	var roles []string
	if v.Person != nil {
		roles = v.Person.Roles
	}
	v.Apps = s.Estate.AppsFor(roles)
	if s.Nav != nil {
		v.Nav = s.Nav(roles)
	}
	return v
}
