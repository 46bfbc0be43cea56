package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/account"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/web"
)

const signInsPath = "/admin/sign-ins"

// portalID is the portal's id in the lists of apps.
const portalID = "portal"

// unnamed is the URL parameter for replicas that report no name. No replica has this name.
const unnamed = "-"

// signInsQuery holds the parameters of the sign-ins page.
type signInsQuery struct {
	App, Replica  string // App is portalID or a client id, Replica one of its replicas; "" for all
	After, Before string
}

func readSignInsQuery(q url.Values) signInsQuery {
	s := signInsQuery{App: q.Get("app"), Replica: q.Get("replica"), After: q.Get("after"), Before: q.Get("before")}
	if !isID(s.App) {
		s.App = ""
	}
	if s.App == "" || !isID(s.Replica) {
		s.Replica = ""
	}
	return s
}

func (q signInsQuery) url() string {
	return address(signInsPath, "app", q.App, "replica", q.Replica, "after", q.After, "before", q.Before)
}

func (q signInsQuery) records(since time.Time) store.ActiveSignInQuery {
	r := store.ActiveSignInQuery{Client: q.App, Replica: q.Replica, Since: since, Limit: perPage}
	if q.App == portalID {
		r.Client = ""
	}
	if q.Replica == unnamed {
		r.Replica, r.Unnamed = "", true
	}
	if r.Before = readCursor(q.Before); r.Before == (store.Cursor{}) {
		r.After = readCursor(q.After)
	}
	return r
}

type signInsView struct {
	frame
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
	q := readSignInsQuery(c.QueryParams())
	view, err := a.signInsNow(c, me, q)
	if err != nil {
		return err
	}
	view.frame = a.frame(c, "Active sign-ins", "Every browser in which someone is signed in, and the apps they opened.", "sign-ins")
	view.Head.Actions = pulse(view.URL)
	return web.Render(c, http.StatusOK, signInsPage(view), signInList(view))
}

func (a *Console) signInsNow(c echo.Context, me Admin, q signInsQuery) (signInsView, error) {
	ctx := c.Request().Context()
	view := signInsView{URL: q.url(), Filtered: q.App != "", Back: query(q.url())}
	names, err := a.clientNames(ctx)
	if err != nil {
		return view, err
	}
	places, err := a.places(ctx)
	if err != nil {
		return view, err
	}
	view.chips(q, places, names)
	ask := q.records(a.Now().Add(-livingFor))
	rows, more, err := a.Store.ActiveSignIns(ctx, ask)
	if err == nil && ask.Before != (store.Cursor{}) && !more { // fewer rows before it than a page: show the first page
		ask.Before, q.Before = store.Cursor{}, ""
		rows, more, err = a.Store.ActiveSignIns(ctx, ask)
	}
	if err != nil {
		return view, err
	}
	for _, in := range rows {
		view.Rows = append(view.Rows, signInOf(in, names, in.SID == me.SID))
	}
	view.Pages = signInPages(q, ask, rows, more)
	return view, nil
}

// chips sets the filters: all, the portal, each app, and the replicas of the selected one.
func (v *signInsView) chips(q signInsQuery, places []store.SignInCount, names map[string]string) {
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
	v.Total = about(total)
	v.Apps = []chip{{Key: "all", Label: "All", URL: signInsPath, Count: about(total), Current: q.App == ""}}
	for _, app := range apps {
		v.Apps = append(v.Apps, chip{
			Key: app, Label: nameOf(names, app), URL: signInsQuery{App: app}.url(), Count: about(byApp[app]), Current: q.App == app,
		})
	}
	slices.SortStableFunc(v.Replicas, func(a, b chip) int { return natural(a.Label, b.Label) })
	if len(v.Replicas) > 0 {
		v.Replicas = append([]chip{{
			Key: "any", Label: "Any server", URL: signInsQuery{App: q.App}.url(), Count: about(byApp[q.App]), Current: q.Replica == "",
		}}, v.Replicas...)
	}
}

func replicaChip(q signInsQuery, p store.SignInCount) chip {
	replica, label := p.Replica, p.Replica
	if replica == "" {
		replica, label = unnamed, "Unknown server"
	}
	return chip{
		Key: replica, Label: label, URL: signInsQuery{App: q.App, Replica: replica}.url(), Count: about(p.Count), Current: q.Replica == replica,
	}
}

// natural compares names so that shop-2 sorts before shop-10.
func natural(a, b string) int {
	if len(a) != len(b) && strings.TrimRight(a, "0123456789") == strings.TrimRight(b, "0123456789") {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func signInOf(in store.ActiveSignIn, names map[string]string, own bool) signInRow {
	row := signInRow{
		SID: in.SID, EndPath: signInsPath + "/" + url.PathEscape(in.SID) + "/end", Name: in.Name, Email: in.Email,
		URL: personURL(in.UserID), Address: in.IP, Replica: in.Replica, SignedIn: in.CreatedAt, Seen: in.LastSeenAt, Own: own,
	}
	row.Browser, row.Icon = account.Device(in.UserAgent)
	for _, o := range in.ClientSignIns {
		row.Apps = append(row.Apps, openedApp{Key: o.ClientID, Name: nameOf(names, o.ClientID), Replica: o.Replica, Since: o.First})
	}
	return row
}

func signInPages(q signInsQuery, ask store.ActiveSignInQuery, rows []store.ActiveSignIn, more bool) components.Pages {
	pages := components.Pages{Label: "Sign-ins"}
	if len(rows) == 0 {
		if ask.After != (store.Cursor{}) {
			pages.PrevURL = signInsQuery{App: q.App, Replica: q.Replica}.url()
		}
		return pages
	}
	first, last := rows[0], rows[len(rows)-1]
	back := ask.Before != (store.Cursor{})
	if back || ask.After != (store.Cursor{}) {
		pages.PrevURL = signInsQuery{App: q.App, Replica: q.Replica, Before: cursorText(first.At, first.SID)}.url()
	}
	if back || more {
		pages.NextURL = signInsQuery{App: q.App, Replica: q.Replica, After: cursorText(last.At, last.SID)}.url()
	}
	return pages
}

// endSignIn handles POST /admin/sign-ins/:sid/end.
func (a *Console) endSignIn(c echo.Context, me Admin) error {
	back, _ := url.ParseQuery(c.FormValue("back"))
	list := readSignInsQuery(back).url()
	u, browser, done, err := a.revokeSignIn(c, me, "")
	if errors.Is(err, store.ErrEnded) {
		web.Flash(c, "info", "That session was already signed out.")
		return leadOn(c, list)
	}
	if err != nil {
		return err
	}
	kind, text := told(u.Name+" was signed out in "+browser, done)
	web.Flash(c, kind, text)
	return leadOn(c, list)
}

// told describes the result of a revocation in one or two sentences.
func told(what string, done revoke.Receipt) (kind, text string) {
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
	return "success", fmt.Sprintf("%s. %d of %d servers confirmed, the slowest after %s.", what, n, all, ms(done.Denylist.Slowest()))
}
