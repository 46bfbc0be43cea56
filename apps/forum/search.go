package forum

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps/forum/markdown"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// maxQuery is the maximum length of a search in characters.
const maxQuery = 200

// searchTarget is the element that htmx replaces with the results while the user types. Pages on which the user may be
// writing a text set no target: there the search opens its own page.
const searchTarget = "#results"

type searchView struct {
	Shell   components.Shell
	Query   string
	Product *store.Product // set if the search is limited to threads about one product
	List    listView
	Fault   string
}

func (a *App) search(c echo.Context) error {
	ctx := c.Request().Context()
	v := searchView{Shell: a.shell(c, "Search", "")}
	v.Shell.Search.Target = searchTarget
	query, err := web.Text(c, "q", maxQuery)
	status := http.StatusOK
	if err != nil {
		v.Fault = "Enter at most 200 characters of text."
		status = http.StatusUnprocessableEntity
		return web.Render(c, status, searchPage(v), searchResults(v))
	}
	v.Query, v.Shell.Search.Value = query, query
	f := readFilter(c)
	f.Query = query
	q := url.Values{"q": {query}}
	if slug := c.QueryParam("product"); validSlug(slug) {
		f.Product = slug
		q.Set("product", slug)
	}
	list, err := a.store.Threads(ctx, f)
	if err != nil {
		return err
	}
	if f.Product != "" && len(list.Threads) > 0 {
		v.Product = &list.Threads[0].Product
	}
	sources, err := a.store.Matches(ctx, list.Threads, query)
	if err != nil {
		return err
	}
	boards, err := a.store.Boards(ctx)
	if err != nil {
		return err
	}
	read, err := a.readThreads(c, list)
	if err != nil {
		return err
	}
	v.List = listView{List: list, Read: read, Base: "/search", Query: q, Sort: f.Sort, Boards: bySlug(boards),
		Snippets: make(map[string]snippet), Searched: query}
	for thread, source := range sources {
		v.List.Snippets[thread] = excerpt(markdown.Text(excerptSource(source, query)), query)
	}
	return web.Render(c, status, searchPage(v), searchResults(v))
}
