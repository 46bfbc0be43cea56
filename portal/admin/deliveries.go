package admin

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

const deliveriesPath = "/admin/deliveries"

// deliveriesQuery holds the parameters of the deliveries page.
type deliveriesQuery struct {
	Waiting bool   // list notices that wait; else those that were given up
	Client  string // "" for all
	cursors
}

func readDeliveriesQuery(q url.Values) deliveriesQuery {
	d := deliveriesQuery{Waiting: q.Get("state") == stateWaiting, Client: q.Get("client"), cursors: readCursors(q, isTimeCursor)}
	if !isID(d.Client) {
		d.Client = ""
	}
	return d
}

func (q deliveriesQuery) url() string { return q.with("after", q.After, "before", q.Before) }

// with returns the path of the list with the filters of q and further parameters.
func (q deliveriesQuery) with(params ...string) string {
	if q.Waiting {
		params = append(params, "state", stateWaiting)
	}
	return pageURL(deliveriesPath, append(params, "client", q.Client)...)
}

type deliveriesView struct {
	frame
	URL     string
	Query   deliveriesQuery
	Tabs    []components.NavItem
	Clients []chip
	Rows    []deliveryRow
	Pages   components.Pages
	Resend  *resendView // set if a client is chosen of which notices were given up
	Back    string
}

type resendView struct {
	Path, Name string
	Count      int
}

type deliveryRow struct {
	ID, AgainPath   string
	Client, Address string
	PersonURL       string
	Receipt         string
	Owed, Tried     time.Time
	Next, GivenUp   time.Time
	Attempts        string
	Took, Failure   string
	CanSend         bool
}

// deliveries handles GET /admin/deliveries: it lists the logout notices that clients have not received.
func (a *Console) deliveries(c echo.Context, _ Admin) error {
	ctx := c.Request().Context()
	q := readDeliveriesQuery(c.QueryParams())
	view := deliveriesView{Query: q, URL: q.url(), Back: queryOf(q.url())}
	undelivered, err := a.Store.UndeliveredCounts(ctx)
	if err != nil {
		return err
	}
	view.setFilters(undelivered)
	rows, pages, err := loadPage("Deliveries", q.cursors, func(at cursors) ([]store.Delivery, bool, error) {
		return a.Store.Notices(ctx, store.NoticeQuery{
			GivenUp: !q.Waiting, Client: q.Client, Limit: perPage, After: readCursor(at.After), Before: readCursor(at.Before),
		})
	}, func(d store.Delivery) string { return cursorText(d.At(), d.ID) }, q.with)
	if err != nil {
		return err
	}
	view.Pages = pages
	for _, d := range rows {
		view.Rows = append(view.Rows, deliveryOf(d))
	}
	view.frame = a.frame(c, "Deliveries", "Sign-out notices to apps that haven't been delivered yet.", "deliveries")
	view.Head.Actions = pulse(view.URL)
	return web.Render(c, http.StatusOK, deliveriesPage(view), deliveryList(view))
}

func (v *deliveriesView) setFilters(undelivered []store.UndeliveredCount) {
	given, waits := 0, 0
	all := chip{Key: "all", Label: "All apps", URL: deliveriesQuery{Waiting: v.Query.Waiting}.url(), Current: v.Query.Client == ""}
	v.Clients = []chip{all}
	for _, o := range undelivered {
		given, waits = given+o.GivenUp, waits+o.Waiting
		n := o.GivenUp
		if v.Query.Waiting {
			n = o.Waiting
		}
		o.Name = cmp.Or(o.Name, o.ClientID)
		if o.ClientID == v.Query.Client && !v.Query.Waiting && o.GivenUp > 0 {
			v.Resend = &resendView{Path: deliveriesPath + "/clients/" + url.PathEscape(o.ClientID) + "/again", Name: o.Name, Count: o.GivenUp}
		}
		if n > 0 || o.ClientID == v.Query.Client {
			v.Clients = append(v.Clients, chip{
				Key: o.ClientID, Label: o.Name, Count: components.Count(n), Current: o.ClientID == v.Query.Client,
				URL: deliveriesQuery{Waiting: v.Query.Waiting, Client: o.ClientID}.url(),
			})
		}
	}
	v.Clients[0].Count = components.Count(given)
	if v.Query.Waiting {
		v.Clients[0].Count = components.Count(waits)
	}
	v.Tabs = []components.NavItem{
		{Label: "Failed", URL: deliveriesQuery{Client: v.Query.Client}.url(), Count: given, Current: !v.Query.Waiting},
		{Label: "Waiting", URL: deliveriesQuery{Client: v.Query.Client, Waiting: true}.url(), Count: waits, Current: v.Query.Waiting},
	}
}

func deliveryOf(d store.Delivery) deliveryRow {
	row := deliveryRow{
		ID: d.ID, AgainPath: deliveriesPath + "/" + url.PathEscape(d.ID) + "/again", Client: cmp.Or(d.Name, d.ClientID), Address: d.URI,
		PersonURL: personURL(d.UserID), Owed: d.CreatedAt, Tried: d.TriedAt, Next: d.NextAt, GivenUp: d.GivenUpAt,
		Attempts: components.Count(d.Attempts), Failure: d.Failure, CanSend: !d.GivenUpAt.IsZero() || !d.TriedAt.IsZero(),
	}
	if d.ReceiptID != "" {
		row.Receipt = receiptURL(d.ReceiptID)
	}
	if !d.TriedAt.IsZero() {
		row.Took = formatMillis(d.Took)
	}
	return row
}

// resend handles POST /admin/deliveries/:id/again.
func (a *Console) resend(c echo.Context, me Admin) error {
	id := c.Param("id")
	if !isID(id) {
		return web.NotFound("This delivery")
	}
	err := a.Store.Apply(c.Request().Context(), store.ResendNotice(id, a.Now()), a.audit(c, me, "delivery.sent_again", "delivery", id, "", nil))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return web.NotFound("This delivery")
	case errors.Is(err, store.ErrNothingToResend):
		web.Flash(c, "info", "Nothing to send: the notice was delivered, or is being sent now.")
	case err != nil:
		return err
	default:
		web.Flash(c, "success", "Resending the notice.")
	}
	return web.RedirectHX(c, returnPath(c))
}

// resendAll handles POST /admin/deliveries/clients/:client/again: it resends all given-up notices of a client.
func (a *Console) resendAll(c echo.Context, me Admin) error {
	ctx := c.Request().Context()
	client := c.Param("client")
	if !isID(client) {
		return web.NotFound("This client")
	}
	names, err := a.clientNames(ctx)
	if err != nil {
		return err
	}
	sent := 0
	name := cmp.Or(names[client], client)
	err = a.Store.Apply(ctx, store.ResendNotices(client, a.Now(), &sent),
		a.audit(c, me, "delivery.all_sent_again", "client", client, name, nil))
	switch {
	case errors.Is(err, store.ErrNothingToResend):
		web.Flash(c, "info", name+" has no failed deliveries.")
	case err != nil:
		return err
	default:
		web.Flash(c, "success", "Resending "+components.Plural(sent, "notice", "notices")+" to "+name+".")
	}
	return web.RedirectHX(c, returnPath(c))
}

// returnPath returns the path of the list that the form was on.
func returnPath(c echo.Context) string {
	back, _ := url.ParseQuery(c.FormValue("back"))
	return readDeliveriesQuery(back).url()
}
