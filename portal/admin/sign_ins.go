package admin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/account"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const signInsPath = "/admin/sign-ins"

// portalID is the portal's id in the lists of apps.
const portalID = "portal"

// unnamedReplica is the URL parameter for replicas that report no name. No replica has this name.
const unnamedReplica = "-"

// signInsQuery holds the parameters of the sign-ins page.
type signInsQuery struct {
	App, Replica string // App is portalID or a client id, Replica one of its replicas; "" for all
	cursors
}

func readSignInsQuery(q url.Values) signInsQuery {
	s := signInsQuery{App: q.Get("app"), Replica: q.Get("replica"), cursors: readCursors(q, isTimeCursor)}
	if !isID(s.App) {
		s.App = ""
	}
	if s.App == "" || !isID(s.Replica) {
		s.Replica = ""
	}
	return s
}

// filter returns the query that q is saved as, "" if it filters nothing.
func (q signInsQuery) filter() string {
	q.cursors = cursors{}
	return queryOf(q.url())
}

func (q signInsQuery) url() string { return q.with("after", q.After, "before", q.Before) }

// with returns the path of the list with the filters of q and further parameters.
func (q signInsQuery) with(params ...string) string {
	return pageURL(signInsPath, append(params, "app", q.App, "replica", q.Replica)...)
}

func (q signInsQuery) storeQuery(at cursors, since time.Time) store.ActiveSignInQuery {
	r := store.ActiveSignInQuery{Client: q.App, Replica: q.Replica, Since: since, Limit: perPage, After: readCursor(at.After), Before: readCursor(at.Before)}
	if q.App == portalID {
		r.Client = ""
	}
	if q.Replica == unnamedReplica {
		r.Replica, r.Unnamed = "", true
	}
	return r
}

type signInsView struct {
	frame
	Saved    filtersView
	URL      string
	Apps     []chip
	Replicas []chip // of the selected app
	Rows     []signInRow
	Pages    components.Pages
	Total    string
	Filtered bool
	Back     string // this page's query, to return to after an action
}

// chip is a filter option with the number of rows that match it.
type chip struct {
	Key, Label, URL, Count string
	Current                bool
}

type signInRow struct {
	SID, EndPath     string
	UserID           string
	Name, Email, URL string
	Browser, Icon    string
	Address, Replica string
	SignedIn, Seen   time.Time
	Apps             []openedApp
	Own              bool // the administrator's own, in this browser
}

type openedApp struct {
	Key, Name, Replica string
	Since              time.Time
}

// signIns handles GET /admin/sign-ins: it lists the active sign-ins, the last seen first.
func (a *Console) signIns(c echo.Context, me Admin) error {
	return a.showSignIns(c, me, http.StatusOK, readSignInsQuery(c.QueryParams()), filtersView{})
}

func (a *Console) showSignIns(c echo.Context, me Admin, status int, q signInsQuery, saved filtersView) error {
	if err := a.loadFilters(c, me, signInFilters, q.filter(), &saved); err != nil {
		return err
	}
	view, err := a.loadSignIns(c, me, q)
	if err != nil {
		return err
	}
	view.frame = a.frame(c, "Active sign-ins", "Every browser in which someone is signed in, and the apps they opened.", "sign-ins")
	view.Head.Actions = pulse(view.URL)
	view.Saved = saved
	return web.Render(c, status, signInsPage(view), signInList(view))
}

func (a *Console) loadSignIns(c echo.Context, me Admin, q signInsQuery) (signInsView, error) {
	ctx := c.Request().Context()
	view := signInsView{URL: q.url(), Filtered: q.App != "", Back: queryOf(q.url())}
	names, err := a.clientNames(ctx)
	if err != nil {
		return view, err
	}
	places, err := a.places(ctx)
	if err != nil {
		return view, err
	}
	view.setFilters(q, places, names)
	rows, pages, err := loadPage("Sign-ins", q.cursors, func(at cursors) ([]store.ActiveSignIn, bool, error) {
		return a.Store.ActiveSignIns(ctx, q.storeQuery(at, a.Now().Add(-activePeriod)))
	}, func(in store.ActiveSignIn) string { return cursorText(in.At, in.SID) }, q.with)
	if err != nil {
		return view, err
	}
	view.Pages = pages
	for _, in := range rows {
		view.Rows = append(view.Rows, signInOf(in, names, in.SID == me.SID))
	}
	return view, nil
}

// setFilters sets the filters: all, the portal, each app, and the replicas of the selected one.
func (v *signInsView) setFilters(q signInsQuery, places []store.SignInCount, names map[string]string) {
	total, byApp := 0, map[string]int{}
	var apps []string
	for _, p := range places {
		app := p.Client
		if app == "" {
			app = portalID
			total += p.Count
		}
		if !slices.Contains(apps, app) {
			apps = append(apps, app)
		}
		byApp[app] += p.Count
		if app == q.App {
			v.Replicas = append(v.Replicas, replicaChip(q, p))
		}
	}
	v.Total = formatCount(total)
	v.Apps = []chip{{Key: "all", Label: "All", URL: signInsPath, Count: formatCount(total), Current: q.App == ""}}
	for _, app := range apps {
		v.Apps = append(v.Apps, chip{
			Key: app, Label: cmp.Or(names[app], app), URL: signInsQuery{App: app}.url(), Count: formatCount(byApp[app]), Current: q.App == app,
		})
	}
	slices.SortStableFunc(v.Replicas, func(a, b chip) int { return compareNames(a.Label, b.Label) })
	if len(v.Replicas) > 0 {
		v.Replicas = append([]chip{{
			Key: "any", Label: "Any server", URL: signInsQuery{App: q.App}.url(), Count: formatCount(byApp[q.App]), Current: q.Replica == "",
		}}, v.Replicas...)
	}
}

func replicaChip(q signInsQuery, p store.SignInCount) chip {
	replica, label := p.Replica, p.Replica
	if replica == "" {
		replica, label = unnamedReplica, "Unknown server"
	}
	return chip{
		Key: replica, Label: label, URL: signInsQuery{App: q.App, Replica: replica}.url(), Count: formatCount(p.Count), Current: q.Replica == replica,
	}
}

// compareNames compares names so that shop-2 sorts before shop-10.
func compareNames(a, b string) int {
	if len(a) != len(b) && strings.TrimRight(a, "0123456789") == strings.TrimRight(b, "0123456789") {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func signInOf(in store.ActiveSignIn, names map[string]string, own bool) signInRow {
	row := signInRow{
		SID: in.SID, EndPath: signInsPath + "/" + url.PathEscape(in.SID) + "/end", UserID: in.UserID, Name: in.Name, Email: in.Email,
		URL: personURL(in.UserID), Address: in.IP, Replica: in.Replica, SignedIn: in.CreatedAt, Seen: in.LastSeenAt, Own: own,
	}
	row.Browser, row.Icon = account.DescribeDevice(in.UserAgent)
	for _, o := range in.ClientSignIns {
		row.Apps = append(row.Apps, openedApp{Key: o.ClientID, Name: cmp.Or(names[o.ClientID], o.ClientID), Replica: o.Replica, Since: o.First})
	}
	return row
}

// endSignIn handles POST /admin/sign-ins/:sid/end.
func (a *Console) endSignIn(c echo.Context, me Admin) error {
	back, _ := url.ParseQuery(c.FormValue("back"))
	list := readSignInsQuery(back).url()
	u, browser, done, err := a.revokeSignIn(c, me, "")
	if errors.Is(err, store.ErrEnded) {
		return web.RedirectWithFlash(c, "info", "That session was already signed out.", list)
	}
	if err != nil {
		return err
	}
	kind, text := revokedMessage(u.Name+" was signed out in "+browser, done)
	web.Flash(c, kind, text)
	return web.RedirectHX(c, list)
}

// revokedMessage describes the result of a revocation in one or two sentences.
func revokedMessage(what string, done revoke.Receipt) (kind, text string) {
	if !done.Confirmed {
		return "warning", what + ". This server couldn't reach Redis, so the others don't know yet. The portal notifies them as soon as it can."
	}
	n, all := done.Denylist.Confirmed(), len(done.Denylist.All)
	switch {
	case all == 0:
		return "success", what + "."
	case n < all:
		return "warning", fmt.Sprintf("%s. %d of %d servers confirmed; the others refuse signed-in requests until they have the change.", what, n, all)
	}
	return "success", fmt.Sprintf("%s. %d of %d servers confirmed, the slowest after %s.", what, n, all, formatMillis(done.Denylist.Slowest()))
}
