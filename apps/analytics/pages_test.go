package analytics_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/analytics"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/tests/env"
)

func event(id, typ string, ago time.Duration, data map[string]any) events.Event {
	service := "portal"
	switch typ {
	case events.OrderPlaced, events.OrderCancelled, events.CartStarted:
		service = "shop"
	case events.PostCreated, events.ThreadCreated, events.VoteCast:
		service = "forum"
	}
	return events.Event{ID: id, Type: typ, Service: service, At: now.Add(-ago), Subject: "demo-alice", Data: data}
}

func order(id, name string, ago time.Duration) events.Event {
	return event(id, events.OrderPlaced, ago, map[string]any{
		"total_cents": 123456.0, "items": []any{map[string]any{"product": id, "name": name, "quantity": 2.0, "cents": 123456.0}},
	})
}

// filled is analytics with a few events of each type.
func filled(t *testing.T, d *db.DB, change ...func(*analytics.Deps)) *app {
	t.Helper()
	a := start(t, d, env.MiniRedis(t), func(deps *analytics.Deps) {
		for _, c := range change {
			c(deps)
		}
	})
	batch := []events.Event{
		event("i1", events.SignIn, time.Minute, map[string]any{"client_id": "shop", "method": "sso"}),
		event("i2", events.SignIn, 26*time.Hour, map[string]any{"client_id": "portal", "method": "password"}),
		event("o1", events.SignOut, time.Minute, map[string]any{"client_id": "portal", "scope": "session"}),
		event("r1", events.Registered, time.Hour, nil),
		order("lamp", "Jointed Reading Lamp", 2*time.Hour), order("evil", `=HYPERLINK("http://evil","<b>click")`, 2*time.Hour),
		event("t1", events.ThreadCreated, time.Hour, map[string]any{"thread_id": "t"}),
		event("p1", events.PostCreated, time.Hour, map[string]any{"thread_id": "t"}),
		{ID: "b1", Type: events.UserBanned, Service: "portal", At: now.Add(-3 * time.Hour), Data: map[string]any{"user_id": "demo-bob"}},
		event("c1", events.CartStarted, 2*time.Hour, map[string]any{"product": "lamp"}),
		event("v1", events.VoteCast, time.Hour, map[string]any{"post_id": "p", "value": 1.0}),
		event("v2", events.VoteCast, time.Hour, map[string]any{"post_id": "p", "value": -1.0}),
		event("x1", "cat_petted", time.Hour, map[string]any{"<script>": "alert(1)"}),
	}
	if err := a.HandleEvents(t.Context(), batch, nil); err != nil {
		t.Fatal(err)
	}
	return a
}

var pages = []string{"/", "/skipped", "/funnel", "/funnel?range=30d", "/retention", "/events/sign-ins?from=2026-11-23T10:00&to=2026-11-23T11:00", "/export/sign-ins.csv", "/export/best-sellers.csv"}

func TestPages_AddressesOfNobodyTakeNoRole(t *testing.T) {
	a := start(t, env.DB(t, analytics.Service), env.MiniRedis(t), nil)
	for path, want := range map[string]int{"/nothing": http.StatusNotFound, "/healthz": http.StatusMethodNotAllowed, "/readyz": http.StatusMethodNotAllowed} {
		method := http.MethodPut
		if want == http.StatusNotFound {
			method = http.MethodGet
		}
		rec := httptest.NewRecorder()
		a.Handler().ServeHTTP(rec, httptest.NewRequest(method, path, nil))
		if rec.Code != want {
			t.Errorf("%s %s: %d, want %d", method, path, rec.Code, want)
		}
	}
}

func TestPages_TakeARole(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	for _, path := range pages {
		for _, roles := range [][]string{{"customer"}, {"moderator"}, {"customer", "moderator"}, {"Analyst"}} {
			w := a.get(t, path, nil, roles...)
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "analyst or admin") {
				t.Errorf("%s as %v: %d; want a 403 that names the roles", path, roles, w.Code)
			}
			if strings.Contains(w.Body.String(), "Reading Lamp") {
				t.Errorf("%s as %v shows figures", path, roles)
			}
		}
		for _, role := range []string{"analyst", "admin"} {
			if w := a.get(t, path, nil, role); w.Code != http.StatusOK {
				t.Errorf("%s as %s: %d", path, role, w.Code)
			}
		}
		if w := a.get(t, path, nil); w.Code == http.StatusOK || strings.Contains(w.Body.String(), "Reading Lamp") {
			t.Errorf("%s as a guest: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := a.get(t, path, nil); w.Code != http.StatusOK {
			t.Errorf("%s as a guest: %d", path, w.Code)
		}
	}
}

func TestDashboard_ShowsWhatHappened(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a := filled(t, d)
		for _, period := range []string{"", "?range=24h", "?range=7d", "?range=30d", "?from=2026-11-22&to=2026-11-24", "?from=2026-11-23T07:00&to=2026-11-23T10:18"} {
			body := a.get(t, "/"+period, nil, "analyst").Body.String()
			for _, want := range []string{"Sign-ins and sign-outs", "Active people", "Revenue", "$2,469", "Jointed Reading Lamp", "Posts and threads", "Votes", "<svg"} {
				if !strings.Contains(body, want) {
					t.Errorf("%q: no %q", period, want)
				}
			}
			if strings.Contains(body, "<b>click") || regexp.MustCompile(`\s(style|onclick)=`).MatchString(body) {
				t.Errorf("%q: what came from outside, or a style attribute, is in the page as it is", period)
			}
		}
		if body := a.get(t, "/?app=forum", nil, "analyst").Body.String(); !strings.Contains(body, `<td class="num">−1</td>`) || !strings.Contains(body, ">−1</text>") {
			t.Error("a vote that was taken back has no minus in the table or on the axis")
		}
		if body := a.get(t, "/?app=forum", nil, "analyst").Body.String(); strings.Contains(body, "panel-revenue") || !strings.Contains(body, "panel-votes") {
			t.Error("the forum's page shows the shop's panels, or not its own")
		}
		if body := a.get(t, "/skipped", nil, "admin").Body.String(); !strings.Contains(body, "cat_petted") || strings.Contains(body, "<script>\"") {
			t.Error("skipped events are not shown, or not escaped")
		}
	})
}

func TestDashboard_SubtractsCancelledOrders(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a := filled(t, d)
		cancel := event("k1", events.OrderCancelled, time.Hour, map[string]any{"order_id": "lamp", "total_cents": 123456.0, "how": "cancelled"})
		for range 2 { // delivered twice, counted once
			if err := a.HandleEvents(t.Context(), []events.Event{cancel}, nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, period := range []string{"24h", "7d", "30d"} {
			body := a.get(t, "/?range="+period, nil, "analyst").Body.String()
			if !strings.Contains(body, "$1,235") || period != "24h" && strings.Contains(body, "$2,469") { // in 24 hours, the hour of the order has it
				t.Errorf("%s: the revenue of a cancelled order is counted", period)
			}
		}
		if body := a.get(t, "/events/revenue?from=2026-11-23T08:00&to=2026-11-23T11:00", nil, "analyst").Body.String(); !strings.Contains(body, "Order cancelled") || !strings.Contains(body, "−$1,234.56") {
			t.Error("the event of a cancelled order is not shown")
		}
	})
}

func TestDashboard_RefreshIsPartsOnly(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	htmx := map[string]string{"HX-Request": "true"}
	body := a.get(t, "/?range=24h", htmx, "analyst").Body.String()
	if strings.Contains(body, "<html") || !strings.Contains(body, `hx-target="#chart-sign-ins"`) || !strings.Contains(body, `hx-target="#stats"`) {
		t.Error("the refresh is not the parts that change")
	}
	if w := a.get(t, "/?range=x", htmx, "analyst"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a refresh of a bad period: %d", w.Code)
	}
	page := a.get(t, "/?range=24h", nil, "analyst").Body.String()
	if !strings.Contains(page, `hx-trigger="every 5s"`) {
		t.Error("the page does not refresh itself")
	}
	for _, still := range []string{"/?live=off", "/?from=2026-11-01&to=2026-11-02"} {
		if strings.Contains(a.get(t, still, nil, "analyst").Body.String(), "hx-trigger=\"every") {
			t.Errorf("%s refreshes itself", still)
		}
	}
}

func TestDashboard_EmptySaysSo(t *testing.T) {
	a := start(t, env.DB(t, analytics.Service), env.MiniRedis(t), nil)
	if w := a.get(t, "/", nil, "analyst"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "No activity yet") {
		t.Errorf("%d without an empty state", w.Code)
	}
	if err := a.HandleEvents(t.Context(), []events.Event{order("a", "Lamp", time.Minute)}, nil); err != nil {
		t.Fatal(err)
	}
	if w := a.get(t, "/?was=empty", map[string]string{"HX-Request": "true"}, "analyst"); w.Header().Get("HX-Refresh") != "true" {
		t.Error("an empty page is not told of its first event")
	}
}

var bad = []string{
	"range=", "range=1h&range=7d", "range=%00", "range=%ff", "from=%3Cscript%3E", "from=2026-13-01&to=x", "to=2026-11-01", "from=2026-11-23&to=2026-11-01",
	"from=9999-12-31&to=9999-12-31", "from=-1&to=1e309", "from=0000-00-00", "app=%27%3BDROP+TABLE+events", "app=shop&app=forum", "app=%ff", "app=nothing",
	"live=off&live=on", "was=empty", "range=custom", "x=" + strings.Repeat("y", 5000), "from=" + strings.Repeat("9", 5000), "%zz=%zz", "a;b", "range=24h&from=x",
}

func TestPages_BadInputIsNeverA500(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	for _, path := range append(pages, "/export/", "/export/x.csv", "/export/sign-ins", "/export/..%2fx", "/export/%ff.csv", "/nothing") {
		for _, query := range bad {
			for _, header := range []map[string]string{nil, {"HX-Request": "true"}, {"Accept": "application/json"}} {
				if w := a.get(t, path+"?"+query, header, "analyst"); w.Code >= 500 {
					t.Errorf("%s?%s: %d", path, query, w.Code)
				}
			}
		}
	}
}

func TestDashboard_BadPeriodIsExplainedBesideItsField(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	for query, want := range map[string]string{
		"range=fortnight":               "Choose the last hour",
		"from=yesterday":                "Enter a date and time",
		"from=2026-11-02&to=2026-11-01": "must be after the start",
		"from=2020-01-01&to=2026-01-01": "at most 400 days",
		"app=<b>":                       "Choose an app from the list",
	} {
		values, _ := url.ParseQuery(query)
		w := a.get(t, "/?"+values.Encode(), nil, "analyst")
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `name="from"`) {
			t.Errorf("%s: %d without %q and the form", query, w.Code, want)
		}
	}
}

func TestExport_IsTheTableAsCSV(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a := filled(t, d)
		w := a.get(t, "/export/best-sellers.csv?range=24h&app=shop", nil, "analyst")
		h := w.Header()
		if !strings.HasPrefix(h.Get("Content-Type"), "text/csv") || h.Get("Content-Disposition") != `attachment; filename="best-sellers-shop-20261122T1100-20261123T1017Z.csv"` {
			t.Errorf("%q, %q", h.Get("Content-Type"), h.Get("Content-Disposition"))
		}
		rows, err := csv.NewReader(w.Body).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{
			{"Rank", "Product", "Pieces", "Ordered for"},
			{"1", `'=HYPERLINK("http://evil","<b>click")`, "2", "1234.56"},
			{"2", "Jointed Reading Lamp", "2", "1234.56"},
		}
		if fmt.Sprint(rows) != fmt.Sprint(want) {
			t.Errorf("%q", rows)
		}
	})
}

func TestExport_EachPanel(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	for panel, columns := range map[string]int{"sign-ins": 4, "people": 3, "revenue": 2, "orders": 2, "posts": 3, "votes": 3} {
		rows, err := csv.NewReader(a.get(t, "/export/"+panel+".csv?range=24h", nil, "analyst").Body).ReadAll()
		if err != nil || len(rows) != 25 || len(rows[0]) != columns {
			t.Errorf("%s: %d rows, %v; want a head and 24 hours", panel, len(rows), err)
			continue
		}
		if rows[1][0] != "2026-11-22T11:00:00Z" {
			t.Errorf("%s begins at %s", panel, rows[1][0])
		}
	}
}

func TestRun_SeedsADemonstrationOnce(t *testing.T) {
	t.Parallel()
	d, rdb := env.DB(t, analytics.Service), env.Redis(t)
	demo := func(name string) func(*analytics.Deps) {
		return func(deps *analytics.Deps) { deps.Demo, deps.Replica = true, name }
	}
	a, b := start(t, d, rdb, demo("analytics-1")), start(t, d, rdb, demo("analytics-2"))
	a.run(t)
	b.run(t)
	eventually(t, "seeded", func() bool { return a.scan(t, `SELECT COUNT(*) FROM seeds WHERE until_at > 0`) == 1 })
	if raw, rolled := a.scan(t, `SELECT COUNT(*) FROM events`), a.scan(t, counted); raw != rolled || raw < 10_000 {
		t.Errorf("%d events, %d in rollups", raw, rolled)
	}
	if body := a.get(t, "/", nil, "analyst").Body.String(); !strings.Contains(body, "Includes demo data up to") {
		t.Error("the page does not say that it shows demonstration history")
	}
}

func TestNew_RefusesWhatIsMissing(t *testing.T) {
	if _, err := analytics.New(t.Context(), analytics.Deps{}); err == nil {
		t.Error("no database is accepted")
	}
}
