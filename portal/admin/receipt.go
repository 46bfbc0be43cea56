package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
	"gatehouse/web"
)

// dense is from how many servers on they are drawn as small squares.
const dense = 48

// watched is how long a page of a receipt asks whether there is more to tell: as long as a client is retried soon.
const watched = 10 * time.Minute

// slowMotion are how many times slower the confirmations may be replayed, and longestReplay is how long that may take.
var slowMotion = []int{400, 200, 100, 40, 20, 10, 4, 2, 1}

const longestReplay = 3 * time.Second

func receiptURL(ending string) string { return "/admin/receipts/" + url.PathEscape(ending) }

type receiptView struct {
	frame
	URL       string
	Why       string
	At        time.Time
	Person    *store.User // nil where the receipt is not about a person
	By, Note  string
	Ended     int
	Tidying   bool // more sign-ins are being ended
	Confirmed bool // Redis had it when it was written down
	Waiting   bool // for Redis to have it
	Groups    []serverTiles
	Servers   []serverTile
	Missing   []serverTile
	N, All    int
	Slowest   time.Duration
	Slow      int // times slower than it was
	Dense     bool
	Told      []toldApp
	Telling   bool // some app is still being told
	Poll      bool
}

// serverTiles are the servers of one service.
type serverTiles struct {
	Name    string
	Servers []serverTile
}

// serverTile is one server's answer.
type serverTile struct {
	Name, Service string
	Confirmed     bool
	Refusing      bool // it did not hear of it, and had been refusing everything already
	Took          time.Duration
	WrongUntil    time.Time
	Over          bool // WrongUntil has passed
}

// toldApp is an app that is told by back channel.
type toldApp struct {
	Name, State, Failure string // State: heard, retrying, given up
	Took                 time.Duration
	Heard, Notices       int
}

// receipt answers GET /admin/receipts/:ending. The parts that are not settled are asked for again.
func (a *Console) receipt(c echo.Context, _ Admin) error {
	ending := c.Param("ending")
	if !isID(ending) {
		return web.NotFound("This receipt")
	}
	ctx := c.Request().Context()
	rec, done, err := a.Revoker.Receipt(ctx, ending)
	if errors.Is(err, store.ErrNotFound) {
		return web.NotFound("This receipt")
	}
	if err != nil {
		return err
	}
	view := receiptView{URL: receiptURL(ending), Why: why(rec.Reason), At: rec.CreatedAt, Ended: done.Ended, Tidying: done.Tidying, Confirmed: done.Confirmed}
	view.serversOf(done.Denylist, a.Now())
	view.Waiting = !done.Confirmed && view.All == 0
	if err := a.toldOf(c, ending, done, &view); err != nil {
		return err
	}
	view.Poll = (view.Waiting || view.Telling || view.Tidying) && a.Now().Sub(rec.CreatedAt) < watched
	title, crumbs, err := a.aboutWhom(c, rec, &view)
	if err != nil {
		return err
	}
	view.frame = a.frame(c, title, "", "people", crumbs...)
	if c.QueryParam("part") == "apps" {
		return web.Render(c, http.StatusOK, receiptPage(view), receiptApps(view))
	}
	return web.Render(c, http.StatusOK, receiptPage(view), receiptBody(view))
}

// aboutWhom names the page, and finds who did it and why as long as the denylist's own record is there.
func (a *Console) aboutWhom(c echo.Context, rec store.Receipt, view *receiptView) (title string, crumbs []components.NavItem, err error) {
	ctx := c.Request().Context()
	if rec.UserID != "" {
		u, err := a.Store.UserByID(ctx, rec.UserID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", nil, err
		}
		if err == nil {
			view.Person = &u
			crumbs = []components.NavItem{{Label: "People", URL: peoplePath}, {Label: u.Name, URL: personURL(u.ID)}}
		}
	}
	rows, err := a.Store.RevocationsOf(ctx, rec.Ending)
	if err != nil {
		return "", nil, err
	}
	if i := slices.IndexFunc(rows, func(r store.Revocation) bool { return r.By != "" }); i >= 0 {
		view.Note = rows[i].Note
		by, err := a.Store.UserByID(ctx, rows[i].By)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", nil, err
		}
		view.By = by.Email
	}
	if title = "Receipt: " + view.Why; view.Person != nil {
		title = view.Person.Name + ": " + view.Why
	}
	return title, crumbs, nil
}

func (v *receiptView) serversOf(r denylist.Receipt, now time.Time) {
	v.N, v.All, v.Slowest = r.Confirmed(), len(r.Confirmations), r.Slowest()
	v.Dense = v.All > dense
	for _, factor := range slowMotion {
		if v.Slow = factor; v.Slowest*time.Duration(factor) <= longestReplay {
			break
		}
	}
	all := slices.Clone(r.Confirmations)
	slices.SortFunc(all, func(a, b denylist.Confirmation) int { return natural(a.Replica, b.Replica) })
	slices.SortStableFunc(all, func(a, b denylist.Confirmation) int { return natural(a.Service, b.Service) })
	answered := map[string]bool{}
	for _, c := range all {
		answered[c.Replica] = answered[c.Replica] || c.Confirmed
	}
	for _, c := range all {
		t := serverTile{
			Name: c.Replica, Service: c.Service, Confirmed: c.Confirmed, Refusing: c.Refusing, Took: c.Took,
			WrongUntil: c.WrongUntil, Over: !c.WrongUntil.IsZero() && !c.WrongUntil.After(now),
		}
		if !c.Confirmed && answered[c.Replica] { // two processes of one name: the one that answered took its place
			t.Name += ", before its restart"
		}
		v.Servers = append(v.Servers, t)
		if !t.Confirmed {
			v.Missing = append(v.Missing, t)
		}
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Name != t.Service {
			v.Groups = append(v.Groups, serverTiles{Name: t.Service})
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Servers = append(g.Servers, t)
	}
}

// toldOf is what has become of telling the apps: the outbox as long as it remembers, then the receipt.
func (a *Console) toldOf(c echo.Context, ending string, done revoke.Receipt, view *receiptView) error {
	now, err := a.Store.NoticesOf(c.Request().Context(), ending)
	if err != nil {
		return err
	}
	for _, t := range now {
		app := toldApp{Name: t.Name, Took: t.Took, Failure: t.Failure, Heard: t.Heard, Notices: t.Notices, State: "retrying"}
		if app.Name == "" {
			app.Name = t.ClientID
		}
		switch {
		case t.Heard == t.Notices:
			app.State, app.Failure = "heard", ""
		case t.Heard+t.GivenUp == t.Notices:
			app.State = "given up"
		default:
			view.Telling = true
		}
		view.Told = append(view.Told, app)
	}
	if len(now) > 0 {
		return nil
	}
	for _, t := range done.Told {
		app := toldApp{Name: t.Name, Took: t.Took, Failure: t.Err, State: "retrying"}
		if app.Name == "" {
			app.Name = t.ClientID
		}
		switch {
		case t.Heard:
			app.State = "heard"
		case t.GivenUp:
			app.State = "given up"
		}
		view.Told = append(view.Told, app)
	}
	return nil
}

// millisText is a number of milliseconds for an attribute.
func millisText(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
