package admin

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

// The words of the console.
var (
	Memory = formatBytes
	Span   = formatDuration
	Millis = formatMillis
	Rate   = formatRate
	About  = formatCount
	Why    = reasonLabels.text
	Policy = policyText
)

// SampleOf returns the sample configuration of a client at a portal on localhost.
func SampleOf(t testing.TB, c clients.Client, secret string) clientSample {
	t.Helper()
	estate, err := web.ParseEstate("http://localhost:8080")
	if err != nil {
		t.Fatal(err)
	}
	return (&Console{Deps: Deps{Estate: estate}}).sampleOf(c, secret)
}

// Server is what the page says of a server: its state, and since and until when silence matters.
type Server struct {
	State, Says  string
	Since, Until time.Time
}

// ServerOf is what is said of a server at now, with the log at position.
func ServerOf(r denylist.Replica, position int64, now time.Time) Server {
	row := serverOf(r, fleetState{State: denylist.State{Position: position}, Reported: position, Now: now}, "0")
	return Server{State: row.State, Says: row.Says, Since: row.Since, Until: row.Until}
}

// Behind reports for each position of the log, seen one after the other at these times, whether a server that has
// applied the first one is behind.
func Behind(at []time.Time, positions []int64) []bool {
	var h logHistory
	list := make([]bool, len(at))
	for i := range at {
		fleet := fleetState{State: denylist.State{Position: positions[i]}, Reported: h.reported(at[i], positions[i]), Now: at[i]}
		list[i] = fleet.stateOf(denylist.Replica{Position: positions[0], Synced: true}) == behind
	}
	return list
}

// Advice returns the names and the advice of the health page's checks that found something.
func Advice(ctx context.Context, log Denylist, t store.Counts) (list []string) {
	a := &Console{Deps: Deps{Log: log, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}}
	for _, c := range healthChecks(a.loadFleetState(ctx), t, nil) {
		if c.Kind != "success" {
			list = append(list, c.Name+": "+c.Advice)
		}
	}
	return list
}

// Alerts are the titles of what the overview warns of, and why Redis tells nothing.
func Alerts(ctx context.Context, log Denylist, t store.Counts) (titles []string, away string) {
	a := &Console{Deps: Deps{Log: log, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}}
	fleet := a.loadFleetState(ctx)
	for _, al := range alerts(fleet, t) {
		titles = append(titles, al.Title)
	}
	return titles, fleet.Away
}
