package admin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

// maxTiles is the number of replicas above which they are drawn as small squares.
const maxTiles = 48

// pollPeriod is how long a receipt's page polls for changes: the time in which notices are retried at short intervals.
const pollPeriod = 10 * time.Minute

// slowMotion are the factors by which the confirmations may be slowed down in the replay, and maxReplay limits
// its duration.
var slowMotion = []int{400, 200, 100, 40, 20, 10, 4, 2, 1}

const maxReplay = 3 * time.Second

func receiptURL(ending string) string { return "/admin/receipts/" + url.PathEscape(ending) }

type receiptView struct {
	frame
	URL         string
	Why         string
	At          time.Time
	Person      *store.User // nil if the receipt is not about a user
	By, Note    string
	Ended       int
	StillEnding bool // more sign-ins are being ended
	Confirmed   bool // Redis had it when the receipt was written
	Waiting     bool // until Redis has it
	Groups      []serverTiles
	Servers     []serverTile
	Missing     []serverTile
	N, All      int
	Slowest     time.Duration
	Slow        int // slow-down factor of the replay
	Dense       bool
	Notified    []notifiedApp
	Notifying   bool // an app is still being notified
	Poll        bool
}

// serverTiles are the replicas of one service.
type serverTiles struct {
	Name    string
	Servers []serverTile
}

// serverTile is one replica's confirmation.
type serverTile struct {
	Name, Service string
	Confirmed     bool
	Refusing      bool // it did not confirm, but was already refusing all sessions
	Took          time.Duration
	WrongUntil    time.Time
	Over          bool // WrongUntil has passed
}

// notifiedApp is an app that is notified by back channel.
type notifiedApp struct {
	Name, State, Failure string // State: delivered, retrying, failed
	Took                 time.Duration
	Delivered, Notices   int
}

// receipt handles GET /admin/receipts/:ending. The page polls for the parts that are not final.
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
	view := receiptView{URL: receiptURL(ending), Why: reasonLabels.text(rec.Reason), At: rec.CreatedAt, Ended: done.Ended, StillEnding: done.Ending, Confirmed: done.Confirmed}
	view.setServers(done.Denylist, a.Now())
	view.Waiting = !done.Confirmed && view.All == 0
	if err := a.setNotified(c, ending, done, &view); err != nil {
		return err
	}
	view.Poll = (view.Waiting || view.Notifying || view.StillEnding) && a.Now().Sub(rec.CreatedAt) < pollPeriod
	title, crumbs, err := a.setSubject(c, rec, &view)
	if err != nil {
		return err
	}
	view.frame = a.frame(c, title, "", "people", crumbs...)
	if c.QueryParam("part") == "apps" {
		return web.Render(c, http.StatusOK, receiptPage(view), receiptApps(view))
	}
	return web.Render(c, http.StatusOK, receiptPage(view), receiptBody(view))
}

// setSubject sets the user of the receipt, and the administrator and the note while the revocation's rows exist. It
// returns the title and the breadcrumbs of the page.
func (a *Console) setSubject(c echo.Context, rec store.Receipt, view *receiptView) (title string, crumbs []components.NavItem, err error) {
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
	rows, err := a.Store.RevocationsOf(ctx, rec.ID)
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

func (v *receiptView) setServers(r denylist.Confirmations, now time.Time) {
	v.N, v.All, v.Slowest = r.Confirmed(), len(r.All), r.Slowest()
	v.Dense = v.All > maxTiles
	for _, factor := range slowMotion {
		if v.Slow = factor; v.Slowest*time.Duration(factor) <= maxReplay {
			break
		}
	}
	all := slices.Clone(r.All)
	slices.SortFunc(all, func(a, b denylist.Confirmation) int { return compareNames(a.Replica, b.Replica) })
	slices.SortStableFunc(all, func(a, b denylist.Confirmation) int { return compareNames(a.Service, b.Service) })
	answered := map[string]bool{}
	for _, c := range all {
		answered[c.Replica] = answered[c.Replica] || c.Confirmed
	}
	for _, c := range all {
		t := serverTile{
			Name: c.Replica, Service: c.Service, Confirmed: c.Confirmed, Refusing: c.Refusing, Took: c.Took,
			WrongUntil: c.WrongUntil, Over: !c.WrongUntil.IsZero() && !c.WrongUntil.After(now),
		}
		if !c.Confirmed && answered[c.Replica] { // the replica restarted: another process of that name confirmed
			t.Name += " (before its restart)"
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

// setNotified sets the state of the back-channel notices: from the outbox while it has them, else from the receipt.
func (a *Console) setNotified(c echo.Context, ending string, done revoke.Receipt, view *receiptView) error {
	now, err := a.Store.NoticeSummaries(c.Request().Context(), ending)
	if err != nil {
		return err
	}
	for _, t := range now {
		app := notifiedApp{Name: cmp.Or(t.Name, t.ClientID), Took: t.Took, Failure: t.Failure, Delivered: t.Delivered, Notices: t.Notices, State: "retrying"}
		switch {
		case t.Delivered == t.Notices:
			app.State, app.Failure = "delivered", ""
		case t.Delivered+t.GivenUp == t.Notices:
			app.State = "failed"
		default:
			view.Notifying = true
		}
		view.Notified = append(view.Notified, app)
	}
	if len(now) > 0 {
		return nil
	}
	for _, t := range done.Clients {
		app := notifiedApp{Name: cmp.Or(t.Name, t.ClientID), Took: t.Took, Failure: t.Err, State: "retrying"}
		switch {
		case t.Delivered:
			app.State = "delivered"
		case t.GivenUp:
			app.State = "failed"
		}
		view.Notified = append(view.Notified, app)
	}
	return nil
}

// millisText formats a duration in milliseconds for an attribute.
func millisText(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
