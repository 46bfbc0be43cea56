package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/portal/store"
	"gatehouse/web"
)

// role is the role that the console requires.
const role = "admin"

// fresh is the maximum age of the sign-in of an administrator who changes something, and beginning the maximum age
// when a form is opened, so that there is time to fill it in.
const (
	fresh     = 15 * time.Minute
	beginning = 10 * time.Minute
)

// Admin is the administrator who sent the request.
type Admin struct {
	ID, Name, Email, SID string
	AuthTime             time.Time // when the password was last entered
}

// handler handles a request of an administrator.
type handler func(c echo.Context, me Admin) error

// view returns a handler that requires the role admin.
func (a *Console) view(h handler) echo.HandlerFunc {
	return a.guarded(func(c echo.Context, _ Admin) string { return here(c) }, h)
}

// form returns a handler that requires the role admin, and asks for the password first if the sign-in is older than
// beginning.
func (a *Console) form(h handler) echo.HandlerFunc {
	return a.view(func(c echo.Context, me Admin) error {
		if a.Now().Sub(me.AuthTime) > beginning {
			return again(c, here(c))
		}
		return h(c, me)
	})
}

// act returns a handler that requires the role admin, and asks for the password first if the sign-in is older than
// fresh. page is the path of the form, with the route's parameter names (/admin/people/:id): after entering the
// password, the administrator returns to it, and its fields are filled as typed (draft).
func (a *Console) act(page string, h handler) echo.HandlerFunc {
	back := func(c echo.Context, _ Admin) string { return fill(c, page) }
	return a.guarded(back, func(c echo.Context, me Admin) error {
		if a.Now().Sub(me.AuthTime) > fresh {
			a.keepDraft(c, back(c, me))
			return again(c, back(c, me))
		}
		return h(c, me)
	})
}

func (a *Console) guarded(back func(echo.Context, Admin) string, h handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		u, in, ok, err := a.Visitors.Visitor(c)
		if err != nil {
			return err
		}
		if !ok {
			page := back(c, Admin{})
			if c.Request().Method != http.MethodGet {
				a.keepDraft(c, page)
			}
			return leadOn(c, "/sign-in?"+url.Values{"return_to": {page}}.Encode())
		}
		if !slices.Contains(u.Roles, role) {
			return forbidden(u)
		}
		return h(c, Admin{ID: u.ID, Name: u.Name, Email: u.Email, SID: in.SID, AuthTime: in.CreatedAt})
	}
}

// forbidden returns a 403 with the text that the apps use, too.
func forbidden(u store.User) error {
	have := "no role"
	if len(u.Roles) > 0 {
		have = "the role " + strings.Join(u.Roles, ", ")
	}
	return web.Fail(http.StatusForbidden, "forbidden", fmt.Sprintf(
		"You need the role %s. You're signed in as %s, with %s.", role, u.Email, have))
}

// again redirects to the page that asks for the password, which leads back to page.
func again(c echo.Context, page string) error {
	return leadOn(c, "/sign-in?"+url.Values{"reauth": {"1"}, "return_to": {page}}.Encode())
}

// here returns the URL of the request; for a fragment, of the page that contains it.
func here(c echo.Context) string {
	if web.WantsFragment(c) {
		if u, err := url.Parse(c.Request().Header.Get("HX-Current-URL")); err == nil && strings.HasPrefix(u.Path, "/admin") {
			return u.RequestURI()
		}
	}
	return c.Request().URL.RequestURI()
}

// fill replaces the parameter names in page by the request's values.
func fill(c echo.Context, page string) string {
	parts := strings.Split(page, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = url.PathEscape(param(c, name))
		}
	}
	return strings.Join(parts, "/")
}

// leadOn redirects the browser to path with a 303, or by HX-Redirect if the request is from htmx.
func leadOn(c echo.Context, path string) error {
	if web.WantsFragment(c) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return web.SeeOther(c, path)
}
