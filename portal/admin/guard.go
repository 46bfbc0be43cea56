package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// adminRole is the role that the console requires.
const adminRole = "admin"

// maxAuthAge is the maximum age of the sign-in of an administrator who changes something, and maxFormAuthAge the
// maximum age when a form is opened, so that there is time to fill it in.
const (
	maxAuthAge     = 15 * time.Minute
	maxFormAuthAge = 10 * time.Minute
)

// Admin is the administrator who sent the request.
type Admin struct {
	ID, Name, Email, SID string
	AuthTime             time.Time // when the password was last entered
}

// handler handles a request of an administrator.
type handler func(c echo.Context, me Admin) error

// page returns a handler that requires the role admin.
func (a *Console) page(h handler) echo.HandlerFunc {
	return a.requireAdmin(currentPage, h)
}

// form returns a handler that requires the role admin, and asks for the password first if the sign-in is older than
// maxFormAuthAge.
func (a *Console) form(h handler) echo.HandlerFunc {
	return a.page(func(c echo.Context, me Admin) error {
		if a.Now().Sub(me.AuthTime) > maxFormAuthAge {
			return redirectToPassword(c, currentPage(c))
		}
		return h(c, me)
	})
}

// action returns a handler that requires the role admin, and asks for the password first if the sign-in is older than
// maxAuthAge. page is the path of the form, with the route's parameter names (/admin/people/:id): after entering the
// password, the administrator returns to it, and its fields are filled as typed (draft).
func (a *Console) action(page string, h handler) echo.HandlerFunc {
	return a.actionFrom(func(c echo.Context) string { return fillPath(c, page) }, h)
}

// actionFrom returns the handler of action for a form whose URL back returns.
func (a *Console) actionFrom(back func(echo.Context) string, h handler) echo.HandlerFunc {
	return a.requireAdmin(back, func(c echo.Context, me Admin) error {
		if a.Now().Sub(me.AuthTime) > maxAuthAge {
			a.saveDraft(c, back(c))
			return redirectToPassword(c, back(c))
		}
		return h(c, me)
	})
}

// requireAdmin returns a handler that calls h for an administrator. It redirects a guest to the sign-in page, which
// leads back to the path that back returns, and refuses users without the role.
func (a *Console) requireAdmin(back func(echo.Context) string, h handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		u, in, ok, err := a.Pages.Visitor(c)
		if err != nil {
			return err
		}
		if !ok {
			page := back(c)
			if c.Request().Method != http.MethodGet {
				a.saveDraft(c, page)
			}
			return web.RedirectHX(c, "/sign-in?"+url.Values{"return_to": {page}}.Encode())
		}
		if !slices.Contains(u.Roles, adminRole) {
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
		"You need the role %s. You're signed in as %s, with %s.", adminRole, u.Email, have))
}

// redirectToPassword redirects to the page that asks for the password, which leads back to page.
func redirectToPassword(c echo.Context, page string) error {
	return web.RedirectHX(c, "/sign-in?"+url.Values{"reauth": {"1"}, "return_to": {page}}.Encode())
}

// currentPage returns the URL of the request; for a fragment, of the page that contains it.
func currentPage(c echo.Context) string {
	if web.WantsFragment(c) {
		if u, err := url.Parse(c.Request().Header.Get("HX-Current-URL")); err == nil && strings.HasPrefix(u.Path, "/admin") {
			return u.RequestURI()
		}
	}
	return c.Request().URL.RequestURI()
}

// fillPath replaces the parameter names in page by the request's values.
func fillPath(c echo.Context, page string) string {
	parts := strings.Split(page, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = url.PathEscape(param(c, name))
		}
	}
	return strings.Join(parts, "/")
}
