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

// role is what the console takes.
const role = "admin"

// fresh is how old the sign-in of somebody who changes something may be; beginning is how old it may be when they open
// a form, so that there is time to fill it.
const (
	fresh     = 15 * time.Minute
	beginning = 10 * time.Minute
)

// Admin is who asks.
type Admin struct {
	ID, Name, Email, SID string
	AuthTime             time.Time // when the password was last given
}

// A handler answers an administrator.
type handler func(c echo.Context, me Admin) error

// view lets administrators see a page.
func (a *Console) view(h handler) echo.HandlerFunc {
	return a.guarded(func(c echo.Context, _ Admin) string { return here(c) }, h)
}

// form lets administrators open a form; whose sign-in is nearly too old for what it does gives the password first.
func (a *Console) form(h handler) echo.HandlerFunc {
	return a.view(func(c echo.Context, me Admin) error {
		if a.Now().Sub(me.AuthTime) > beginning {
			return again(c, here(c))
		}
		return h(c, me)
	})
}

// act lets administrators whose sign-in is fresh change something. page is the path of the form, with the names of
// the route's own parameters (/admin/people/:id): whoever has to give the password first comes back to it, and
// finds it filled as they left it (draft).
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

// forbidden says it in the words that the apps use, too.
func forbidden(u store.User) error {
	have := "no role"
	if len(u.Roles) > 0 {
		have = "the role " + strings.Join(u.Roles, ", ")
	}
	return web.Fail(http.StatusForbidden, "forbidden", fmt.Sprintf(
		"This takes the role %s. You are signed in as %s, with %s.", role, u.Email, have))
}

// again asks for the password once more, and leads back to page then.
func again(c echo.Context, page string) error {
	return leadOn(c, "/sign-in?"+url.Values{"reauth": {"1"}, "return_to": {page}}.Encode())
}

// here is the address that is being asked for. A fragment's is the page that shows it.
func here(c echo.Context) string {
	if web.WantsFragment(c) {
		if u, err := url.Parse(c.Request().Header.Get("HX-Current-URL")); err == nil && strings.HasPrefix(u.Path, "/admin") {
			return u.RequestURI()
		}
	}
	return c.Request().URL.RequestURI()
}

// fill puts the request's parameters in the place of their names.
func fill(c echo.Context, page string) string {
	parts := strings.Split(page, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = url.PathEscape(param(c, name))
		}
	}
	return strings.Join(parts, "/")
}

// leadOn sends the browser to path with a GET. htmx is told to leave the page for it.
func leadOn(c echo.Context, path string) error {
	if web.WantsFragment(c) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return web.SeeOther(c, path)
}
