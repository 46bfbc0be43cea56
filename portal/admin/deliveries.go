package admin

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/store"
	"gatehouse/web"
)

const deliveriesPath = "/admin/deliveries"

// deliveriesQuery holds the parameters of the deliveries page.
type deliveriesQuery struct {
	Waiting       bool   // list notices that wait; else those that were given up
	Client        string // "" for all
	After, Before string
}

func readDeliveriesQuery(q url.Values) deliveriesQuery {
	d := deliveriesQuery{Waiting: q.Get("state") == waiting, Client: q.Get("client"), After: q.Get("after"), Before: q.Get("before")}
	if !isID(d.Client) {
		d.Client = ""
	}
	return d
}

func (q deliveriesQuery) url() string {
	state := ""
	if q.Waiting {
		state = waiting
	}
	return address(deliveriesPath, "state", state, "client", q.Client, "after", q.After, "before", q.Before)
}

type deliveriesView struct {
	frame
	URL     string
	Query   deliveriesQuery
	Tabs    []components.NavItem
	Clients []chip
	Rows    []deliveryRow
	Pages   components.Pages
	Again   *againView // set if a client is chosen of which notices were given up
	Back    string
}

type againView struct {
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
	view := deliveriesView{Query: q, URL: q.url(), Back: query(q.url())}
	owed, err := a.Store.UndeliveredCounts(ctx)
	if err != nil {
		return err
	}
	view.filters(owed)
	ask := store.NoticeQuery{GivenUp: !q.Waiting, Client: q.Client, Limit: perPage}
	if ask.Before = readCursor(q.Before); ask.Before == (store.Cursor{}) {
		ask.After = readCursor(q.After)
	}
	rows, more, err := a.Store.Notices(ctx, ask)
	if err == nil && ask.Before != (store.Cursor{}) && !more { // fewer rows before it than a page: show the first page
		ask.Before = store.Cursor{}
		rows, more, err = a.Store.Notices(ctx, ask)
	}
	if err != nil {
		return err
	}
	for _, d := range rows {
		view.Rows = append(view.Rows, deliveryOf(d))
	}
	view.Pages = deliveryPages(q, ask, rows, more)
	view.frame = a.frame(c, "Deliveries", "Sign-out notices to apps that haven't been delivered yet.", "deliveries")
	view.Head.Actions = pulse(view.URL)
	return web.Render(c, http.StatusOK, deliveriesPage(view), deliveryList(view))
}

func (v *deliveriesView) filters(owed []store.UndeliveredCount) {
	given, waits := 0, 0
	all := chip{Key: "all", Label: "All apps", URL: deliveriesQuery{Waiting: v.Query.Waiting}.url(), Current: v.Query.Client == ""}
	v.Clients = []chip{all}
	for _, o := range owed {
		given, waits = given+o.GivenUp, waits+o.Waiting
		n := o.GivenUp
		if v.Query.Waiting {
			n = o.Waiting
		}
		if o.Name == "" {
			o.Name = o.ClientID
		}
		if o.ClientID == v.Query.Client && !v.Query.Waiting && o.GivenUp > 0 {
			v.Again = &againView{Path: deliveriesPath + "/clients/" + url.PathEscape(o.ClientID) + "/again", Name: o.Name, Count: o.GivenUp}
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
		ID: d.ID, AgainPath: deliveriesPath + "/" + url.PathEscape(d.ID) + "/again", Client: d.Name, Address: d.URI,
		PersonURL: personURL(d.UserID), Owed: d.CreatedAt, Tried: d.TriedAt, Next: d.NextAt, GivenUp: d.GivenUpAt,
		Attempts: components.Count(d.Attempts), Failure: d.Failure, CanSend: !d.GivenUpAt.IsZero() || !d.TriedAt.IsZero(),
	}
	if row.Client == "" {
		row.Client = d.ClientID
	}
	if d.ReceiptID != "" {
		row.Receipt = receiptURL(d.ReceiptID)
	}
	if !d.TriedAt.IsZero() {
		row.Took = ms(d.Took)
	}
	return row
}

func deliveryPages(q deliveriesQuery, ask store.NoticeQuery, rows []store.Delivery, more bool) components.Pages {
	pages := components.Pages{Label: "Deliveries"}
	at := deliveriesQuery{Waiting: q.Waiting, Client: q.Client}
	if len(rows) == 0 {
		if ask.After != (store.Cursor{}) {
			pages.PrevURL = at.url()
		}
		return pages
	}
	first, last := rows[0], rows[len(rows)-1]
	back := ask.Before != (store.Cursor{})
	if back || ask.After != (store.Cursor{}) {
		prev := at
		prev.Before = cursorText(first.At(), first.ID)
		pages.PrevURL = prev.url()
	}
	if back || more {
		next := at
		next.After = cursorText(last.At(), last.ID)
		pages.NextURL = next.url()
	}
	return pages
}

// sendAgain handles POST /admin/deliveries/:id/again.
func (a *Console) sendAgain(c echo.Context, me Admin) error {
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
	return leadOn(c, backTo(c))
}

// sendAllAgain handles POST /admin/deliveries/clients/:client/again: it resends all given-up notices of a client.
func (a *Console) sendAllAgain(c echo.Context, me Admin) error {
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
	name := nameOf(names, client)
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
	return leadOn(c, backTo(c))
}

// backTo returns the path of the list that the form was on.
func backTo(c echo.Context) string {
	back, _ := url.ParseQuery(c.FormValue("back"))
	return readDeliveriesQuery(back).url()
}
