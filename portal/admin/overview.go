package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/web"
)

// maxEndings is the number of recent revocations on the overview.
const maxEndings = 8

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
}

type keyRow struct {
	KID, Algorithm, State string
	Since, Until          time.Time
}

// overview handles GET /admin: it shows the state of the estate on one page.
func (a *Console) overview(c echo.Context, _ Admin) error {
	view, err := a.loadOverview(c.Request().Context())
	if err != nil {
		return err
	}
	view.frame = a.frame(c, "Overview", "Your servers, people and sign-ins at a glance.", "overview")
	view.Head.Crumbs = nil
	view.Head.Actions = pulse(Path)
	return web.Render(c, http.StatusOK, overviewPage(view), glance(view))
}

func (a *Console) loadOverview(ctx context.Context) (v overviewView, err error) {
	tallies, err := a.tallies(ctx)
	if err != nil {
		return v, err
	}
	places, err := a.places(ctx)
	if err != nil {
		return v, err
	}
	fleet := a.loadFleetState(ctx)
	v.Away = fleet.Away
	v.Alerts = alerts(fleet, tallies)
	v.Tiles = tiles(fleet, tallies, places)
	v.Servers = a.serverGroups(fleet)
	if v.Endings, err = a.recentEndings(ctx); err != nil {
		return v, err
	}
	v.Keys, err = a.keyStates(ctx)
	return v, err
}

func tiles(fleet fleetState, t store.Counts, places []store.SignInCount) []tile {
	active := 0
	for _, p := range places {
		if p.Client == "" {
			active += p.Count
		}
	}
	servers := tile{Label: "Servers", Value: "–", Note: "Redis is unavailable", Icon: "server", URL: serversPath}
	denied := tile{Label: "Denylist", Value: formatCount(t.Denied), Unit: "entries", Note: "kept in the database", Icon: "shield-ban", URL: denylistPath}
	if t.Denied == 1 {
		denied.Unit = "entry"
	}
	if fleet.Away == "" {
		servers.Value, servers.Unit, servers.Note = components.Count(fleet.count(healthy)), "healthy", "all confirm revocations"
		if n := fleet.count(behind, loading); n > 0 {
			servers.Note = components.Count(n) + " catching up"
		}
		if n := fleet.count(unreachable); n > 0 {
			servers.Note = components.Count(n) + " not responding"
		}
		denied.Note = "log position " + components.Count(fleet.State.Position)
	}
	deliveries := tile{
		Label: "Deliveries", Value: formatCount(t.Notices), Unit: "waiting", Note: "0 failed", Icon: "send", URL: deliveriesQuery{Waiting: t.GivenUp == 0}.url(),
	}
	if t.GivenUp > 0 {
		deliveries.Note = formatCount(t.GivenUp) + " failed"
	}
	return []tile{
		{Label: "People", Value: formatCount(t.People), Note: "with an account", Icon: "users", URL: peoplePath},
		{Label: "Sign-ins", Value: formatCount(active), Unit: "active", Note: "seen in the last 30 days", Icon: "log-in", URL: signInsPath},
		servers, denied, deliveries,
	}
}

func alerts(fleet fleetState, t store.Counts) (list []alert) {
	if n := fleet.count(unreachable); n > 0 {
		list = append(list, alert{
			"error", components.Plural(n, "server is not responding", "servers are not responding"),
			"They refuse signed-in requests until they can reach Redis again.", "Servers", serversPath,
		})
	}
	if fleet.Away == "" && fleet.State.Epoch == "" {
		list = append(list, alert{
			"error", "The denylist in Redis is incomplete",
			"The portal is restoring it from its database. Until then, every server refuses signed-in requests.", "Denylist", denylistPath,
		})
	}
	if t.Waiting > 0 {
		list = append(list, alert{
			"warning", formatCount(t.Waiting) + " denylist entries are waiting for Redis",
			"They're in the database, and are written to Redis as soon as it's available.", "Show them", pageURL(denylistPath, "state", stateWaiting),
		})
	}
	if entries, servers := fleet.unreadable(); entries > 0 {
		list = append(list, alert{
			"warning", "Some denylist entries can't be read",
			fmt.Sprintf("%s of them, by %s.", components.Count(entries), components.Plural(servers, "server", "servers")), "Servers", serversPath,
		})
	}
	if t.GivenUp > 0 {
		list = append(list, alert{
			"warning", formatCount(t.GivenUp) + " sign-out notices failed",
			"Apps didn't accept them after many tries.", "Deliveries", deliveriesPath,
		})
	}
	return list
}

func (a *Console) serverGroups(fleet fleetState) (serverGroups []serverGroup) {
	at := map[string]int{}
	for _, r := range fleet.Replicas {
		i, ok := at[r.Service]
		if !ok {
			i = len(serverGroups)
			at[r.Service] = i
			serverGroups = append(serverGroups, serverGroup{Key: r.Service, Name: r.Service})
			for _, app := range a.Estate.AppsFor([]string{adminRole}) {
				if app.Key == r.Service {
					serverGroups[i].Name = app.Name
				}
			}
		}
		state := fleet.stateOf(r)
		if state == healthy {
			serverGroups[i].Well++
		}
		serverGroups[i].Servers = append(serverGroups[i].Servers, serverDot{r.Name, state})
	}
	return serverGroups
}

// recentEndings returns the last revocations with a summary of their receipts.
func (a *Console) recentEndings(ctx context.Context) ([]endingRow, error) {
	receipts, err := a.Store.LastReceipts(ctx, maxEndings)
	if err != nil {
		return nil, err
	}
	rows := make([]endingRow, 0, len(receipts))
	for _, r := range receipts {
		row := endingRow{URL: receiptURL(r.ID), Reason: reasonLabels.text(r.Reason), At: r.CreatedAt, Person: "A token"}
		var done revoke.Receipt
		if json.Unmarshal([]byte(r.Text), &done) == nil {
			row.Confirmed, row.Expected = done.Denylist.Confirmed(), len(done.Denylist.All)
			row.Slowest, row.Pending = formatMillis(done.Denylist.Slowest()), !done.Confirmed
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
