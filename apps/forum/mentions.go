package forum

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/forum/markdown"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// maxPeopleQuery is the maximum length of a search for people, in characters.
const maxPeopleQuery = 60

// peopleView is the data of the page that finds people.
type peopleView struct {
	Shell  components.Shell
	Query  string
	People []store.Person
}

// people handles GET /people: finds people by the beginning of their handle, on a page or, for htmx, as the options
// that the form for posts offers.
func (a *App) people(c echo.Context) error {
	query, err := web.Text(c, "q", maxPeopleQuery)
	if err != nil {
		return err
	}
	v := peopleView{Query: strings.TrimPrefix(query, "@")}
	if v.Query != "" {
		if v.People, err = a.store.FindPeople(c.Request().Context(), v.Query); err != nil {
			return err
		}
	}
	if web.WantsFragment(c) {
		return web.Render(c, http.StatusOK, peopleOptions(v.People))
	}
	v.Shell = a.shell(c, "Find people", "/people")
	return web.Render(c, http.StatusOK, peoplePage(v))
}

// references returns what a post refers to, as the store needs it.
func references(source string) store.References {
	return store.References(markdown.FindRefs(source))
}

// findLinked sets which handles the draft's preview links.
func (a *App) findLinked(ctx context.Context, d *draft) (err error) {
	handles := markdown.FindRefs(d.Body).Linked
	d.Linked, err = a.store.Known(ctx, handles[:min(len(handles), store.MaxMentions)])
	return err
}
