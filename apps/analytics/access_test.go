package analytics_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse.example/apps/analytics"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

// A person without the role asks on the page that refuses; an administrator sees the request and where to grant it.
func TestAccess_RequestReachesTheAdministrators(t *testing.T) {
	env.EachDB(t, analytics.Service, func(t *testing.T, d *db.DB) {
		a := filled(t, d)
		page := a.get(t, "/", nil, "customer")
		if body := page.Body.String(); page.Code != http.StatusForbidden || !strings.Contains(body, `action="/access"`) || !strings.Contains(body, "analyst or admin") {
			t.Fatalf("%d without a form that asks for access", page.Code)
		}
		if w := a.post(t, "/access", url.Values{"reason": {strings.Repeat("x", 301)}}, "customer"); w.Code != http.StatusUnprocessableEntity ||
			!strings.Contains(w.Body.String(), "at most 300 characters") || !strings.Contains(w.Body.String(), strings.Repeat("x", 301)) {
			t.Errorf("a long reason: %d, without a message or what was typed", w.Code)
		}
		for range 5 { // only the first counts
			if w := a.post(t, "/access", url.Values{"reason": {"Monthly <b>report</b>"}}, "customer"); w.Code != http.StatusSeeOther {
				t.Errorf("asking: %d", w.Code)
			}
		}
		if body := a.get(t, "/", nil, "customer").Body.String(); strings.Contains(body, `action="/access"`) || !strings.Contains(body, "asked for access") {
			t.Error("the page doesn't show the open request")
		}
		list := a.get(t, "/access", nil, "admin").Body.String()
		for _, want := range []string{"Carol Demo", "carol@example.com", "Monthly &lt;b&gt;report", "http://portal.localhost:8080/admin/people/demo-carol", `name="subject" value="demo-carol"`} {
			if !strings.Contains(list, want) {
				t.Errorf("the list has no %q", want)
			}
		}
		if w := a.get(t, "/access", nil, "analyst"); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "carol@example.com</span>") {
			t.Errorf("an analyst sees the requests: %d", w.Code)
		}
		if w := a.post(t, "/access/close", url.Values{"subject": {"demo-carol"}}, "analyst"); w.Code != http.StatusForbidden {
			t.Errorf("an analyst closes a request: %d", w.Code)
		}
		if w := a.post(t, "/access/close", url.Values{"subject": {"demo-carol"}}, "admin"); w.Code != http.StatusSeeOther {
			t.Errorf("closing: %d", w.Code)
		}
		if body := a.get(t, "/access", nil, "admin").Body.String(); !strings.Contains(body, "No open requests") {
			t.Error("a closed request is in the list")
		}
		if w := a.post(t, "/access", nil, "analyst"); w.Code != http.StatusSeeOther || a.scan(t, `SELECT COUNT(*) FROM access_requests`) != 0 {
			t.Errorf("an analyst asks for access: %d", w.Code)
		}
	})
}

func TestAccess_ProgramsGetThePlainError(t *testing.T) {
	a := filled(t, env.DB(t, analytics.Service))
	for _, header := range []map[string]string{{"HX-Request": "true"}, {"Accept": "application/json"}} {
		if w := a.get(t, "/", header, "customer"); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "<form") {
			t.Errorf("%v: %d with a form", header, w.Code)
		}
	}
}
