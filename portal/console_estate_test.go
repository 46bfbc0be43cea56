package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal"
)

// exchangeAt gets tokens for a code as a replica of client one that says its name.
func (h *house) exchangeAt(form url.Values, replica string) map[string]any {
	h.t.Helper()
	a := h.post(h.browser(), "/oauth/token", form, "Authorization", basic("one", secretOne), "User-Agent", "Gatehouse-RP ("+replica+")")
	if a.status != http.StatusOK {
		h.t.Fatalf("token endpoint answered %d: %s", a.status, a.body)
	}
	return a.json(h.t)
}

// fragment asks for the part of a page that refreshes itself.
func (h *house) fragment(b *http.Client, path string) answer {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodGet, h.issuer+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("HX-Request", "true")
	return h.do(b, r)
}

// shows reports which of the texts a page lacks, or has though it should not (those after "not").
func (h *house) shows(b *http.Client, path string, texts ...string) answer {
	h.t.Helper()
	page := h.get(b, path)
	if page.status != http.StatusOK {
		h.t.Fatalf("%s answered %d: %s", path, page.status, page.body)
	}
	part := h.fragment(b, path)
	if part.status != http.StatusOK || strings.Contains(part.body, "<html") {
		h.t.Errorf("%s for htmx: %d, %s", path, part.status, part.body)
	}
	wanted := true
	for _, text := range texts {
		if text == "not" {
			wanted = false
			continue
		}
		if strings.Contains(page.body, text) != wanted || strings.Contains(part.body, text) != wanted {
			h.t.Errorf("%s: %q is shown: %v, in the part: %v; want %v", path, text, !wanted, strings.Contains(part.body, text), wanted)
		}
	}
	return page
}

var endPath = regexp.MustCompile(`action="(/admin/sign-ins/[^/]+/end)"`)

func TestConsole_SignInsByAppAndReplica(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin, alice := h.asAdmin(), h.browser()
		h.shows(admin, "/admin/sign-ins", "Admin Demo", "This browser", "None yet", "on portal-1", "not", "Alice Demo", "/end")
		h.signIn(alice, "/")
		set := h.exchangeAt(exchange(h.code(alice, "scope", "openid offline_access")), "one-2")
		h.clock.advance(5 * time.Second) // counts are kept for a moment
		h.shows(admin, "/admin/sign-ins", "Alice Demo", "App One", "· one-2", "127.0.0.1")
		h.shows(admin, "/admin/sign-ins?app=one", "Alice Demo", "one-2", "not", "This browser")
		h.shows(admin, "/admin/sign-ins?app=one&replica=one-2", "Alice Demo")
		h.shows(admin, "/admin/sign-ins?app=one&replica=one-3", "No sign-ins found", "not", "alice@example.com")
		h.shows(admin, "/admin/sign-ins?app=portal&replica=portal-1", "Alice Demo", "Admin Demo")
		h.shows(admin, "/admin/sign-ins?app=two", "No sign-ins found", "All sign-ins")
		// The app is where it asked for tokens last.
		h.clock.advance(2 * time.Minute)
		h.exchangeAt(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(set, "refresh_token")}}, "one-3")
		h.shows(admin, "/admin/sign-ins?app=one&replica=one-3", "Alice Demo", "· one-3", "not", "· one-2")
		// A client that is not ours does not say its name, or says something else.
		bob := h.browser()
		h.signIn(bob, "/", "email", "bob@example.com")
		h.exchangeAt(exchange(h.code(bob)), "<b>) (x")
		h.clock.advance(5 * time.Second)
		h.shows(admin, "/admin/sign-ins?app=one&replica=-", "Bob Demo", "Unknown server", "not", "Alice Demo", "<b>)")
		for _, odd := range []string{"app=%00", "app=one&replica=%FF", "after=x", "after=1~", "before=99999999999999999~a", "after=1~%00&before=1~a&app=%27%20OR%201=1"} {
			if a := h.get(admin, "/admin/sign-ins?"+odd); a.status != http.StatusOK {
				t.Errorf("%s: %d", odd, a.status)
			}
		}
	})
}

func TestConsole_SignInsByPage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.asAdmin()
		for i := range 120 {
			if _, err := h.db.ExecContext(t.Context(), h.db.Rebind(`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, replica)
				SELECT ?, id, ?, ?, 'portal-7' FROM users WHERE email_normalised = 'bob@example.com'`),
				fmt.Sprintf("many-%03d", i), db.Millis(h.clock.now()), db.Millis(h.clock.now().Add(-time.Hour))+int64(i/3)); err != nil {
				t.Fatal(err)
			}
		}
		next, prev := regexp.MustCompile(`href="([^"]+)" rel="next"`), regexp.MustCompile(`href="([^"]+)" rel="prev"`)
		row := regexp.MustCompile(`id="s-(many-\d+)"`)
		var got []string
		path := "/admin/sign-ins?app=portal&replica=portal-7"
		var pages []string
		for path != "" && len(pages) < 5 {
			a := h.get(admin, path)
			for _, m := range row.FindAllStringSubmatch(a.body, -1) {
				got = append(got, m[1])
			}
			pages = append(pages, path)
			if m := next.FindStringSubmatch(a.body); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			} else {
				path = ""
			}
		}
		if len(pages) != 3 || len(got) != 120 || !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Fatalf("%d pages, %d rows: %v", len(pages), len(got), got)
		}
		for range 2 { // back from the third to the first
			m := prev.FindStringSubmatch(h.get(admin, pages[len(pages)-1]).body)
			if m == nil {
				t.Fatal("no way back")
			}
			pages = append(pages, strings.ReplaceAll(m[1], "&amp;", "&"))
		}
		a := h.get(admin, pages[len(pages)-1])
		if first := row.FindStringSubmatch(a.body); first == nil || first[1] != got[0] || prev.MatchString(a.body) {
			t.Errorf("back at the beginning: %v, %v", first, prev.FindString(a.body))
		}
	})
}

func TestConsole_EndOneSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin, alice, phone := h.asAdmin(), h.browser(), h.browser()
		h.signIn(alice, "/")
		h.exchangeAt(exchange(h.code(alice)), "one-2")
		h.signIn(phone, "/")
		page := h.get(admin, "/admin/sign-ins?app=one")
		path := firstOf(t, endPath, page.body)
		h.clock.advance(16 * time.Minute)
		if a := h.post(admin, path, url.Values{"back": {"app=one"}}); a.status != http.StatusSeeOther || a.to.Path != "/sign-in" ||
			a.to.Query().Get("reauth") != "1" || a.to.Query().Get("return_to") != "/admin/sign-ins" {
			t.Fatalf("with an old sign-in: %d to %v", a.status, a.to)
		}
		h.signIn(admin, "/", "email", "admin@example.com")
		a := h.post(admin, path, url.Values{"back": {"app=one"}})
		if a.status != http.StatusSeeOther || a.to.RequestURI() != "/admin/sign-ins?app=one" {
			t.Fatalf("answered %d to %v: %s", a.status, a.to, a.body)
		}
		if a := h.get(admin, "/admin/sign-ins"); !strings.Contains(a.body, " was signed out in ") || !strings.Contains(a.body, ". 1 of 1 servers confirmed") {
			t.Errorf("no word of it: %s", a.body)
		}
		if a := h.get(alice, "/profile"); a.status != http.StatusSeeOther {
			t.Errorf("still signed in: %d", a.status)
		}
		if a := h.get(phone, "/profile"); a.status != http.StatusOK {
			t.Errorf("the other browser was signed out: %d", a.status)
		}
		if heard := h.apps.heard("/one"); len(heard) != 1 {
			t.Errorf("client one heard %d logout tokens", len(heard))
		}
		if a := h.post(admin, path, nil); a.status != http.StatusSeeOther || a.to.RequestURI() != "/admin/sign-ins" {
			t.Errorf("once more: %d to %v", a.status, a.to)
		}
		for _, sid := range []string{"unknown", "%00", "a%20b", strings.Repeat("x", 500)} {
			if a := h.post(admin, "/admin/sign-ins/"+sid+"/end", nil); a.status != http.StatusNotFound {
				t.Errorf("sign-in %.20q: %d", sid, a.status)
			}
		}
		rows := h.audited()
		if len(rows) == 0 || rows[0].Action != "person.sign_in_ended" || rows[0].TargetKind != "user" || rows[0].TargetID != "demo-alice" || rows[0].Actor != "admin@example.com" || rows[0].Target != "alice@example.com" || rows[0].IP == "" {
			t.Errorf("audit: %+v", rows)
		}
		if strings.Count(fmt.Sprint(rows), "sign_in_ended") != 1 {
			t.Errorf("audit: %+v", rows)
		}
		h.get(admin, "/admin/people/demo-alice").must(t, http.StatusOK, `<span class="font-medium">Signed out a session</span>`)
	})
}

func TestConsole_ServersAndOverview(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin, alice := h.asAdmin(), h.browser()
		// A server tells of itself each second: first that it is loading.
		for until := time.Now().Add(20 * time.Second); !strings.Contains(h.fragment(admin, "/admin").body, "1 of 1"); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatal("the server does not get well")
			}
		}
		h.shows(admin, "/admin/servers", "portal-1", "badge-success", "503 in 1 s", "not", "Not responding</span>", "Server status is unavailable")
		h.shows(admin, "/admin", "with an account", "No sign-outs or bans yet", "1 of 1", "ES256", "0 failed", `href="/admin/denylist"`)
		h.signIn(alice, "/")
		h.post(alice, "/sign-out", nil)
		h.clock.advance(5 * time.Second)
		h.shows(admin, "/admin", "Alice Demo", "Signed out", "1 of 1", "log position ", "/admin/receipts/", "not", "No sign-outs or bans yet")
	})
}

func TestConsole_DenylistFilteredAndSearched(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin, alice := h.asAdmin(), h.browser()
		h.shows(admin, "/admin/denylist", "The denylist is empty")
		h.signIn(alice, "/")
		h.post(alice, "/sign-out", nil)
		page := h.shows(admin, "/admin/denylist", "Alice Demo", "Signed out", "The user", "in Portal", "not", "The denylist is empty", "Waiting for Redis</span>")
		sid := firstOf(t, regexp.MustCompile(`title="([A-Z2-7]{26})"`), page.body)
		for _, found := range []string{"q=alice", "q=Demo+Al", "q=" + sid, "kind=sid", "reason=sign_out", "kind=sid&reason=sign_out&q=alice%40example.com", "kind=nonsense&reason=nonsense&after=-1"} {
			h.shows(admin, "/admin/denylist?"+found, "Alice Demo", sid)
		}
		for _, nothing := range []string{"q=bob", "q=" + sid[:20], "kind=sub", "kind=jti&q=" + sid, "reason=banned", "state=waiting", "q=%25", "q=%27+OR+1%3D1"} {
			h.shows(admin, "/admin/denylist?"+nothing, "No matching entries", "not", sid+"</p>")
		}
		if a := h.get(admin, "/admin/denylist?q=%00"); a.status != http.StatusBadRequest {
			t.Errorf("a NUL: %d", a.status)
		}
		now := db.Millis(h.clock.now())
		for i := range 60 {
			if _, err := h.db.ExecContext(t.Context(), h.db.Rebind(`INSERT INTO revocations (ending, kind, value, reason, at, until_at)
				VALUES ('e', 'jti', ?, 'token_revoked', ?, ?)`), fmt.Sprintf("token-%02d", i), now, now+3_600_000); err != nil {
				t.Fatal(err)
			}
		}
		h.clock.advance(5 * time.Second)
		a := h.shows(admin, "/admin/denylist?state=waiting", "token-59", "token-10", "Waiting for Redis", "not", "token-09", "Alice Demo")
		next := firstOf(t, regexp.MustCompile(`href="([^"]+)" rel="next"`), a.body)
		h.shows(admin, strings.ReplaceAll(next, "&amp;", "&"), "token-09", "token-00", "not", "token-10", "Alice Demo")
		h.shows(admin, "/admin/denylist?q=token-07.unique", "token-07</p>", "not", "token-08")
		h.shows(admin, "/admin", "60 denylist entries are waiting for Redis")
	})
}

func TestConsole_DeliveriesAreSentAgain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin, b := h.asAdmin(), h.browser()
		h.shows(admin, "/admin/deliveries", "No failed deliveries")
		h.apps.behave("/one", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
		opened(h, b)
		h.post(b, "/sign-out", nil)
		page := h.shows(admin, "/admin/deliveries?state=waiting", "App One", h.apps.server.URL+"/one", "not", "App Two", "No deliveries waiting")
		again := firstOf(t, regexp.MustCompile(`action="(/admin/deliveries/[^/"]+/again)"`), page.body)
		h.shows(admin, "/admin/deliveries?state=waiting&client=two", "No deliveries waiting")
		h.clock.advance(5 * time.Second)
		h.shows(admin, "/admin", "1 <", "waiting")

		if _, err := h.db.ExecContext(t.Context(), h.db.Rebind(`UPDATE backchannel_outbox SET next_attempt_at = ?`), db.Millis(h.clock.now().Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		h.apps.behave("/one", nil)
		if a := h.post(admin, again, url.Values{"back": {"state=waiting"}}); a.status != http.StatusSeeOther || a.to.RequestURI() != "/admin/deliveries?state=waiting" {
			t.Fatalf("answered %d to %v: %s", a.status, a.to, a.body)
		}
		h.get(admin, "/admin/deliveries").must(t, http.StatusOK, "Resending the notice.")
		h.post(admin, again, nil)
		h.get(admin, "/admin/deliveries").must(t, http.StatusOK, "Nothing to send")
		ctx, stop := contextOf(t)
		ended := make(chan error, 1)
		go func() { ended <- h.app.Run(ctx) }()
		for until := time.Now().Add(20 * time.Second); len(h.apps.heard("/one")) == 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatal("it was not sent again")
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if _, err := h.db.ExecContext(t.Context(), h.db.Rebind(`UPDATE backchannel_outbox SET delivered_at = NULL, given_up_at = ?, last_error = 'answered 500'`),
			db.Millis(h.clock.now())); err != nil {
			t.Fatal(err)
		}
		h.shows(admin, "/admin/deliveries", "App One", "App Two", "answered 500", "not", "Resend all")
		h.shows(admin, "/admin/deliveries?client=two", "App Two", "Resend all", "not", "/one")
		if a := h.post(admin, "/admin/deliveries/clients/two/again", url.Values{"back": {"client=two"}}); a.status != http.StatusSeeOther || a.to.RequestURI() != "/admin/deliveries?client=two" {
			t.Fatalf("answered %d to %v: %s", a.status, a.to, a.body)
		}
		h.shows(admin, "/admin/deliveries", "App One", "not", "App Two</p>")
		h.shows(admin, "/admin/deliveries?state=waiting", "App Two")
		for path, want := range map[string]int{"/admin/deliveries/unknown/again": http.StatusNotFound, "/admin/deliveries/%00/again": http.StatusNotFound, "/admin/deliveries/clients/nobody/again": http.StatusSeeOther} {
			if a := h.post(admin, path, nil); a.status != want {
				t.Errorf("%s: %d, want %d", path, a.status, want)
			}
		}
		var actions []string
		for _, r := range h.audited() {
			actions = append(actions, r.Action+" "+r.TargetID)
		}
		if len(actions) != 2 {
			t.Errorf("audited, though nothing was sent: %v", actions)
		}
		if !slices.Contains(actions, "delivery.all_sent_again two") || !strings.Contains(strings.Join(actions, ","), "delivery.sent_again ") {
			t.Errorf("audit: %v", actions)
		}
	})
}

func TestConsole_EstateIsForAdministrators(t *testing.T) {
	h := newHouseWith(t, func(*portal.Deps) {})
	alice := h.browser()
	h.signIn(alice, "/")
	for _, path := range []string{"/admin", "/admin/sign-ins", "/admin/servers", "/admin/denylist", "/admin/deliveries"} {
		if a := h.get(alice, path); a.status != http.StatusForbidden {
			t.Errorf("%s as a customer: %d", path, a.status)
		}
		if a := h.get(h.browser(), path); a.status != http.StatusSeeOther || a.to.Query().Get("return_to") != path {
			t.Errorf("%s as a guest: %d to %v", path, a.status, a.to)
		}
	}
	for _, path := range []string{"/admin/sign-ins/a/end", "/admin/deliveries/a/again", "/admin/deliveries/clients/one/again"} {
		if a := h.post(alice, path, nil); a.status != http.StatusForbidden {
			t.Errorf("%s as a customer: %d", path, a.status)
		}
	}
}

func TestConsole_HealthSaysWhatWorks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		admin := h.asAdmin()
		h.shows(admin, "/admin/health", "Database", "Redis", "Denylist", "Deliveries", "Each algorithm has an active key.")
		h.get(admin, "/admin/sign-ins/failed").must(t, http.StatusOK, "No sign-in has failed in the last 24 hours.")
	})
}
