package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
	"gatehouse/web"
)

const denylistPath = "/admin/denylist"

// waiting is the filter's value for denylist entries that are not in Redis yet, and for deliveries that wait.
const waiting = "waiting"

// lookedUp limits the number of users that a search by name matches.
const lookedUp = 20

// denylistQuery holds the parameters of the denylist page.
type denylistQuery struct {
	Text, Kind, Reason, State string
	After, Before             int64
}

func readDenylistQuery(c echo.Context) (denylistQuery, error) {
	text, err := web.Text(c, "q", 512)
	if err != nil {
		return denylistQuery{}, err
	}
	q := denylistQuery{Text: text, Kind: c.QueryParam("kind"), Reason: c.QueryParam("reason"), State: c.QueryParam("state")}
	switch denylist.Kind(q.Kind) {
	case denylist.Subject, denylist.SignIn, denylist.Token:
	default:
		q.Kind = ""
	}
	if why(q.Reason) == q.Reason {
		q.Reason = ""
	}
	if q.State != waiting {
		q.State = ""
	}
	if q.Before = place(c, "before"); q.Before == 0 {
		q.After = place(c, "after")
	}
	return q, nil
}

// place returns the entry number in a query parameter, 0 if it is missing or not valid.
func place(c echo.Context, name string) int64 {
	n, err := strconv.ParseInt(c.QueryParam(name), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (q denylistQuery) url(changes ...string) string {
	params := []string{"q", q.Text, "kind", q.Kind, "reason", q.Reason, "state", q.State}
	return address(denylistPath, append(params, changes...)...)
}

func (q denylistQuery) filtered() bool { return q.Text+q.Kind+q.Reason+q.State != "" }

type denylistView struct {
	frame
	Query   denylistQuery
	Kinds   []components.Option
	Reasons []components.Option
	Rows    []deniedRow
	Pages   components.Pages
	Size    sizeView
}

// sizeView is the size of the denylist in the database, in Redis and in the replicas' memory.
type sizeView struct {
	Away       string
	Kept       string // entries in the database
	Waiting    int    // of these, not in Redis yet
	InRedis    string
	Complete   bool // Redis has every entry
	Position   string
	Logged     string
	Memory     string // of a replica's copy: the largest, or a range from the smallest to the largest
	Servers    int
	Unreadable string
}

type deniedRow struct {
	Seq                     int64
	Kind, Icon, Value       string
	Person, Email, URL      string
	Reason, Note            string
	By, ByURL, App, Receipt string
	At, Until, Before       time.Time
	Waiting                 bool
}

// denylist handles GET /admin/denylist: it lists the denylist from the database, the latest entry first.
func (a *Console) denylist(c echo.Context, _ Admin) error {
	ctx := c.Request().Context()
	q, err := readDenylistQuery(c)
	if err != nil {
		return err
	}
	view := denylistView{Query: q, Kinds: kindOptions, Reasons: reasonOptions()}
	if view.Size, err = a.size(ctx); err != nil {
		return err
	}
	if err := a.deniedPage(ctx, q, &view); err != nil {
		return err
	}
	view.frame = a.frame(c, "Denylist", "What every server refuses, and until when.", "denylist")
	return web.Render(c, http.StatusOK, denylistPage(view), deniedList(view))
}

func (a *Console) deniedPage(ctx context.Context, q denylistQuery, view *denylistView) error {
	ask := store.DenylistQuery{
		Kind: q.Kind, Reason: q.Reason, Waiting: q.State == waiting, After: q.After, Before: q.Before, Now: a.Now(), Limit: perPage,
	}
	if q.Text != "" {
		ask.Values = []string{q.Text}
		if family, _, ok := strings.Cut(q.Text, "."); ok && family != "" { // a token is denied through its grant
			ask.Values = append(ask.Values, family)
		}
		found, err := a.Store.SearchPeople(ctx, store.PeopleQuery{Text: q.Text, Now: a.Now(), Limit: lookedUp})
		if err != nil {
			return err
		}
		for _, u := range found.Users {
			ask.People = append(ask.People, u.ID)
		}
	}
	rows, more, err := a.Store.Denylist(ctx, ask)
	if err == nil && ask.Before != 0 && !more { // fewer rows before it than a page: show the first page
		ask.Before = 0
		rows, more, err = a.Store.Denylist(ctx, ask)
	}
	if err != nil {
		return err
	}
	names, err := a.clientNames(ctx)
	if err != nil {
		return err
	}
	for _, e := range rows {
		view.Rows = append(view.Rows, deniedOf(e, names))
	}
	view.Pages = components.Pages{Label: "Denylist"}
	if len(rows) == 0 {
		if ask.After != 0 {
			view.Pages.PrevURL = q.url()
		}
		return nil
	}
	if ask.Before != 0 || ask.After != 0 {
		view.Pages.PrevURL = q.url("before", strconv.FormatInt(rows[0].Seq, 10))
	}
	if ask.Before != 0 || more {
		view.Pages.NextURL = q.url("after", strconv.FormatInt(rows[len(rows)-1].Seq, 10))
	}
	return nil
}

// own are the reasons caused by the user.
var own = []string{
	denylist.SignedOut, denylist.EndedElsewhere, denylist.Everywhere, denylist.PasswordChanged, denylist.AccountDeleted, denylist.Replaced,
}

func deniedOf(e store.DenylistEntry, names map[string]string) deniedRow {
	row := deniedRow{
		Seq: e.Seq, Value: e.Value, Person: e.Person, Email: e.Email, Reason: why(e.Reason), Note: e.Note, By: e.ByName,
		At: e.At, Until: e.Until, Before: e.Before, Waiting: e.PublishedAt.IsZero(), Receipt: receiptURL(e.ReceiptID),
	}
	row.Kind, row.Icon = kindWords(e)
	if e.PersonID != "" {
		row.URL = personURL(e.PersonID)
	}
	switch {
	case e.ByName != "":
		row.ByURL = personURL(e.By)
	case e.By != "":
		row.By = e.By
	case slices.Contains(own, e.Reason):
		row.By = "The user"
	default:
		row.By = "System"
	}
	if e.Client != "" {
		row.App = nameOf(names, e.Client)
	}
	return row
}

func kindWords(e store.DenylistEntry) (words, icon string) {
	switch denylist.Kind(e.Kind) { // icons: user-round monitor key-round
	case denylist.Subject:
		if e.Except != "" {
			return "Person, except one sign-in", "user-round"
		}
		return "Person", "user-round"
	case denylist.SignIn:
		return "Sign-in", "monitor"
	}
	return "Token", "key-round"
}

var kindOptions = []components.Option{
	{Value: "", Label: "People, sign-ins and tokens"}, {Value: string(denylist.Subject), Label: "People"},
	{Value: string(denylist.SignIn), Label: "Sign-ins"}, {Value: string(denylist.Token), Label: "Tokens"},
}

var stateFilter = []components.Option{{Value: "", Label: "Any state"}, {Value: waiting, Label: "Waiting for Redis"}}

func reasonOptions() []components.Option {
	options := []components.Option{{Value: "", Label: "Any reason"}}
	for _, r := range reasons {
		options = append(options, components.Option{Value: r.code, Label: r.words})
	}
	return options
}

// size returns the size of the denylist in the database, in Redis and in the replicas' memory.
func (a *Console) size(ctx context.Context) (sizeView, error) {
	tallies, err := a.tallies(ctx)
	if err != nil {
		return sizeView{}, err
	}
	h := a.house(ctx)
	v := sizeView{
		Away: h.Away, Kept: about(tallies.Denied), Waiting: tallies.Waiting, InRedis: components.Count(h.State.Entries), Complete: h.State.Epoch != "",
		Position: components.Count(h.State.Position), Logged: components.Count(h.State.Logged), Servers: len(h.Replicas), Memory: "–",
	}
	if len(h.Replicas) > 0 {
		least, most := h.Replicas[0].Bytes, h.Replicas[0].Bytes
		for _, r := range h.Replicas {
			least, most = min(least, r.Bytes), max(most, r.Bytes)
		}
		if v.Memory = memory(most); memory(least) != memory(most) {
			v.Memory = memory(least) + " to " + memory(most)
		}
	}
	if entries, servers := h.unreadable(); entries > 0 {
		v.Unreadable = fmt.Sprintf("%s could not be read by %s.",
			components.Plural(int(entries), "entry", "entries"), components.Plural(servers, "server", "servers"))
	}
	return v, nil
}
