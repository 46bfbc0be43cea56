package forum

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/forum/store"
	"gatehouse.example/components"
	"gatehouse.example/web"
)

// listView is a page of a list of threads with its sort order and filters.
type listView struct {
	store.List
	Base     string // the page's path
	Query    url.Values
	Sort     store.Sort
	Boards   map[string]store.Board // by slug; nil on a board's own page
	Snippets map[string]snippet     // by thread id, on search results
	Read     map[string]int         // by thread id: the last post that the user has read
	Searched string
}

type homeView struct {
	Shell  components.Shell
	Boards []store.Board
	List   listView
}

type boardView struct {
	Shell    components.Shell
	Board    store.Board
	List     listView
	MayBegin bool
}

// maxPage is the maximum page number of a request. Past the end, the store returns the last page.
const maxPage = 1_000_000

// readFilter reads the sort order and page number of a list from the query. Invalid values are replaced by the
// defaults.
func readFilter(c echo.Context) store.Filter {
	f := store.Filter{Sort: store.Newest, Page: web.Int(c, "page", 1, 1, maxPage)}
	switch s := store.Sort(c.QueryParam("sort")); s {
	case store.Active, store.MostVoted, store.Unanswered:
		f.Sort = s
	}
	return f
}

func (a *App) home(c echo.Context) error {
	ctx := c.Request().Context()
	boards, err := a.store.Boards(ctx)
	if err != nil {
		return err
	}
	f := readFilter(c)
	list, err := a.store.Threads(ctx, f)
	if err != nil {
		return err
	}
	read, err := a.readThreads(c, list)
	if err != nil {
		return err
	}
	v := homeView{Shell: a.shell(c, "Forum", ""), Boards: boards,
		List: listView{List: list, Base: "/", Sort: f.Sort, Boards: bySlug(boards), Read: read}}
	v.Shell.Description = "Questions, answers and advice about our products and how to use them."
	v.Shell.Search.Target = searchTarget
	return web.Render(c, http.StatusOK, homePage(v))
}

func (a *App) board(c echo.Context) error {
	ctx := c.Request().Context()
	board, err := a.store.Board(ctx, param(c, "board"))
	if err != nil {
		return apps.NotFound(err, "This board")
	}
	f := readFilter(c)
	f.Board = board.Slug
	list, err := a.store.Threads(ctx, f)
	if err != nil {
		return err
	}
	read, err := a.readThreads(c, list)
	if err != nil {
		return err
	}
	v := boardView{Shell: a.shell(c, board.Name, ""), Board: board, MayBegin: !board.StaffOnly || isModerator(c),
		List: listView{List: list, Base: "/b/" + board.Slug, Sort: f.Sort, Read: read}}
	v.Shell.Description = board.Description
	v.Shell.Search.Target = searchTarget
	return web.Render(c, http.StatusOK, boardPage(v))
}

func bySlug(boards []store.Board) map[string]store.Board {
	m := make(map[string]store.Board, len(boards))
	for _, b := range boards {
		m[b.Slug] = b
	}
	return m
}

// url returns the URL of a page of the list in a sort order.
func (l listView) url(sort store.Sort, page int) string {
	q := url.Values{}
	for k, vs := range l.Query {
		q[k] = vs
	}
	if sort != store.Newest {
		q.Set("sort", string(sort))
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return l.Base
	}
	return l.Base + "?" + q.Encode()
}

func (l listView) tabs() []components.NavItem {
	tabs := []components.NavItem{{Label: "Newest"}, {Label: "Active"}, {Label: "Most voted"}, {Label: "Unanswered"}}
	for i, sort := range []store.Sort{store.Newest, store.Active, store.MostVoted, store.Unanswered} {
		tabs[i].URL, tabs[i].Current = l.url(sort, 1), sort == l.Sort
	}
	return tabs
}

func (l listView) pages() components.Pages {
	from := (l.Page-1)*store.PageSize + 1
	summary := rangeText(from, from+len(l.Threads)-1, l.Total)
	if l.Many {
		summary = components.Count(from) + "–" + components.Count(from+len(l.Threads)-1) + " of the newest " + components.Count(l.Total)
	}
	return components.Pages{Page: l.Page, Total: l.Pages(), Label: "Pages of threads",
		URL: func(n int) string { return l.url(l.Sort, n) }, Summary: summary}
}

func rangeText(from, to, of int) string {
	return components.Count(from) + "–" + components.Count(to) + " of " + components.Count(of)
}
