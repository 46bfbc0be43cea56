package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
	"gatehouse/portal/keys"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/web"
)

// lastEndings is the number of recent revocations on the overview.
const lastEndings = 8

type overviewView struct {
	frame
	Away    string
	Alerts  []alert
	Tiles   []tile
	Servers []serverGroup
	Endings []endingRow
	Keys    []keyRow
}

// alert is a problem that needs an administrator's attention.
type alert struct{ Kind, Title, Text, Link, URL string }

// tile is a figure that links to its page.
type tile struct{ Label, Value, Unit, Note, Icon, URL string }

// serverGroup is a service with the states of its replicas.
type serverGroup struct {
	Key, Name string
	Well      int
	Servers   []serverDot
}

type serverDot struct{ Name, State string }

type endingRow struct {
	URL, Reason, Person, PersonURL string
	At                             time.Time
	Confirmed, Expected            int
	Slowest                        string
	Pending                        bool // not in Redis when the receipt was written
	Told, Heard                    int  // apps, by back channel
}

type keyRow struct {
	KID, Algorithm, State string
	Since, Until          time.Time
}

// overview handles GET /admin: it shows the state of the estate on one page.
func (a *Console) overview(c echo.Context, _ Admin) error {
	view, err := a.glance(c.Request().Context())
	if err != nil {
		return err
	}
	view.frame = a.frame(c, "Overview", "The estate at a glance.", "overview")
	view.Head.Crumbs = nil
	view.Head.Actions = pulse(Path)
	return web.Render(c, http.StatusOK, overviewPage(view), glance(view))
}

func (a *Console) glance(ctx context.Context) (v overviewView, err error) {
	tallies, err := a.tallies(ctx)
	if err != nil {
		return v, err
	}
	places, err := a.places(ctx)
	if err != nil {
		return v, err
	}
	h := a.house(ctx)
	v.Away = h.Away
	v.Alerts = alerts(h, tallies)
	v.Tiles = tiles(h, tallies, places)
	v.Servers = a.groups(h)
	if v.Endings, err = a.endings(ctx); err != nil {
		return v, err
	}
	v.Keys, err = a.keyStates(ctx)
	return v, err
}

func tiles(h house, t store.Tallies, places []store.Place) []tile {
	living := 0
	for _, p := range places {
		if p.Client == "" {
			living += p.Count
		}
	}
	servers := tile{Label: "Servers", Value: "–", Note: "Redis is unavailable", Icon: "server", URL: serversPath}
	denied := tile{Label: "Denylist", Value: about(t.Denied), Unit: "entries", Note: "kept in the database", Icon: "shield-ban", URL: denylistPath}
	if t.Denied == 1 {
		denied.Unit = "entry"
	}
	if h.Away == "" {
		servers.Value, servers.Unit, servers.Note = components.Count(h.count(well)), "healthy", "all confirm revocations"
		if n := h.count(behind, loading); n > 0 {
			servers.Note = components.Count(n) + " catching up"
		}
		if n := h.count(silent); n > 0 {
			servers.Note = components.Count(n) + " not responding"
		}
		denied.Note = "log at " + components.Count(h.State.Position)
	}
	deliveries := tile{
		Label: "Deliveries", Value: about(t.Notices), Unit: "waiting", Note: "0 failed", Icon: "send", URL: deliveriesQuery{Waiting: t.Abandoned == 0}.url(),
	}
	if t.Abandoned > 0 {
		deliveries.Note = about(t.Abandoned) + " failed"
	}
	return []tile{
		{Label: "People", Value: about(t.People), Note: "with an account", Icon: "users", URL: peoplePath},
		{Label: "Sign-ins", Value: about(living), Unit: "active", Note: "seen in the last 30 days", Icon: "log-in", URL: signInsPath},
		servers, denied, deliveries,
	}
}

func alerts(h house, t store.Tallies) (list []alert) {
	if n := h.count(silent); n > 0 {
		list = append(list, alert{
			"error", components.Plural(n, "server is not responding", "servers are not responding"),
			"They refuse signed-in requests by themselves until they hear from Redis again.", "Servers", serversPath,
		})
	}
	if h.Away == "" && h.State.Epoch == "" {
		list = append(list, alert{
			"error", "The denylist in Redis is not complete",
			"The portal fills it from its database; every server refuses until that is done.", "Denylist", denylistPath,
		})
	}
	if t.Waiting > 0 {
		list = append(list, alert{
			"warning", about(t.Waiting) + " of the denylist's entries wait for Redis",
			"They are in the database, and are written as soon as Redis answers.", "Show them", address(denylistPath, "state", waiting),
		})
	}
	if entries, servers := h.unreadable(); entries > 0 {
		list = append(list, alert{
			"warning", "Some entries of the denylist cannot be read",
			fmt.Sprintf("%s of them, by %s.", components.Count(entries), components.Plural(servers, "server", "servers")), "Servers", serversPath,
		})
	}
	if t.Abandoned > 0 {
		list = append(list, alert{
			"warning", about(t.Abandoned) + " sign-out notices failed",
			"Apps did not hear of a sign-out after many tries.", "Deliveries", deliveriesPath,
		})
	}
	return list
}

func (a *Console) groups(h house) (groups []serverGroup) {
	at := map[string]int{}
	for _, r := range h.Replicas {
		i, ok := at[r.Service]
		if !ok {
			i = len(groups)
			at[r.Service] = i
			groups = append(groups, serverGroup{Key: r.Service, Name: r.Service})
			for _, app := range a.Estate.AppsFor([]string{role}) {
				if app.Key == r.Service {
					groups[i].Name = app.Name
				}
			}
		}
		state := h.state(r)
		if state == well {
			groups[i].Well++
		}
		groups[i].Servers = append(groups[i].Servers, serverDot{r.Name, state})
	}
	return groups
}

// endings returns the last revocations with a summary of their receipts.
func (a *Console) endings(ctx context.Context) ([]endingRow, error) {
	receipts, err := a.Store.LastReceipts(ctx, lastEndings)
	if err != nil {
		return nil, err
	}
	rows := make([]endingRow, 0, len(receipts))
	for _, r := range receipts {
		row := endingRow{URL: receiptURL(r.Ending), Reason: why(r.Reason), At: r.CreatedAt, Person: "A token"}
		var done revoke.Receipt
		if json.Unmarshal([]byte(r.Text), &done) == nil {
			row.Confirmed, row.Expected = done.Denylist.Confirmed(), len(done.Denylist.All)
			row.Slowest, row.Pending, row.Told = ms(done.Denylist.Slowest()), !done.Confirmed, len(done.Told)
			for _, t := range done.Told {
				if t.Heard {
					row.Heard++
				}
			}
		}
		if r.UserID != "" {
			u, err := a.Store.UserByID(ctx, r.UserID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
			row.Person, row.PersonURL = u.Name, personURL(r.UserID)
			if u.Name == "" {
				row.Person = "A deleted account"
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// keyStates returns the keys that sign or will sign, and those with tokens that have not expired.
func (a *Console) keyStates(ctx context.Context) ([]keyRow, error) {
	all, err := a.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	var rows []keyRow
	for _, k := range all {
		row := keyRow{KID: k.KID, Algorithm: k.Algorithm, State: string(k.State), Since: k.CreatedAt}
		switch k.State {
		case keys.Next:
			row.Until = k.ActivatesAt
		case keys.Active:
			if !k.ActivatedAt.IsZero() {
				row.Since = k.ActivatedAt
			}
		case keys.Old:
			row.Until = k.NotAfter
		default:
			continue
		}
		rows = append(rows, row)
	}
	return rows, nil
}
