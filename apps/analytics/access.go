package analytics

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

const (
	accessTitle    = "Requests for access"
	accessPageSize = 25
	maxReason      = 300 // characters
)

// offerView is the data of the 403 page, on which a user without the role can ask for it.
type offerView struct {
	shell         components.Shell
	message       string               // which role it takes
	open          *store.AccessRequest // the user's request, if there is one
	reason, fault string               // as typed, and what is wrong with it
	portal        string
}

// offerAccess returns middleware that does what role does, and shows the 403 of role as a page with a form to ask for
// access. Programs and htmx get the plain error.
func (a *App) offerAccess(role echo.MiddlewareFunc) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		h := role(next)
		return func(c echo.Context) error {
			err := h(c)
			refused := (*echo.HTTPError)(nil)
			if c.Request().Method != http.MethodGet || !errors.As(err, &refused) || refused.Code != http.StatusForbidden ||
				web.WantsJSON(c) || web.WantsFragment(c) || mayOpen(c) {
				return err
			}
			message, _ := refused.Message.(string)
			return a.showOffer(c, http.StatusForbidden, offerView{message: message})
		}
	}
}

// mayOpen reports whether the user has a role that opens the app.
func mayOpen(c echo.Context) bool { return rp.From(c.Request()).HasRole("analyst", "admin") }

func (a *App) showOffer(c echo.Context, status int, v offerView) error {
	r, err := a.store.OpenAccessRequest(c.Request().Context(), rp.From(c.Request()).Subject)
	switch {
	case err == nil:
		v.open = &r
	case !errors.Is(err, db.ErrNotFound):
		return err
	}
	v.shell, v.portal = web.Shell(c, "You don't have access to this page"), a.Estate.URL("portal")+"/"
	return web.Render(c, status, v.page())
}

// requestAccess handles POST /access with the field reason: stores the user's request, and returns to the first page,
// which then shows it. A reason that is too long gives 422 with a message at its field.
func (a *App) requestAccess(c echo.Context) error {
	if mayOpen(c) {
		return web.SeeOther(c, "/")
	}
	ctx, p := c.Request().Context(), rp.From(c.Request())
	reason, err := web.Text(c, "reason", maxReason)
	if invalid := (*web.Error)(nil); errors.As(err, &invalid) {
		typed := []rune(c.FormValue("reason"))
		return a.showOffer(c, http.StatusUnprocessableEntity, offerView{
			message: "Your request hasn't been sent yet.", reason: string(typed),
			fault: "Use at most " + components.Count(maxReason) + " characters, and no control characters. You entered " + components.Count(len(typed)) + ".",
		})
	} else if err != nil {
		return err
	}
	if _, err := a.store.OpenAccessRequest(ctx, p.Subject); err == nil {
		return web.SeeOther(c, "/")
	} else if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	err = a.store.RequestAccess(ctx, store.AccessRequest{Subject: p.Subject, Name: p.Name, Email: p.Email, Reason: reason}, a.Now())
	limit := (*db.RateLimitError)(nil)
	switch {
	case errors.As(err, &limit):
		return web.TooManyRequests("too_many_requests", "You've asked several times today. You can ask again in %s.", limit.Wait)
	case errors.Is(err, store.ErrTooManyRequests):
		return web.Fail(http.StatusServiceUnavailable, "too_many_requests", "There are too many open requests. Please ask an administrator directly.")
	case err != nil:
		return err
	}
	web.Flash(c, "success", "Your request was sent to the administrators.")
	return web.SeeOther(c, "/")
}

// accessView is the data of the administrators' list of requests.
type accessView struct {
	shell    components.Shell
	requests []store.AccessRequest
	pages    components.Pages
	console  string // address of the console's pages about people
}

// accessPage handles GET /access?page=…: lists the open requests, oldest first.
func (a *App) accessPage(c echo.Context) error {
	ctx := c.Request().Context()
	total, err := a.store.CountAccessRequests(ctx)
	if err != nil {
		return err
	}
	page, pages, offset := db.Page(web.Int(c, "page", 1, 1, 1_000_000), total, accessPageSize)
	v := accessView{console: a.Estate.URL("portal") + "/admin/people/", pages: components.Pages{
		Label: "Pages of requests", Page: page, Total: pages, URL: pageURL,
	}}
	if v.requests, err = a.store.AccessRequests(ctx, accessPageSize, offset); err != nil {
		return err
	}
	if v.shell, err = a.shell(c, accessTitle); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, v.page())
}

// closeAccess handles POST /access/close with the field subject: removes a request from the list.
func (a *App) closeAccess(c echo.Context) error {
	subject, err := web.Text(c, "subject", 200)
	if err != nil {
		return err
	}
	if err := a.store.CloseAccessRequest(c.Request().Context(), subject); err != nil {
		return err
	}
	web.Flash(c, "success", "The request was removed from the list.")
	return web.SeeOther(c, "/access")
}
