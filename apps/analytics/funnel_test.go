package analytics_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse.example/apps/analytics"
	"gatehouse.example/tests/env"
)

func TestDashboard_MarksBansOnEachChart(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	for _, path := range []string{"/?range=24h", "/?range=24h&app=shop", "/?range=24h&app=portal"} {
		body := a.get(t, path, nil, "analyst").Body.String()
		charts, marked := strings.Count(body, "data-cross"), strings.Count(body, "Marked for bans: 1 place.")
		if marked < 2*charts || charts < 2 {
			t.Errorf("%s: %d of %d charts are marked", path, marked, charts)
		}
		if !strings.Contains(body, `href="/events/bans?from=2026-11-23T07%3A00&amp;to=2026-11-23T08%3A00"`) || !strings.Contains(body, `data-note="1 ban"`) {
			t.Errorf("%s: the mark is not explained", path)
		}
	}
	if body := a.get(t, "/?range=1h", nil, "analyst").Body.String(); !strings.Contains(body, "Nothing is marked in this period") {
		t.Error("an hour without bans doesn't say so")
	}
	if body := a.get(t, "/events/bans?from=2026-11-23T07:00&to=2026-11-23T08:00", nil, "analyst").Body.String(); !strings.Contains(body, "demo-bob") {
		t.Error("the list of bans doesn't say who was banned")
	}
}

func TestFunnel_ShowsStepsWithPercentages(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	w := a.get(t, "/funnel?range=7d", nil, "analyst")
	for _, want := range []string{"Signed in", "Filled a cart", "Ordered", "100%", "share of the step before", "<svg"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	if w := a.get(t, "/funnel?range=x", nil, "analyst"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Choose the last hour") {
		t.Errorf("a bad period: %d", w.Code)
	}
	if body := a.get(t, "/funnel?from=2026-01-01&to=2026-11-23", nil, "analyst").Body.String(); !strings.Contains(body, "kept for 35 days") {
		t.Error("a period beyond the raw events doesn't say that it is cut")
	}
}

func TestRetention_IsATableOfNumbers(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	body := a.get(t, "/retention", nil, "analyst").Body.String()
	for _, want := range []string{"16 Nov 2026", "Week 1<", "100%", "so far", "up to 90%"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(body, "Week 2<") {
		t.Error("a column is empty")
	}
	if empty := start(t, env.DB(t, analytics.Service), env.MiniRedis(t), nil).get(t, "/retention", nil, "analyst").Body.String(); !strings.Contains(empty, "No sign-ins yet") {
		t.Error("an empty table is bare")
	}
}
