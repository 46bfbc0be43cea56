package analytics

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

// maxViewQuery is the longest address of saved filters, in bytes.
const maxViewQuery = 500

// maxViewName is the longest name of a saved view, in characters.
const maxViewName = 40

// saveView handles POST /views with the fields name and query: saves the filters of the dashboard under a name, and
// returns to them. An invalid name gives 422 and the dashboard with a message at the field.
func (a *App) saveView(c echo.Context) error {
	params, err := url.ParseQuery(c.FormValue("query"))
	if err != nil {
		return web.Invalid("These filters can't be saved. Open the overview and choose them again.")
	}
	q, err := a.pageQuery(c, params)
	if wrong, faulty := queryFault(err); faulty {
		return web.Invalid(wrong.Message)
	} else if err != nil {
		return err
	}
	here := q.urlWith("/", "live", "")
	if len(here) > maxViewQuery {
		return web.Invalid("These filters are too long to be saved. Open the overview and choose them again.")
	}
	name, err := web.Text(c, "name", maxViewName)
	fault := ""
	switch {
	case err != nil:
		name, fault = c.FormValue("name"), fmt.Sprintf("Use at most %d characters, and no control characters.", maxViewName)
	case name == "":
		fault = "Enter a name for these filters."
	default:
		err = a.store.SaveView(c.Request().Context(), apps.Subject(c), store.View{Name: name, Query: strings.TrimPrefix(here, "/")}, a.Now())
		limit := (*db.RateLimitError)(nil)
		if errors.As(err, &limit) {
			return web.TooManyRequests("too_many", "You save views too often. Try again in %s.", limit.Wait)
		} else if errors.Is(err, store.ErrTooManyViews) {
			fault = fmt.Sprintf("You have %d saved views. Delete one first.", store.MaxViews)
		} else if err != nil {
			return err
		}
	}
	if fault != "" {
		return a.showDashboard(c, http.StatusUnprocessableEntity, dashboardView{query: q, updated: a.Now().UTC(), viewName: name, viewFault: fault})
	}
	web.Flash(c, "success", "The view was saved.")
	return web.SeeOther(c, here)
}

// deleteView handles POST /views/delete with the field name: deletes a saved view of the user, and leads to
// the dashboard, which offers to undo it.
func (a *App) deleteView(c echo.Context) error {
	name, err := web.Text(c, "name", maxViewName)
	if err != nil {
		return err
	}
	v, err := a.store.DeleteView(c.Request().Context(), apps.Subject(c), name)
	if errors.Is(err, db.ErrNotFound) { // deleted in another tab
		return web.SeeOther(c, "/")
	} else if err != nil {
		return err
	}
	return web.SeeOther(c, "/?"+url.Values{"deleted": {v.Name}, "view": {strings.TrimPrefix(v.Query, "?")}}.Encode())
}
