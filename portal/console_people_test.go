package portal_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

// asAlice is a browser in which Alice is signed in, with app one opened.
func (h *house) asAlice() *http.Client {
	h.t.Helper()
	b := h.browser()
	h.signIn(b, "/")
	h.tokens(exchange(h.code(b)))
	return b
}

func (h *house) records() *store.Store { return storetest.New(h.t, h.db) }

// must fails unless the answer has that status and all of these texts.
func (a answer) must(t testing.TB, status int, texts ...string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("%d instead of %d: %v %s", a.status, status, a.to, a.content())
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%q is missing in %s", text, a.content())
		}
	}
	return a
}

// content is a page without what is around all pages.
func (a answer) content() string {
	_, main, _ := strings.Cut(a.body, "<main")
	main, _, _ = strings.Cut(main, "</main>")
	return main
}

// follow asks for the page that an answer leads to.
func (h *house) follow(b *http.Client, a answer) answer {
	h.t.Helper()
	if a.status != http.StatusSeeOther || a.to == nil {
		h.t.Fatalf("%d leads nowhere: %s", a.status, a.body)
	}
	return h.get(b, a.to.RequestURI())
}

const alice = "/admin/people/demo-alice"

func banned(reason, until string) url.Values {
	return url.Values{"reason": {reason}, "until": {until}, "date": {""}}
}

func TestConsole_OnlyForAdministrators(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin, guest, customer := h.asAdmin(), h.browser(), h.asAlice()
		h.get(admin, "/").must(t, http.StatusOK, `href="/admin"`)
		if a := h.get(customer, "/"); strings.Contains(a.body, `href="/admin"`) {
			t.Error("a customer is shown the console")
		}
		for _, path := range []string{"/admin", "/admin/people?q=ali", alice, alice + "/ban", alice + "/unban", alice + "/roles", alice + "/end", "/admin/receipts/X", "/admin/audit", "/admin/audit.csv"} {
			if a := h.get(guest, path); a.status != http.StatusSeeOther || a.to.Path != "/sign-in" || a.to.Query().Get("return_to") != path {
				t.Errorf("a guest at %s: %d %v", path, a.status, a.to)
			}
			h.get(customer, path).must(t, http.StatusForbidden, "You need the role admin. You&#39;re signed in as alice@example.com, with the role customer.")
		}
		for _, path := range []string{alice + "/ban", alice + "/unban", alice + "/roles", alice + "/end", alice + "/sign-ins/x/end"} {
			if a := h.post(guest, path, banned("spam", "never")); a.status != http.StatusSeeOther || a.to.Path != "/sign-in" {
				t.Errorf("a guest posts to %s: %d %v", path, a.status, a.to)
			}
			h.post(customer, path, banned("spam", "never")).must(t, http.StatusForbidden)
		}
		if rows := h.audited(); len(rows) != 0 {
			t.Errorf("the audit has %v", rows)
		}
		// Whoever loses the role loses the console at once, though the sign-in goes on for a moment.
		if _, err := h.db.ExecContext(t.Context(), `UPDATE users SET roles = '["customer"]' WHERE id = 'demo-admin'`); err != nil {
			t.Fatal(err)
		}
		h.get(admin, "/admin/people").must(t, http.StatusForbidden)
	})
}

func TestConsole_PeopleAreFoundAsOneTypes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		var crowd []store.User
		for i := range 60 {
			u := storetest.User(fmt.Sprintf("person%02d@crowd.test", i))
			u.Name = fmt.Sprintf("Crowd <b>%02d</b>", i)
			crowd = append(crowd, u)
		}
		if err := h.records().SeedUsers(t.Context(), crowd); err != nil {
			t.Fatal(err)
		}
		h.get(b, "/admin/people").must(t, http.StatusOK, "<!doctype html", "Crowd &lt;b&gt;", `rel="next"`)
		part := h.fragment(b, "/admin/people?q=CROWD+person07").must(t, http.StatusOK, "person07@crowd.test", `id="people"`)
		if strings.Contains(part.body, "<html") || strings.Contains(part.body, "person08") {
			t.Errorf("the fragment is %s", part.body)
		}
		h.get(b, "/admin/people?q=demo-bob").must(t, http.StatusOK, "bob@example.com")
		h.get(b, "/admin/people?q=nobody-at-all").must(t, http.StatusOK, "No people match")
		h.get(b, "/admin/people?role=analyst&state=active").must(t, http.StatusOK, "carol@example.com")
		h.get(b, "/admin/people?state=banned").must(t, http.StatusOK, "No people match")
		seen := 0
		for page := h.get(b, "/admin/people?q=crowd&size=50"); ; {
			seen += strings.Count(page.body, `@crowd.test</p>`)
			next := hrefOf(page.body, `rel="next"`)
			if next == "" {
				break
			}
			page = h.get(b, next).must(t, http.StatusOK)
		}
		if seen != 60 {
			t.Errorf("the pages list %d people; want 60", seen)
		}
		// Places that nobody handed out are no places.
		for _, odd := range []string{"after=x", "before=%00", "after=bnVsbA", "size=7&state=odd&role=odd", "after=eyJpIjoiXHUwMDAwIn0"} {
			h.get(b, "/admin/people?"+odd).must(t, http.StatusOK, "Crowd")
		}
		h.get(b, "/admin/people/nobody").must(t, http.StatusNotFound)
	})
}

func TestConsole_BanEndsEverythingAndShowsTheReceipt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, victim := h.asAdmin(), h.asAlice()
		h.get(b, alice).must(t, http.StatusOK, "alice@example.com", "Opened App One", "/ban")
		h.get(b, alice+"/ban").must(t, http.StatusOK, "Ban Alice Demo?", `maxlength="500"`)
		for name, c := range map[string]struct {
			form url.Values
			says string
		}{
			"no reason":                  {banned(" ", "never"), "Enter a reason"},
			"a long reason":              {banned(strings.Repeat("é", 501), "never"), "Use at most 500 characters. You entered 501."},
			"no end":                     {banned("spam", ""), "Choose how long the ban lasts."},
			"no date":                    {banned("spam", "date"), "Enter the last day of the ban."},
			"a past date":                {url.Values{"reason": {"spam"}, "until": {"date"}, "date": {"2020-01-01"}}, "This date has passed."},
			"a date beside another term": {url.Values{"reason": {"spam"}, "until": {"never"}, "date": {"2030-01-01"}}, "or clear this field"},
			"a far date":                 {url.Values{"reason": {"spam"}, "until": {"date"}, "date": {"9999-12-31"}}, "more than 10 years"},
		} {
			if a := h.post(b, alice+"/ban", c.form); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, c.says) {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		h.get(victim, "/profile").must(t, http.StatusOK)

		receipt := h.post(b, alice+"/ban", banned("Sold <nothing>", "week"))
		page := h.follow(b, receipt).must(t, http.StatusOK, "Alice Demo: Banned", "Sold &lt;nothing&gt;", "portal-1", "by admin@example.com", "App One", "Delivered", "Show as table")
		if strings.Contains(page.body, "hx-trigger") {
			t.Errorf("a settled receipt asks again: %s", page.body)
		}
		if a := h.get(victim, "/profile"); a.status != http.StatusSeeOther {
			t.Errorf("the banned person is still in: %d", a.status)
		}
		if a := h.post(h.browser(), "/sign-in", url.Values{"email": {"alice@example.com"}, "password": {"gatehouse-demo"}}); a.status != http.StatusForbidden || strings.Contains(a.body, "nothing") {
			t.Errorf("the banned person signs in: %d %s", a.status, a.body)
		}
		h.get(b, alice).must(t, http.StatusOK, "can&#39;t sign in", "Sold &lt;nothing&gt;", "Banned", receipt.to.Path)
		h.get(b, "/admin/people?state=banned").must(t, http.StatusOK, "alice@example.com")
		// Another tab, or another administrator: it is said, and nothing is doubled.
		h.follow(b, h.post(b, alice+"/ban", banned("again", "never"))).must(t, http.StatusOK, "Alice Demo is already banned.")
		h.follow(b, h.get(b, alice+"/ban")).must(t, http.StatusOK, "Alice Demo is already banned.")
		h.get(b, "/admin/sign-ins/failed").must(t, http.StatusOK, "Addresses with failed sign-ins", "127.0.0.1", `data-label="Failed">1<`)
		if rows := h.audited(); len(rows) != 2 || rows[0].Action != "person.sign_in_failed" || rows[0].TargetID != "demo-alice" ||
			rows[1].Action != "person.banned" || rows[1].TargetID != "demo-alice" ||
			rows[1].Detail["reason"] != "Sold <nothing>" || rows[1].IP == "" || rows[1].RequestID == "" {
			t.Errorf("the audit: %+v", rows)
		}
		h.follow(b, h.post(b, alice+"/unban", nil)).must(t, http.StatusOK, "Alice Demo can sign in again.")
		h.follow(b, h.post(b, alice+"/unban", nil)).must(t, http.StatusOK, "Alice Demo is not banned.")
		h.signIn(h.browser(), "/")
		if rows := h.audited(); len(rows) != 3 || rows[0].Action != "person.unbanned" {
			t.Errorf("the audit: %+v", rows)
		}
		// The receipt is there days later.
		h.clock.advance(3 * 24 * time.Hour)
		h.get(h.asAdmin(), receipt.to.Path).must(t, http.StatusOK, "Alice Demo: Banned", "portal-1")
	})
}

func TestConsole_ABanRunsOutByItself(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.post(h.asAdmin(), alice+"/ban", banned("spam", "hour")).must(t, http.StatusSeeOther)
		h.clock.advance(61 * time.Minute)
		h.signIn(h.browser(), "/")
		b := h.asAdmin()
		if a := h.get(b, alice).must(t, http.StatusOK); strings.Contains(a.body, "can&#39;t sign in") {
			t.Error("the page still shows the ban")
		}
	})
}

func TestConsole_NobodyLocksTheConsole(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		const self = "/admin/people/demo-admin"
		h.get(b, self+"/ban").must(t, http.StatusUnprocessableEntity, "You can&#39;t ban yourself")
		h.post(b, self+"/ban", banned("oops", "never")).must(t, http.StatusUnprocessableEntity, "You can&#39;t ban yourself")
		h.get(b, self+"/roles").must(t, http.StatusOK, "This is your own account")
		h.post(b, self+"/roles", url.Values{"had": {"admin"}, "role": {"customer"}}).must(t, http.StatusConflict, "is the only administrator")
		if rows := h.audited(); len(rows) != 0 {
			t.Errorf("the audit has %v", rows)
		}
		h.get(b, self).must(t, http.StatusOK) // still an administrator, still signed in
	})
}

func TestConsole_RolesChange(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, changed := h.asAdmin(), h.asAlice()
		h.get(b, alice+"/roles").must(t, http.StatusOK, `name="had" value="customer"`)
		h.follow(b, h.post(b, alice+"/roles", url.Values{"had": {"customer"}, "role": {"customer", "analyst", "made up"}})).
			must(t, http.StatusOK, "Alice Demo: Roles changed")
		if u, err := h.records().UserByID(t.Context(), "demo-alice"); err != nil || strings.Join(u.Roles, " ") != "customer analyst" {
			t.Errorf("roles %v, %v", u.Roles, err)
		}
		if a := h.get(changed, "/profile"); a.status != http.StatusSeeOther {
			t.Errorf("the sign-in with the old roles goes on: %d", a.status)
		}
		h.post(b, alice+"/roles", url.Values{"had": {"customer"}, "role": {"moderator"}}).must(t, http.StatusConflict, "Someone else has changed the roles", `value="customer analyst"`)
		h.follow(b, h.post(b, alice+"/roles", url.Values{"had": {"customer analyst"}, "role": {"analyst", "customer"}})).must(t, http.StatusOK, "already has these roles")
		if rows := h.audited(); len(rows) != 1 || rows[0].Action != "person.roles_changed" {
			t.Errorf("the audit: %+v", rows)
		}
	})
}

func TestConsole_SignInsEnd(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b, one, two := h.asAdmin(), h.asAlice(), h.asAlice()
		end := actionOf(h.get(b, alice).must(t, http.StatusOK).body, alice+"/sign-ins/")
		h.follow(b, h.post(b, end, nil)).must(t, http.StatusOK, "Signed out by an administrator")
		h.follow(b, h.post(b, end, nil)).must(t, http.StatusOK, "That session was already signed out.")
		left := 0
		for _, victim := range []*http.Client{one, two} {
			if h.get(victim, "/profile").status == http.StatusOK {
				left++
			}
		}
		if left != 1 {
			t.Errorf("%d sign-ins are left; want 1", left)
		}
		h.get(b, alice+"/end").must(t, http.StatusOK, "1 session will be signed out")
		h.follow(b, h.post(b, alice+"/end", nil)).must(t, http.StatusOK, "Signed out by an administrator")
		h.follow(b, h.post(b, alice+"/end", nil)).must(t, http.StatusOK, "signed in anywhere else")
		// The administrator's own: all but this one.
		other := h.asAdmin()
		h.follow(b, h.post(b, "/admin/people/demo-admin/end", nil)).must(t, http.StatusOK)
		if a := h.get(other, "/profile"); a.status != http.StatusSeeOther {
			t.Errorf("the other one is still in: %d", a.status)
		}
		// Nobody else's sign-in ends at this address.
		h.post(b, "/admin/people/demo-bob/sign-ins/"+strings.Split(end, "/")[5]+"/end", nil).must(t, http.StatusNotFound)
		if rows := h.audited(); len(rows) != 3 {
			t.Errorf("the audit: %+v", rows)
		}
	})
}

func TestConsole_AnOldSignInGivesThePasswordFirst(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		b.Transport = env.MalformedCookies{Next: b.Transport}
		h.clock.advance(16 * time.Minute)
		h.get(b, alice).must(t, http.StatusOK) // to look is free
		a := h.get(b, alice+"/ban")
		if a.status != http.StatusSeeOther || a.to.Query().Get("reauth") != "1" || a.to.Query().Get("return_to") != alice+"/ban" {
			t.Fatalf("the form: %d %v", a.status, a.to)
		}
		a = h.post(b, alice+"/ban", banned("What was typed, ü", "week"))
		if a.status != http.StatusSeeOther || a.to.Query().Get("reauth") != "1" || a.to.Query().Get("return_to") != alice+"/ban" {
			t.Fatalf("the act: %d %v", a.status, a.to)
		}
		if rows := h.audited(); len(rows) != 0 {
			t.Fatalf("the audit has %v", rows)
		}
		h.follow(b, a).must(t, http.StatusOK, "Confirm it&#39;s you")
		form := h.follow(b, h.post(b, "/sign-in", url.Values{"reauth": {"1"}, "password": {"gatehouse-demo"}, "return_to": {alice + "/ban"}}))
		form.must(t, http.StatusOK, "What was typed, ü")
		if !regexp.MustCompile(`id="until-week"[^>]* checked`).MatchString(form.body) {
			t.Error("the week that was chosen is not chosen any more")
		}
		if again := h.get(b, alice+"/ban"); strings.Contains(again.body, "What was typed") {
			t.Error("the draft is handed out twice")
		}
		h.post(b, alice+"/ban", banned("spam", "week")).must(t, http.StatusSeeOther)
		if rows := h.audited(); len(rows) != 1 {
			t.Errorf("the audit: %+v", rows)
		}
	})
}

func TestConsole_AuditIsReadAndNeverWritten(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		h.get(b, "/admin/audit").must(t, http.StatusOK, "No activity yet")
		h.post(b, alice+"/ban", banned(`=HYPERLINK("http://evil.test")`, "never")).must(t, http.StatusSeeOther)
		for i := range 60 {
			row := store.Audit{At: h.clock.now(), ActorID: "demo-bob", Actor: "=cmd|' /C calc'!A0", Action: "client.changed", TargetKind: "client", TargetID: fmt.Sprint("c", i)}
			if err := h.records().Apply(t.Context(), store.Audited(row)); err != nil {
				t.Fatal(err)
			}
		}
		h.get(b, "/admin/audit").must(t, http.StatusOK, "Changed a client", `rel="next"`)
		u := storetest.User("maria@xn--bcher-kva.example")
		u.Email = "maria@bücher.example"
		if err := h.records().SeedUsers(t.Context(), []store.User{u}); err != nil {
			t.Fatal(err)
		}
		if err := h.records().Apply(t.Context(), store.Audited(store.Audit{Action: store.EmailChanged, ActorID: u.ID, TargetKind: "user", TargetID: u.ID})); err != nil {
			t.Fatal(err)
		}
		for query, lines := range map[string]int{
			"target=maria%40b%C3%BCcher.example": 1, "actor=Maria%40B%C3%9CCHER.example": 1,
			"actor=admin%40example.com": 1, "actor=demo-bob&kind=client": 60, "target=alice%40example.com": 1, "target=c7": 1, "action=person.banned": 1,
			"action=client.changed&target=c8&from=" + h.clock.now().UTC().Format(time.DateOnly): 1, "to=2020-01-01": 1, "from=nonsense": 62, "": 62,
		} {
			a := h.get(b, "/admin/audit.csv?"+query).must(t, http.StatusOK)
			records, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
			if err != nil || len(records) != lines+1 {
				t.Errorf("%s: %d lines, %v; want %d", query, len(records)-1, err, lines)
			}
			for _, record := range records {
				for _, cell := range record {
					if strings.HasPrefix(cell, "=") {
						t.Errorf("%s: a formula: %s", query, cell)
					}
				}
			}
			if disposition := a.header.Get("Content-Disposition"); !strings.HasPrefix(disposition, `attachment; filename="audit-`) {
				t.Errorf("disposition %q", disposition)
			}
			if page := h.get(b, "/admin/audit?"+query); page.status != http.StatusOK || strings.Count(page.body, `<tr id="a-`) != min(lines, 50) {
				t.Errorf("%s: the page lists %d; want %d", query, strings.Count(page.body, `<tr id="a-`), min(lines, 50))
			}
		}
		older := h.get(b, hrefOf(h.get(b, "/admin/audit").body, `rel="next"`)).must(t, http.StatusOK, "Banned", "=HYPERLINK")
		if n := strings.Count(older.body, `<tr id="a-`); n != 12 {
			t.Errorf("the second page lists %d; want 12", n)
		}
		h.get(b, hrefOf(older.body, `rel="prev"`)).must(t, http.StatusOK, "Changed a client")
		for _, r := range h.app.Handler().Routes() {
			if strings.HasPrefix(r.Path, "/admin/audit") && r.Method != http.MethodGet && r.Method != http.MethodHead {
				t.Errorf("the audit can be written by %s %s", r.Method, r.Path)
			}
		}
	})
}

// hrefOf is where the first link leads that has that attribute, "" if there is none.
func hrefOf(body, attribute string) string {
	for _, tag := range strings.Split(body, "<a ")[1:] {
		tag, _, _ = strings.Cut(tag, ">")
		if _, href, ok := strings.Cut(tag, `href="`); ok && strings.Contains(tag, attribute) {
			href, _, _ = strings.Cut(href, `"`)
			return strings.ReplaceAll(href, "&amp;", "&")
		}
	}
	return ""
}

// actionOf is the first form's action that begins so.
func actionOf(body, beginning string) string {
	_, rest, ok := strings.Cut(body, `action="`+beginning)
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, `"`)
	return beginning + rest
}

// Failed sign-ins to an account do not hide what administrators did to it.
func TestConsole_PersonShowsWhatAdministratorsDid(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		h.post(b, alice+"/ban", banned("spam", "never")).must(t, http.StatusSeeOther)
		for range 12 {
			h.post(h.browser(), "/sign-in", url.Values{"email": {"alice@example.com"}, "password": {"not her password"}})
		}
		page := h.get(b, alice).must(t, http.StatusOK, "by admin@example.com")
		if strings.Contains(page.body, "Failed to sign in") || strings.Count(page.body, "by admin@example.com") != 2 { // the ban, and the list of what was done
			t.Error("the page shows what others did, or not who banned her")
		}
	})
}
