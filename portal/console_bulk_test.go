package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

// bulk is the address of an action on people.
func bulk(action string, ids ...string) string {
	return "/admin/people/bulk?" + url.Values{"action": {action}, "id": ids, "back": {"q=demo"}}.Encode()
}

// count returns how often text is in an answer.
func (a answer) count(text string) int { return strings.Count(a.body, text) }

// seed creates n people, and returns their ids.
func (h *house) seed(n int, change func(i int, u *store.User)) (ids []string) {
	h.t.Helper()
	var crowd []store.User
	for i := range n {
		u := storetest.User(fmt.Sprintf("many%02d@crowd.test", i))
		u.Name = fmt.Sprintf("Crowd %02d", i)
		change(i, &u)
		crowd, ids = append(crowd, u), append(ids, u.ID)
	}
	if err := h.records().SeedUsers(h.t.Context(), crowd); err != nil {
		h.t.Fatal(err)
	}
	return ids
}

func TestConsoleBulk_BansEachOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, victim := h.asAdmin(), h.asAlice()
		h.get(b, "/admin/people?q=demo").must(t, http.StatusOK, `value="demo-alice" aria-label="Select Alice Demo"`, "Select all on this page", `name="back" value="q=demo"`)
		if a := h.get(b, "/admin/people?q=demo&select=all"); a.count(" checked") != 4 {
			t.Errorf("%d people are selected; want 4", a.count(" checked"))
		}
		gone := h.seed(1, func(_ int, u *store.User) { u.DeletedAt, u.DisabledAt = storetest.Now, storetest.Now })[0]
		all := bulk("ban", "demo-alice", "demo-bob", "demo-admin", gone, "no-such-person", "demo-alice", "\x00\xff", "<b>")
		h.get(b, all).must(t, http.StatusOK, "Ban 2 people?", "Alice Demo", "Bob Demo", "Your own account", "Deleted account", "No account has this ID",
			`maxlength="500"`, `href="/admin/people?q=demo"`)
		h.post(b, all, banned(" ", "date")).must(t, http.StatusUnprocessableEntity, "Enter a reason", "Enter the last day of the ban.", "Alice Demo", "Ban 2 people?")
		if rows := h.audited(); len(rows) != 0 {
			t.Errorf("the audit has %v", rows)
		}
		page := h.post(b, all, banned("Sold <nothing>", "week")).must(t, http.StatusOK, "2 of 7 people banned", "Receipt of Alice Demo", "Receipt of Bob Demo", "Your own account")
		if n := page.count(`href="/admin/receipts/`); n != 2 {
			t.Errorf("%d receipts; want 2", n)
		}
		h.get(b, hrefOf(page.body, `aria-label="Receipt of Alice Demo"`)).must(t, http.StatusOK, "Alice Demo: Banned", "Sold &lt;nothing&gt;", "by admin@example.com")
		if a := h.get(victim, "/profile"); a.status != http.StatusSeeOther {
			t.Errorf("the banned person is still in: %d", a.status)
		}
		// The form is sent twice.
		page = h.post(b, all, banned("Sold <nothing>", "week")).must(t, http.StatusOK, "0 of 7 people banned", "Already banned")
		if page.count("/admin/receipts/") != 0 {
			t.Error("the second form has receipts")
		}
		if rows := h.audited(); len(rows) != 2 || rows[0].Action != "person.banned" || rows[1].Action != "person.banned" ||
			rows[0].RequestID == "" || rows[0].RequestID != rows[1].RequestID || rows[0].Detail["reason"] != "Sold <nothing>" || rows[0].Detail["until"] == nil {
			t.Errorf("the audit: %+v", rows)
		}
		h.get(b, bulk("unban", "demo-alice", "demo-carol")).must(t, http.StatusOK, "Lift the ban of 1 person?", "Not banned")
		h.post(b, bulk("unban", "demo-alice", "demo-carol"), nil).must(t, http.StatusOK, "Ban lifted for 1 of 2 people", "Not banned")
		h.signIn(h.browser(), "/")
	})
}

func TestConsoleBulk_TwoFormsAtOnceBanOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		ids := h.seed(12, func(int, *store.User) {})
		var wg sync.WaitGroup
		var pages [2]answer
		for i := range pages {
			wg.Go(func() { pages[i] = h.post(b, bulk("ban", ids...), banned("spam", "never")) })
		}
		wg.Wait()
		if n := pages[0].count("/admin/receipts/") + pages[1].count("/admin/receipts/"); n != 12 {
			t.Errorf("%d receipts; want 12: %s %s", n, pages[0].content(), pages[1].content())
		}
		if rows := h.audited(); len(rows) != 12 {
			t.Errorf("%d rows of the audit; want 12", len(rows))
		}
	})
}

func TestConsoleBulk_OneAdministratorStays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if _, err := h.db.ExecContext(t.Context(), `UPDATE users SET roles = '["admin"]' WHERE id = 'demo-alice'`); err != nil {
			t.Fatal(err)
		}
		one, two := h.asAdmin(), h.asAlice()
		var wg sync.WaitGroup
		wg.Go(func() { h.post(one, bulk("ban", "demo-alice", "demo-admin"), banned("you", "never")) })
		wg.Go(func() { h.post(two, bulk("ban", "demo-admin", "demo-alice"), banned("you", "never")) })
		wg.Wait()
		out := 0
		for _, id := range []string{"demo-alice", "demo-admin"} {
			u, err := h.records().UserByID(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if u.Disabled(h.clock.now()) {
				out++
			}
		}
		if out != 1 {
			t.Errorf("%d of two administrators are banned; want 1", out)
		}
	})
}

func TestConsoleBulk_AtMostFifty(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		ids := h.seed(51, func(int, *store.User) {})
		for _, a := range []answer{h.get(b, bulk("ban", ids...)), h.post(b, bulk("ban", ids...), banned("spam", "never"))} {
			a.must(t, http.StatusUnprocessableEntity, "You selected 51 people.", "at most 50")
		}
		if a := h.get(b, "/admin/people?size=100&select=all").must(t, http.StatusOK, "Select the first 50"); a.count(" checked") != 50 {
			t.Errorf("%d people are selected; want 50", a.count(" checked"))
		}
		h.get(b, bulk("odd", "demo-alice")).must(t, http.StatusUnprocessableEntity, "No such action")
		h.follow(b, h.get(b, bulk("ban"))).must(t, http.StatusOK, "Select at least one person.")
		h.follow(b, h.post(b, bulk("ban"), nil)).must(t, http.StatusOK, "Select at least one person.")
		page := h.post(b, bulk("ban", ids[:50]...), banned("spam", "never")).must(t, http.StatusOK, "50 of 50 people banned")
		if n := page.count("/admin/receipts/"); n != 50 {
			t.Errorf("%d receipts; want 50", n)
		}
		if rows := h.audited(); len(rows) != 50 {
			t.Errorf("%d rows of the audit; want 50", len(rows))
		}
	})
}

func TestConsoleBulk_SignsOutEverywhereButHere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, victim, other := h.asAdmin(), h.asAlice(), h.asAdmin()
		page := h.post(b, bulk("end", "demo-alice", "demo-bob", "demo-admin"), nil).must(t, http.StatusOK, "2 of 3 people signed out everywhere", "Not signed in")
		if n := page.count("/admin/receipts/"); n != 2 {
			t.Errorf("%d receipts; want 2", n)
		}
		h.get(b, "/admin").must(t, http.StatusOK)
		for _, out := range []*http.Client{victim, other} {
			if a := h.get(out, "/profile"); a.status != http.StatusSeeOther {
				t.Errorf("still signed in: %d", a.status)
			}
		}
		h.post(b, bulk("end", "demo-alice", "demo-admin"), nil).must(t, http.StatusOK, "0 of 2 people", "Not signed in anywhere else")
	})
}

func TestConsoleBulk_AsksForThePassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		guest, customer, b := h.browser(), h.asAlice(), h.asAdmin()
		h.post(customer, bulk("ban", "demo-bob"), banned("spam", "never")).must(t, http.StatusForbidden)
		if a := h.post(guest, bulk("ban", "demo-bob"), banned("spam", "never")); a.status != http.StatusSeeOther || a.to.Path != "/sign-in" {
			t.Errorf("a guest: %d %v", a.status, a.to)
		}
		h.clock.advance(16 * time.Minute)
		path := bulk("ban", "demo-alice", "demo-bob")
		for _, a := range []answer{h.get(b, path), h.post(b, path, banned("What was typed, ü", "week"))} {
			if a.status != http.StatusSeeOther || a.to.Query().Get("reauth") != "1" || a.to.Query().Get("return_to") != path {
				t.Fatalf("%d %v", a.status, a.to)
			}
		}
		h.follow(b, h.post(b, "/sign-in", url.Values{"reauth": {"1"}, "password": {"gatehouse-demo"}, "return_to": {path}})).
			must(t, http.StatusOK, "What was typed, ü", "Alice Demo", "Bob Demo")
		if rows := h.audited(); len(rows) != 0 {
			t.Errorf("the audit has %v", rows)
		}
	})
}
