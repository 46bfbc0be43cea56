package analytics_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse.example/apps/analytics"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

func TestViews_ASavedViewOpensItsFilters(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a := filled(t, d)
		save := func(name, query string) (int, string, string) {
			w := a.post(t, "/views", url.Values{"name": {name}, "query": {query}}, "analyst")
			return w.Code, w.Header().Get("Location"), w.Body.String()
		}
		if code, to, _ := save("Shop, <a week>", "range=7d&app=shop&live=off&evil=1"); code != http.StatusSeeOther || to != "/?app=shop&range=7d" {
			t.Fatalf("saving: %d to %s", code, to)
		}
		body := a.get(t, "/", nil, "analyst").Body.String()
		if !strings.Contains(body, `href="/?app=shop&amp;range=7d">Shop, &lt;a week&gt;</a>`) {
			t.Error("the page doesn't offer the saved view")
		}
		for _, c := range []struct{ name, query, want string }{
			{"", "range=7d", "Enter a name"}, {strings.Repeat("x", 41), "range=7d", "at most 40 characters"}, {"x", "range=never", "Choose the last hour"}, {"x", "%zz", "can&#39;t be saved"},
		} {
			if code, _, body := save(c.name, c.query); code != http.StatusUnprocessableEntity || !strings.Contains(body, c.want) || !strings.Contains(body, c.name) {
				t.Errorf("%q, %q: %d without %q", c.name, c.query, code, c.want)
			}
		}
		for i := range 19 {
			save(fmt.Sprint("view ", i), "range=1h")
		}
		if code, _, body := save("one more", "range=1h"); code != http.StatusUnprocessableEntity || !strings.Contains(body, "You have 20 saved views") {
			t.Errorf("the 21st view: %d", code)
		}
		if code, _, _ := save("view 3", "range=30d"); code != http.StatusSeeOther { // replaces
			t.Errorf("a view of the same name: %d", code)
		}
		to := a.post(t, "/views/delete", url.Values{"name": {"view 3"}}, "analyst").Header().Get("Location")
		if body := a.get(t, to, nil, "analyst").Body.String(); !strings.Contains(body, "“view 3” was deleted") || !strings.Contains(body, `name="query" value="range=30d"`) {
			t.Errorf("%s doesn't offer to undo", to)
		}
		if n := a.scan(t, `SELECT COUNT(*) FROM saved_views`); n != 19 {
			t.Errorf("%d views are left", n)
		}
		if w := a.post(t, "/views", url.Values{"name": {"x"}}, "customer"); w.Code != http.StatusForbidden {
			t.Errorf("a customer saves a view: %d", w.Code)
		}
	})
}
