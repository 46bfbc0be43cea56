package admin

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

const serversPath = "/admin/servers"

type serversView struct {
	frame
	Away       string
	Well       int
	Other      int // that follow the log, but are behind or loading
	Silent     int
	Position   int64 // of the log
	Requests   string
	Tabs       string
	Unreadable string // a sentence; "" if every replica could read every entry
	Services   []serviceGroup
}

// serviceGroup is a service with its replicas.
type serviceGroup struct {
	Key, Name string
	Servers   []serverRow
}

type serverRow struct {
	Name, Version string
	State         string
	Says          string    // what the state means for requests to the replica
	Since         time.Time // silent: since when it refuses; zero if it still answers from memory
	Until         time.Time // silent: until when it answers from memory
	Started       time.Time
	Uptime        string
	Position      int64
	Behind        int64
	Age           string
	Memory        string
	Entries       int64
	Bytes         string
	Rate          string
	SignIns       string
	Streams       int
	Policy        string
}

// servers handles GET /admin/servers: it shows every replica, as it reported itself within the last minute.
func (a *Console) servers(c echo.Context, _ Admin) error {
	view, err := a.loadServers(c)
	if err != nil {
		return err
	}
	view.frame = a.frame(c, "Servers", "Every server, and how current its copy of the denylist is.", "servers")
	view.Head.Actions = pulse(serversPath)
	return web.Render(c, http.StatusOK, serversPage(view), serverList(view))
}

func (a *Console) loadServers(c echo.Context) (serversView, error) {
	places, err := a.places(c.Request().Context())
	if err != nil {
		return serversView{}, err
	}
	fleet := a.loadFleetState(c.Request().Context())
	view := serversView{
		Away: fleet.Away, Well: fleet.count(healthy), Other: fleet.count(behind, loading), Silent: fleet.count(unreachable), Position: fleet.State.Position,
	}
	requests, tabs := 0.0, 0
	at := map[string]int{}
	for _, app := range a.Estate.AppsFor([]string{adminRole}) {
		at[app.Key] = len(view.Services)
		view.Services = append(view.Services, serviceGroup{Key: app.Key, Name: app.Name})
	}
	for _, r := range fleet.Replicas {
		i, known := at[r.Service]
		if !known {
			i = len(view.Services)
			at[r.Service] = i
			view.Services = append(view.Services, serviceGroup{Key: r.Service, Name: r.Service})
		}
		view.Services[i].Servers = append(view.Services[i].Servers, serverOf(r, fleet, signInsAt(places, r)))
		if !r.Silent {
			requests += r.RequestsPerSecond
			tabs += r.Streams
		}
	}
	view.Requests, view.Tabs = formatRate(requests), components.Count(tabs)
	if entries, servers := fleet.unreadable(); entries > 0 {
		view.Unreadable = fmt.Sprintf("%s could not be read by %s, which may accept what they revoke. See those servers' logs for details.",
			components.Plural(int(entries), "entry", "entries"), components.Plural(servers, "server", "servers"))
	}
	return view, nil
}

// signInsAt returns the number of active sign-ins that used a replica last: of the portal to sign in, of an app to
// open it.
func signInsAt(places []store.SignInCount, r denylist.Replica) string {
	for _, p := range places {
		if p.Replica == r.Name && (p.Client == r.Service || p.Client == "" && r.Service == portalID) {
			return formatCount(p.Count)
		}
	}
	return "0"
}

func serverOf(r denylist.Replica, fleet fleetState, signIns string) serverRow {
	row := serverRow{
		Name: r.Name, Version: r.Version, State: fleet.stateOf(r), Started: r.Started, Uptime: "–",
		Position: r.Position, Behind: max(0, fleet.State.Position-r.Position), Age: "–", Memory: formatBytes(r.Memory), Entries: r.Entries, Bytes: formatBytes(r.Bytes),
		Rate: formatRate(r.RequestsPerSecond), SignIns: signIns, Streams: r.Streams, Policy: policyText(r),
	}
	if !r.Started.IsZero() && !r.Silent {
		row.Uptime = formatDuration(fleet.Now.Sub(r.Started))
	}
	switch row.State {
	case unreachable:
		row.Rate = "–"
		known := r.Heard.Add(-max(r.Age, 0))
		row.Since = known.Add(max(r.Bound, r.StaleFor))
		if row.Since.After(fleet.Now) && r.StaleFor > 0 {
			row.Since, row.Until = time.Time{}, row.Since
		}
	case loading:
		row.Says = "Refuses requests until it has loaded the denylist"
	case behind:
		row.Age = formatMillis(r.Age)
		row.Says = components.Plural(int(row.Behind), "entry", "entries") + " to apply"
		if row.Behind == 0 {
			row.Says = "Catching up"
		}
	default:
		row.Age = formatMillis(r.Age)
	}
	return row
}

// policyText returns what a replica does while it does not hear from Redis.
func policyText(r denylist.Replica) string {
	if r.Bound == 0 {
		return "–"
	}
	if r.StaleFor > 0 {
		return "stale for " + formatDuration(r.StaleFor)
	}
	if r.Bound%time.Second == 0 {
		return "503 in " + formatDuration(r.Bound)
	}
	return "503 in " + formatMillis(r.Bound)
}
