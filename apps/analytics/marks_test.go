package analytics_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/analytics"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/tests/env"
)

// The first start of a version is marked once, whichever replica or restart tells of it again.
func TestDashboard_MarksDeployments(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a := filled(t, d)
		before := a.scan(t, `SELECT COUNT(*) FROM hourly`)
		for ago, version := range map[time.Duration]string{190 * time.Minute: "v1.2 <b>", 70 * time.Minute: "v1.2 <b>", 40 * time.Hour: "v1.1"} {
			e := event("deployed-portal-"+version, events.Deployed, ago, map[string]any{"version": version})
			if err := a.HandleEvents(t.Context(), []events.Event{e}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.HandleEvents(t.Context(), []events.Event{event("x", events.Deployed, 0, map[string]any{"version": "\x00"})}, nil); err != nil {
			t.Fatal(err)
		}
		if n := a.scan(t, `SELECT COUNT(*) FROM deployments`); n != 2 || a.scan(t, `SELECT COUNT(*) FROM hourly`) != before {
			t.Errorf("%d deployments, or they were counted as activity", n)
		}
		get := func(path string) string { return a.get(t, path, nil, "analyst").Body.String() }
		body := get("/?range=24h")
		charts := strings.Count(body, "data-cross")
		if n := strings.Count(body, "Version v1.2 &lt;b&gt; of Portal started at "); n != charts+1 || strings.Contains(body, "v1.1") {
			t.Errorf("%d charts say %d times when v1.2 started", charts, n)
		}
		if n := strings.Count(body, "Marked for deployments: 1 place."); n < charts {
			t.Errorf("%d of %d charts are marked", n, charts)
		}
		if body := get("/?range=24h&hide=deployments"); strings.Contains(body, "v1.2") || !strings.Contains(body, "mark-ban") || !strings.Contains(body, `href="/?range=24h#marks"`) {
			t.Error("the deployments are not hidden, or the bans are, too")
		}
		if body := get("/?range=24h&hide=bans%2Cdeployments"); strings.Contains(body, "Marked for") {
			t.Error("marks are shown that are hidden")
		}
	})
}

// Times are in the zone that the browser tells; what is no zone counts as UTC.
func TestDashboard_TimesInTheBrowsersZone(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	for zone, want := range map[string][]string{
		"Asia/Kathmandu": {"From (your time)", ">Mon 23 Nov 15:45", `title="23 Nov 2026, 10:00 UTC"`, "16:02:03 UTC+0545", "Times are in your time zone, Asia/Kathmandu"},
		"":               {"From (UTC)", ">Mon 23 Nov 10:00", "10:17:03 UTC", "Times are in UTC."}, "Local": {"From (UTC)"}, "../../etc/passwd": {"From (UTC)"}, "Mars/Olympus": {"From (UTC)"},
	} {
		body := a.get(t, "/?range=24h", map[string]string{"Cookie": "zone=" + zone}, "analyst").Body.String()
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%q: no %q", zone, text)
			}
		}
	}
	berlin := map[string]string{"Cookie": "zone=Europe/Berlin"}
	if body := a.get(t, "/events/votes?from=2026-11-23T09:00&to=2026-11-23T10:00", berlin, "analyst").Body.String(); !strings.Contains(body, "23 Nov 2026, 10:00 – 11:00 CET") {
		t.Error("the list of events is in UTC")
	}
	body := a.get(t, "/?range=custom&from=2026-11-23T08:00&to=2026-11-23T10:00&zone=Europe/Berlin", berlin, "analyst").Body.String()
	if !strings.Contains(body, "23 Nov 2026, 08:00 – 10:00 CET") || !strings.Contains(body, `name="zone" value="Europe/Berlin"`) || !strings.Contains(body, `value="2026-11-23T08:00"`) {
		t.Error("a custom range is not in the browser's zone")
	}
	if w := a.get(t, "/?range=custom&from=2026-11-23T08:00&zone=x", berlin, "analyst"); w.Code != 422 || !strings.Contains(w.Body.String(), "time zone is unknown") {
		t.Error("an unknown zone is accepted")
	}
	if body := a.get(t, "/?range=30d", berlin, "analyst").Body.String(); !strings.Contains(body, "From (UTC)") {
		t.Error("days are said to be local")
	}
}
