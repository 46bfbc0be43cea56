package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

const denylistPath = "/admin/denylist"

// stateWaiting is the filter's value for denylist entries that are not in Redis yet, and for deliveries that wait.
const stateWaiting = "waiting"

// maxPeopleMatched limits the number of users that a search by name matches.
const maxPeopleMatched = 20

// denylistQuery holds the parameters of the denylist page.
type denylistQuery struct {
	Text, Kind, Reason, State string
	cursors
}

func readDenylistQuery(c echo.Context) (denylistQuery, error) {
	text, err := web.Text(c, "q", 512)
	if err != nil {
		return denylistQuery{}, err
	}
	q := denylistQuery{Text: text, Kind: c.QueryParam("kind"), Reason: c.QueryParam("reason"), State: c.QueryParam("state"), cursors: readCursors(c.QueryParams(), isRowNumber)}
	switch denylist.Kind(q.Kind) {
	case denylist.Subject, denylist.SignIn, denylist.Token:
	default:
		q.Kind = ""
	}
	if reasonLabels.text(q.Reason) == q.Reason {
		q.Reason = ""
	}
	if q.State != stateWaiting {
		q.State = ""
	}
	return q, nil
}

func (q denylistQuery) url(changes ...string) string {
	params := []string{"q", q.Text, "kind", q.Kind, "reason", q.Reason, "state", q.State}
	return pageURL(denylistPath, append(params, changes...)...)
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
	view := denylistView{Query: q, Kinds: kindOptions, Reasons: reasonLabels.options("Any reason")}
	if view.Size, err = a.loadSize(ctx); err != nil {
		return err
	}
	if err := a.loadDenied(ctx, q, &view); err != nil {
		return err
	}
	view.frame = a.frame(c, "Denylist", "What every server refuses, and until when.", "denylist")
	return web.Render(c, http.StatusOK, denylistPage(view), deniedList(view))
}

func (a *Console) loadDenied(ctx context.Context, q denylistQuery, view *denylistView) error {
	query := store.DenylistQuery{
		Kind: q.Kind, Reason: q.Reason, Waiting: q.State == stateWaiting, Now: a.Now(), Limit: perPage,
	}
	if q.Text != "" {
		query.Values = []string{q.Text}
		if family, _, ok := strings.Cut(q.Text, "."); ok && family != "" { // a token is denied through its grant
			query.Values = append(query.Values, family)
		}
		found, err := a.Store.SearchPeople(ctx, store.PeopleQuery{Text: q.Text, Now: a.Now(), Limit: maxPeopleMatched})
		if err != nil {
			return err
		}
		for _, u := range found.Users {
			query.People = append(query.People, u.ID)
		}
	}
	rows, pages, err := loadPage("Denylist", q.cursors, func(at cursors) ([]store.DenylistEntry, bool, error) {
		query.After, query.Before = rowNumber(at.After), rowNumber(at.Before)
		return a.Store.Denylist(ctx, query)
	}, func(e store.DenylistEntry) string { return strconv.FormatInt(e.Seq, 10) }, q.url)
	if err != nil {
		return err
	}
	view.Pages = pages
	names, err := a.clientNames(ctx)
	if err != nil {
		return err
	}
	for _, e := range rows {
		view.Rows = append(view.Rows, deniedOf(e, names))
	}
	return nil
}

// ownReasons are the reasons caused by the user.
var ownReasons = []string{
	denylist.SignedOut, denylist.EndedElsewhere, denylist.Everywhere, denylist.PasswordChanged, denylist.AccountDeleted, denylist.Replaced,
}

func deniedOf(e store.DenylistEntry, names map[string]string) deniedRow {
	row := deniedRow{
		Seq: e.Seq, Value: e.Value, Person: e.Person, Email: e.Email, Reason: reasonLabels.text(e.Reason), Note: e.Note, By: e.ByName,
		At: e.At, Until: e.Until, Before: e.Before, Waiting: e.PublishedAt.IsZero(), Receipt: receiptURL(e.ReceiptID),
	}
	row.Kind, row.Icon = kindLabel(e)
	if e.PersonID != "" {
		row.URL = personURL(e.PersonID)
	}
	switch {
	case e.ByName != "":
		row.ByURL = personURL(e.By)
	case e.By != "":
		row.By = e.By
	case slices.Contains(ownReasons, e.Reason):
		row.By = "The user"
	default:
		row.By = "System"
	}
	if e.Client != "" {
		row.App = cmp.Or(names[e.Client], e.Client)
	}
	return row
}

func kindLabel(e store.DenylistEntry) (words, icon string) {
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

var stateFilter = []components.Option{{Value: "", Label: "Any state"}, {Value: stateWaiting, Label: "Waiting for Redis"}}

// loadSize returns the size of the denylist in the database, in Redis and in the replicas' memory.
func (a *Console) loadSize(ctx context.Context) (sizeView, error) {
	tallies, err := a.tallies(ctx)
	if err != nil {
		return sizeView{}, err
	}
	fleet := a.loadFleetState(ctx)
	v := sizeView{
		Away: fleet.Away, Kept: formatCount(tallies.Denied), Waiting: tallies.Waiting, InRedis: components.Count(fleet.State.Entries), Complete: fleet.State.Epoch != "",
		Position: components.Count(fleet.State.Position), Logged: components.Count(fleet.State.Logged), Servers: len(fleet.Replicas), Memory: "–",
	}
	if len(fleet.Replicas) > 0 {
		least, most := fleet.Replicas[0].Bytes, fleet.Replicas[0].Bytes
		for _, r := range fleet.Replicas {
			least, most = min(least, r.Bytes), max(most, r.Bytes)
		}
		if v.Memory = formatBytes(most); formatBytes(least) != formatBytes(most) {
			v.Memory = formatBytes(least) + " to " + formatBytes(most)
		}
	}
	if entries, servers := fleet.unreadable(); entries > 0 {
		v.Unreadable = fmt.Sprintf("%s could not be read by %s.",
			components.Plural(int(entries), "entry", "entries"), components.Plural(servers, "server", "servers"))
	}
	return v, nil
}
