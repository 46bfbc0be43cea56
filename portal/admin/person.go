package admin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/account"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// maxHistory is the number of rows of each kind in a user's history.
const maxHistory = 10

type personView struct {
	frame
	User     store.User
	State    personState
	Self     bool // the administrator's own page
	BannedBy string
	SignIns  []signInRow
	Total    int // active sign-ins, of which one page is listed
	Pages    components.Pages
	Ended    []endedRow
	Receipts []receiptRow
	Audit    []auditRow
	Undo     bool // the lifted ban can be imposed again with a click
}

type endedRow struct {
	Browser, Icon, Address, Reason string
	SignedIn, Ended                time.Time
}

type receiptRow struct {
	URL, Reason string
	At          time.Time
}

// loadUser returns the user that the path names, or a 404 error. The user's account may be deleted.
func (a *Console) loadUser(c echo.Context) (store.User, error) {
	id := c.Param("id")
	if !isID(id) {
		return store.User{}, web.NotFound("This person")
	}
	u, err := a.Store.UserByID(c.Request().Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return u, web.NotFound("This person")
	}
	return u, err
}

// loadUndeletedUser returns the user that the path names, or a 410 error if the account is deleted. Other errors are
// those of loadUser.
func (a *Console) loadUndeletedUser(c echo.Context) (store.User, error) {
	u, err := a.loadUser(c)
	if err == nil && !u.DeletedAt.IsZero() {
		return u, web.Fail(http.StatusGone, "deleted", "You can't change a deleted account.").WithTitle("This account has been deleted")
	}
	return u, err
}

// person handles GET /admin/people/:id.
func (a *Console) person(c echo.Context, me Admin) error {
	u, err := a.loadUser(c)
	if err != nil {
		return err
	}
	view := personView{
		frame: a.frame(c, u.Name, u.Email, "people", components.NavItem{Label: "People", URL: peoplePath}),
		User:  u, State: personStateOf(u, a.Now()), Self: u.ID == me.ID,
	}
	if err := a.addSignIns(c, me, &view); err != nil {
		return err
	}
	if err := a.addHistory(c, &view); err != nil {
		return err
	}
	return web.Render(c, http.StatusOK, personPage(view))
}

func (a *Console) addSignIns(c echo.Context, me Admin, view *personView) error {
	ctx := c.Request().Context()
	names, err := a.clientNames(ctx)
	if err != nil {
		return err
	}
	page := web.Int(c, "page", 1, 1, 100_000)
	rows, total, err := a.Store.SignInsOf(ctx, view.User.ID, me.SID, a.Now().Add(-activePeriod), maxHistory, (page-1)*maxHistory)
	if err != nil {
		return err
	}
	for _, in := range rows {
		row := signInRow{
			SID: in.SID, EndPath: personURL(view.User.ID) + "/sign-ins/" + url.PathEscape(in.SID) + "/end", Name: view.User.Name,
			Address: in.IP, Replica: in.Replica, SignedIn: in.CreatedAt, Seen: in.LastSeenAt, Own: in.SID == me.SID,
		}
		row.Browser, row.Icon = account.DescribeDevice(in.UserAgent)
		for _, id := range in.Clients {
			row.Apps = append(row.Apps, openedApp{Key: id, Name: cmp.Or(names[id], id)})
		}
		view.SignIns = append(view.SignIns, row)
	}
	view.Total = total
	view.Pages = components.Pages{
		Page: page, Total: max(1, (total+maxHistory-1)/maxHistory), Label: "Sign-ins",
		URL: func(n int) string { return pageURL(personURL(view.User.ID), "page", components.Count(n)) },
	}
	return nil
}

func (a *Console) addHistory(c echo.Context, view *personView) error {
	ctx := c.Request().Context()
	ended, err := a.Store.EndedSignIns(ctx, view.User.ID, maxHistory)
	if err != nil {
		return err
	}
	for _, in := range ended {
		row := endedRow{Address: in.IP, Reason: reasonLabels.text(in.EndReason), SignedIn: in.CreatedAt, Ended: in.EndedAt}
		row.Browser, row.Icon = account.DescribeDevice(in.UserAgent)
		view.Ended = append(view.Ended, row)
	}
	receipts, err := a.Store.ReceiptsOf(ctx, view.User.ID, maxHistory)
	if err != nil {
		return err
	}
	for _, r := range receipts {
		view.Receipts = append(view.Receipts, receiptRow{URL: receiptURL(r.ID), Reason: reasonLabels.text(r.Reason), At: r.CreatedAt})
	}
	var rows []store.Audit
	latest := map[string]store.Audit{}
	for _, action := range personActions { // an index has each in order, however many rows other actions have
		some, _, err := a.Store.AuditRows(ctx, store.AuditQuery{Action: action, TargetID: view.User.ID, Limit: maxHistory})
		if err != nil {
			return err
		}
		if len(some) > 0 {
			latest[action] = some[0]
		}
		rows = append(rows, some...)
	}
	if view.State.Banned {
		view.BannedBy = latest[actBanned].Actor
	} else if !view.State.Deleted && !view.Self {
		_, view.Undo = a.liftedBan(latest[actBanned], latest[actUnbanned])
	}
	slices.SortFunc(rows, func(r, s store.Audit) int { return cmp.Or(s.At.Compare(r.At), cmp.Compare(s.Seq, r.Seq)) })
	view.Audit = auditRowsOf(rows[:min(len(rows), maxHistory)])
	return nil
}
