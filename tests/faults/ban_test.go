//go:build unix

package faults_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse.example/db"
	"gatehouse.example/tests/estate"
)

// A ban of an account with very many sign-ins counts on every replica once it is answered. Meanwhile, and while those
// sign-ins end one batch after the other, pages and sign-ins of other people work, and every form gets its whole answer
// (RFC 9112 §6.3).
func TestBan_OfManySignInsUnderLoad(t *testing.T) {
	const signIns = 20_000
	e := estate.Start(t, estate.Options{})
	records, err := db.Open(t.Context(), "sqlite:"+e.Data, "portal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	victim := []*person{signedIn(t, e, "alice"), signedIn(t, e, "alice")}
	admin, carol := signedIn(t, e, "admin"), signedIn(t, e, "carol")
	if _, err := records.ExecContext(t.Context(), `INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		SELECT 'many-' || i, user_id, created_at, last_seen_at FROM n, (SELECT * FROM sign_ins WHERE user_id = 'demo-alice' LIMIT 1)`, signIns); err != nil {
		t.Fatal(err)
	}
	active := func() (n int) {
		if err := records.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM sign_ins WHERE user_id = 'demo-alice' AND ended_at IS NULL`); err != nil {
			t.Fatal(err)
		}
		return n
	}

	l := newLoad(func(r result) {
		switch {
		case r.err != nil:
			t.Errorf("no whole answer: %s", r)
		case strings.HasSuffix(r.url, "/nothing"):
			if r.status != http.StatusNotFound || !strings.HasSuffix(strings.TrimSpace(r.page), "</html>") {
				t.Errorf("%d bytes of an answer: %s", len(r.page), r)
			}
		case strings.HasSuffix(r.url, "/sign-in"):
			if r.status != http.StatusSeeOther {
				t.Errorf("a bystander can't sign in: %s", r)
			}
		case r.status != http.StatusOK || !strings.Contains(r.page, "Sign out"):
			t.Errorf("a bystander's page: %s", r)
		}
	})
	for _, p := range []*person{admin, carol} {
		l.worker(func(n int) result {
			at := [][2]string{{"shop", "/orders"}, {"forum", "/mine"}, {"portal", "/profile"}}[n%3]
			return p.get(at[0], at[1])
		})
		l.worker(func(n int) result {
			return p.send(http.MethodPost, []string{"shop", "forum", "portal"}[n%3], "/nothing", url.Values{"a": {"b"}})
		})
	}
	l.worker(func(int) result { // whose older sign-ins end from the hundredth on
		p := &person{name: "bob", browser: e.Browser(), estate: e}
		p.browser.CheckRedirect = carol.browser.CheckRedirect
		return p.send(http.MethodPost, "portal", "/sign-in", url.Values{"email": {"bob@example.com"}, "password": {estate.Password}, "return_to": {"/"}})
	})
	l.more(t, 100)
	if n := active(); n < signIns {
		t.Errorf("%d sign-ins before the ban", n)
	}
	banned := admin.send(http.MethodPost, "portal", "/admin/people/demo-alice/ban", url.Values{"reason": {"spam"}, "until": {"never"}})
	for _, p := range victim {
		for service, path := range private {
			for range 2 { // both replicas
				if r := p.get(service, path); r.status == http.StatusOK {
					t.Errorf("after the ban: %s", r)
				}
			}
		}
	}
	if banned.status != http.StatusSeeOther {
		t.Fatalf("the ban: %s", banned)
	}
	if r := admin.get("portal", banned.header.Get("Location")); r.status != http.StatusOK || strings.Contains(r.page, "not confirmed yet") {
		t.Errorf("the receipt: %s", r)
	}
	eventually(t, "every sign-in has ended", func() bool { return active() == 0 })
	l.more(t, 50)
	l.end()
	t.Logf("%d requests", l.count.Load())
}
