package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const filtersPath = "/admin/filters"

// maxFilterName is the longest name of a saved filter, in characters.
const maxFilterName = 40

// Lists whose filters can be saved.
const (
	peopleFilters = "people"
	signInFilters = "sign-ins"
	auditFilters  = "audit"
)

// filterPath returns the path of a list with a filter.
func filterPath(list, query string) string {
	path := "/admin/" + list
	if query != "" {
		path += "?" + query
	}
	return path
}

// filtersView is the data of a list's saved filters and the form that saves its filter.
type filtersView struct {
	List, Query string // Query is the present filter, "" for none
	Saved       []chip // Key is the position
	Name, Fault string // as typed, and what is wrong with it
	Deleted     store.SavedFilter
}

// loadFilters completes the view of a list's saved filters. After one was deleted, the parameters deleted and filter
// have its name and query, so that the page can offer to save it again.
func (a *Console) loadFilters(c echo.Context, me Admin, list, query string, v *filtersView) error {
	v.List, v.Query = list, query
	saved, err := a.Store.SavedFilters(c.Request().Context(), me.ID, list)
	if err != nil {
		return err
	}
	for i, f := range saved {
		v.Saved = append(v.Saved, chip{Key: "saved-" + strconv.Itoa(i), Label: f.Name, URL: filterPath(list, f.Query), Current: f.Query == query})
	}
	params := c.QueryParams()
	if name := params.Get("deleted"); len(name) > 0 && len([]rune(name)) <= maxFilterName {
		v.Deleted = store.SavedFilter{Name: name, Query: parseFilter(list, params.Get("filter"))}
	}
	return nil
}

// parseFilter returns the filter of a list in a query, without parameters that are invalid; "" for none.
func parseFilter(list, query string) string {
	params, _ := url.ParseQuery(query) // without what is malformed
	switch list {
	case peopleFilters:
		return parsePeopleQuery(params).filter()
	case signInFilters:
		return readSignInsQuery(params).filter()
	}
	return parseAuditQuery(params).filter()
}

// filterAction returns a handler for a form of a list with the fields list, query (the present filter) and name. It
// does not ask for the password: a filter only concerns its administrator.
func (a *Console) filterAction(h func(c echo.Context, me Admin, list, query string) error) echo.HandlerFunc {
	read := func(c echo.Context) (list, query string) {
		switch list = c.FormValue("list"); list {
		case peopleFilters, signInFilters, auditFilters:
			return list, parseFilter(list, c.FormValue("query"))
		}
		return "", ""
	}
	back := func(c echo.Context) string {
		if list, query := read(c); list != "" {
			return filterPath(list, query)
		}
		return Path
	}
	return a.requireAdmin(back, func(c echo.Context, me Admin) error {
		list, query := read(c)
		if list == "" {
			return web.Invalid("Open the list again and choose the filter there.").WithTitle("No such list")
		}
		return h(c, me, list, query)
	})
}

// saveFilter handles POST /admin/filters. A filter of the same name is replaced. An invalid name gives 422 and the list
// with a message at the field.
func (a *Console) saveFilter(c echo.Context, me Admin, list, query string) error {
	name, err := web.Text(c, "name", maxFilterName)
	fault := ""
	switch {
	case err != nil:
		name, fault = c.FormValue("name"), fmt.Sprintf("Use at most %d characters, and no control characters.", maxFilterName)
	case query == "":
		fault = "Choose a filter first. Without one, the list shows everything."
	case name == "":
		fault = "Enter a name for this filter."
	default:
		err = a.Store.SaveFilter(c.Request().Context(), me.ID, list, store.SavedFilter{Name: name, Query: query})
		if errors.Is(err, store.ErrTooManyFilters) {
			fault = fmt.Sprintf("You have %d saved filters for this list. Delete one first.", store.MaxSavedFilters)
		} else if err != nil {
			return err
		}
	}
	if fault != "" {
		return a.showList(c, me, list, query, filtersView{Name: name, Fault: fault})
	}
	web.Flash(c, "success", "The filter “"+name+"” was saved.")
	return web.SeeOther(c, filterPath(list, query))
}

// showList shows a list again whose form has a fault.
func (a *Console) showList(c echo.Context, me Admin, list, query string, v filtersView) error {
	params, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	switch list {
	case peopleFilters:
		return a.showPeople(c, me, http.StatusUnprocessableEntity, parsePeopleQuery(params), v)
	case signInFilters:
		return a.showSignIns(c, me, http.StatusUnprocessableEntity, readSignInsQuery(params), v)
	}
	return a.showAudit(c, me, http.StatusUnprocessableEntity, parseAuditQuery(params), v)
}

// deleteFilter handles POST /admin/filters/delete, and leads to the list, which offers to undo it.
func (a *Console) deleteFilter(c echo.Context, me Admin, list, query string) error {
	name, err := web.Text(c, "name", maxFilterName)
	if err != nil {
		return err
	}
	f, err := a.Store.DeleteSavedFilter(c.Request().Context(), me.ID, list, name)
	if errors.Is(err, store.ErrNotFound) { // deleted in another tab
		return web.SeeOther(c, filterPath(list, query))
	}
	if err != nil {
		return err
	}
	params, _ := url.ParseQuery(query) // parseFilter has validated it
	params.Set("deleted", f.Name)
	params.Set("filter", f.Query)
	return web.SeeOther(c, filterPath(list, params.Encode()))
}

// summary returns the label of the part that holds the forms.
func (v filtersView) summary() string {
	switch {
	case v.Query == "":
		return "Manage saved filters"
	case len(v.Saved) == 0:
		return "Save this filter"
	}
	return "Save this filter, or delete one"
}

func (v filtersView) nameField() components.FieldView {
	field := components.FieldView{Label: "Name", Name: "name", ID: "filter-name", Value: v.Name, Error: v.Fault, MaxLength: maxFilterName, Autocomplete: "off", Class: "w-full sm:w-72", Autofocus: v.Fault != ""}
	if len(v.Saved) > 0 {
		field.Hint = "A name that you've used replaces its filter."
	}
	return field
}
