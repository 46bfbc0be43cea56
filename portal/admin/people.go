package admin

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const peoplePath = "/admin/people"

// maxSearch is the longest search text, in characters.
const maxSearch = 200

// pageSizes are the numbers of users that a page can list; the first is the default.
var pageSizes = []int{25, 50, 100}

// peopleQuery holds the parameters of the people page.
type peopleQuery struct {
	Text, State, Role string
	Size              int
	After, Before     string
}

// parsePeopleQuery returns the query of params, without values that are invalid.
func parsePeopleQuery(params url.Values) peopleQuery {
	q := peopleQuery{
		Text: searchText(params, "q"), State: params.Get("state"), Role: params.Get("role"),
		After: params.Get("after"), Before: params.Get("before"),
	}
	q.Size, _ = strconv.Atoi(params.Get("size"))
	if !slices.Contains([]string{store.StateActive, store.StateBanned, store.StateDeleted}, q.State) {
		q.State = ""
	}
	if !slices.Contains(store.Roles, q.Role) {
		q.Role = ""
	}
	if !slices.Contains(pageSizes, q.Size) {
		q.Size = pageSizes[0]
	}
	return q
}

// searchText returns a parameter without surrounding white space, "" if it is no text that can be searched for.
func searchText(params url.Values, name string) string {
	text := strings.TrimSpace(params.Get(name))
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxSearch || strings.ContainsFunc(text, unicode.IsControl) {
		return ""
	}
	return text
}

// here returns the URL of the page that q asks for.
func (q peopleQuery) here() string {
	return q.url(readPeopleCursor(q.After), readPeopleCursor(q.Before))
}

func (q peopleQuery) url(after, before store.PeopleCursor) string {
	size := ""
	if q.Size != pageSizes[0] {
		size = strconv.Itoa(q.Size)
	}
	return pageURL(peoplePath, "q", q.Text, "state", q.State, "role", q.Role, "size", size,
		"after", peopleCursorText(after), "before", peopleCursorText(before))
}

// filter returns the query that q is saved as, "" if it filters nothing.
func (q peopleQuery) filter() string {
	if !q.filtered() {
		return ""
	}
	return queryOf(q.url(store.PeopleCursor{}, store.PeopleCursor{}))
}

func (q peopleQuery) filtered() bool { return q.Text != "" || q.State != "" || q.Role != "" }

func (q peopleQuery) storeQuery(now time.Time) store.PeopleQuery {
	r := store.PeopleQuery{Text: q.Text, State: q.State, Role: q.Role, Now: now, Limit: q.Size}
	if r.Before = readPeopleCursor(q.Before); r.Before == (store.PeopleCursor{}) {
		r.After = readPeopleCursor(q.After)
	}
	return r
}

func peopleCursorText(at store.PeopleCursor) string {
	if at == (store.PeopleCursor{}) {
		return ""
	}
	raw, _ := json.Marshal(at) // strings and a time always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

// readPeopleCursor decodes what peopleCursorText encoded. For any other text it returns the zero cursor, the start
// of the list.
func readPeopleCursor(text string) (at store.PeopleCursor) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) > 1024 || json.Unmarshal(raw, &at) != nil {
		return store.PeopleCursor{}
	}
	ms := at.At.UnixMilli()
	if !isID(at.ID) || !utf8.ValidString(at.Word) || strings.ContainsRune(at.Word, 0) || at.Word == "" && (ms <= 0 || ms > maxMillis) {
		return store.PeopleCursor{}
	}
	return at
}

type peopleView struct {
	frame
	Query peopleQuery
	Saved filtersView
	Rows  []personRow
	Pages components.Pages

	Partial  bool // the search stopped before it examined every candidate
	Selected int  // rows whose boxes are ticked, from the first one
}

type personRow struct {
	ID, URL, Name, Email string
	Roles                []string
	State                personState
	Created              time.Time
}

// personState says whether a user is banned or deleted.
type personState struct {
	Banned, Deleted bool
	Until           time.Time // end of a ban; zero: permanent
}

func personStateOf(u store.User, now time.Time) personState {
	return personState{Banned: u.DeletedAt.IsZero() && u.Disabled(now), Deleted: !u.DeletedAt.IsZero(), Until: u.BannedUntil}
}

func personURL(id string) string { return peoplePath + "/" + url.PathEscape(id) }

// people handles GET /admin/people. q is an id, or beginnings of words of the name and the email.
func (a *Console) people(c echo.Context, me Admin) error {
	text, err := web.Text(c, "q", maxSearch)
	if err != nil {
		return err
	}
	q := parsePeopleQuery(c.QueryParams())
	q.Text = text
	return a.showPeople(c, me, http.StatusOK, q, filtersView{})
}

func (a *Console) showPeople(c echo.Context, me Admin, status int, q peopleQuery, saved filtersView) error {
	if err := a.loadFilters(c, me, peopleFilters, q.filter(), &saved); err != nil {
		return err
	}
	found, err := a.Store.SearchPeople(c.Request().Context(), q.storeQuery(a.Now()))
	if err != nil {
		return err
	}
	if len(found.Users) == 0 && !found.Partial && !q.filtered() && (q.After != "" || q.Before != "") { // page now empty
		return web.RedirectHX(c, q.url(store.PeopleCursor{}, store.PeopleCursor{}))
	}
	view := peopleView{
		frame: a.frame(c, "People", "Everyone with an account. Search by name, email or ID.", "people"), Query: q,
		Saved: saved, Pages: components.Pages{Label: "People"}, Partial: found.Partial,
	}
	if found.Partial {
		view.Pages.Summary = "There are many matches, and not all have been searched yet."
	}
	if c.QueryParam("select") == "all" {
		view.Selected = maxBulk
	}
	for _, u := range found.Users {
		view.Rows = append(view.Rows, personRow{
			ID: u.ID, URL: personURL(u.ID), Name: u.Name, Email: u.Email, Roles: u.Roles, State: personStateOf(u, a.Now()), Created: u.CreatedAt,
		})
	}
	if found.Previous != (store.PeopleCursor{}) {
		view.Pages.PrevURL = q.url(store.PeopleCursor{}, found.Previous)
	}
	if found.Next != (store.PeopleCursor{}) {
		view.Pages.NextURL = q.url(found.Next, store.PeopleCursor{})
	}
	return web.Render(c, status, peoplePage(view), peopleList(view))
}
