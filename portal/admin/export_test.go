package admin

import (
	"context"
	"log/slog"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
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

// Server is what the page says of a server: its state, and since and until when silence matters.
type Server struct {
	State, Says  string
	Since, Until time.Time
}

// ServerOf is what is said of a server at now, with the log at position.
func ServerOf(r denylist.Replica, position int64, now time.Time) Server {
	row := serverOf(r, fleetState{State: denylist.State{Position: position}, Now: now}, "0")
	return Server{State: row.State, Says: row.Says, Since: row.Since, Until: row.Until}
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
