package analytics_test

import (
	"fmt"
	"net/http"
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

var linkText = regexp.MustCompile(`href="(/events/[^"]*)"`)

// Each bucket of each chart over time leads to the events that it counts, from the chart and from its table.
func TestEvents_EachBucketLeadsToItsEvents(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	body := a.get(t, "/?range=24h", nil, "analyst").Body.String()
	for _, m := range linkText.FindAllStringSubmatch(body, -1) {
		if !strings.Contains(m[1], "T10%3A00") || !strings.Contains(m[1], "to=2026-11-23T11") { // the current hour's only
			continue
		}
		path := strings.ReplaceAll(m[1], "&amp;", "&")
		if w := a.get(t, path, nil, "analyst"); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if n := len(linkText.FindAllString(body, -1)); n < 6*24*2 {
		t.Errorf("%d links on the page", n)
	}
	for path, want := range map[string][]string{
		"/events/sign-ins?from=2026-11-23T10:00&to=2026-11-23T11:00":         {"Single sign-on", "Sign-out", "demo-alice"},
		"/events/votes?from=2026-11-23T09:00&to=2026-11-23T10:00":            {"Vote taken back"},
		"/events/revenue?from=2026-11-23T08:00&to=2026-11-23T09:00":          {"$1,234.56", "Jointed Reading Lamp", ">Items</dt>", "Raw data"},
		"/events/people?from=2026-11-22T00:00&to=2026-11-24T00:00":           {"New account", "22 Nov 2026 – 23 Nov 2026, UTC"},
		"/events/orders?from=2026-11-23T08:00&to=2026-11-23T09:00&app=forum": {"No events here"},
		"/events/orders?from=2025-11-23T08:00&to=2025-11-23T09:00":           {"Single events are kept for 35 days"},
	} {
		body := a.get(t, path, nil, "analyst").Body.String()
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s: no %q", path, w)
			}
		}
		if strings.Contains(body, "<b>click") {
			t.Errorf("%s shows an event's text as HTML", path)
		}
	}
}

// Each event is on one page of the list, in both directions, also if many happened in the same millisecond.
func TestEvents_PagesAreTheWhole(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a := start(t, d, env.MiniRedis(t), nil)
		var batch []events.Event
		for i := range 130 {
			typ := []string{events.SignIn, events.SignOut}[i%2]
			batch = append(batch, event(fmt.Sprintf("e%03d", i), typ, time.Minute+time.Duration(i/40)*time.Millisecond,
				map[string]any{"method": "sso", "scope": "session", "client_id": fmt.Sprintf("c%03d", i)}))
		}
		if err := a.HandleEvents(t.Context(), batch, nil); err != nil {
			t.Fatal(err)
		}
		seen := regexp.MustCompile(`c\d{3}`)
		next, prev := regexp.MustCompile(`href="([^"]*before=[^"]*)"`), regexp.MustCompile(`href="([^"]*after=[^"]*)"`)
		walk := func(path string, link *regexp.Regexp) (pages []string) {
			for path != "" {
				body := a.get(t, path, nil, "analyst").Body.String()
				ids := seen.FindAllString(body[strings.Index(body, "<tbody"):], -1)
				pages = append(pages, strings.Join(ids, " "))
				m := link.FindStringSubmatch(body)
				if len(pages) > 5 || m == nil {
					return append(pages, path)
				}
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			}
			return pages
		}
		list := "/events/sign-ins?" + url.Values{"from": {"2026-11-23T10:00"}, "to": {"2026-11-23T11:00"}}.Encode()
		older := walk(list, next)
		if len(older) != 4 {
			t.Fatalf("%d pages", len(older)-1)
		}
		all := map[string]bool{}
		for _, page := range older[:3] {
			for _, id := range strings.Fields(page) {
				all[id] = true
			}
		}
		if len(all) != 130 {
			t.Errorf("%d of 130 events are on the pages", len(all))
		}
		newer := walk(older[3], prev)
		if len(newer) != 4 || newer[0] != older[2] || newer[1] != older[1] || newer[2] != older[0] {
			t.Errorf("back through the pages: %q, forth: %q", newer, older)
		}
	})
}

func TestEvents_RefuseClearly(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	const span = "from=2026-11-23T10:00&to=2026-11-23T11:00"
	for path, want := range map[string]int{
		"/events/nothing?" + span: 404, "/events/best-sellers?" + span: 404, "/events/votes": 422, "/events/votes?from=2026-11-23T10:00": 422,
		"/events/votes?" + span + "&before=x": 422, "/events/votes?" + span + "&after=1-": 422, "/events/votes?" + span + "&before=9999999999999999999-a": 422,
		"/events/votes?" + span + "&before=1-%00": 422, "/events/votes?" + span + "&app=%00": 422, "/events/votes?from=2020-01-01&to=2026-01-01": 422,
		"/events/votes?" + span + "&before=1-a&after=1-a": 200,
	} {
		if w := a.get(t, path, nil, "analyst"); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
