package portal_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

// Redis loses everything: nobody is signed out, nobody who was signed out or banned comes back, and what the denylist
// held it holds again before anybody is let in.
func TestRedisRestartedEmpty_SignsNobodyOutAndLetsNobodyBackIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		shop := env.Denied(t, h.rdb, "shop")
		ctx, stop := contextOf(t)
		running := make(chan error, 1)
		go func() { running <- h.app.Run(ctx) }()
		defer func() { stop(); <-running }()

		innocent := h.enter(h.person("innocent@example.com"), shop)
		idle := h.enter(h.person("idle@example.com"), shop)
		h.clock.advance(5 * time.Hour) // and nobody used it
		if !innocent.portal(h) {
			t.Fatal("not signed in")
		}
		h.clock.advance(4 * time.Hour)
		out := h.enter(h.person("out@example.com"), shop)
		left := h.withCookies(out.browser)
		banned := h.enter(h.person("banned@example.com"), shop)
		renewed := h.enter(h.person("renewed@example.com"), shop)
		old := h.withCookies(renewed.browser)
		if a := h.post(out.browser, "/sign-out", nil); a.status != http.StatusSeeOther {
			t.Fatal(a.status)
		}
		admin := h.asAdmin()
		if a := h.post(admin, "/admin/people/"+banned.sub+"/ban", url.Values{"reason": {"spam"}, "until": {"never"}}); a.status != http.StatusSeeOther {
			t.Fatalf("ban: %d %s", a.status, a.body)
		}
		form := url.Values{"current_password": {demoPassword}, "new_password": {"five quiet grey herons"}}
		if a := h.post(renewed.browser, "/profile/password", form); a.status != http.StatusSeeOther {
			t.Fatalf("password: %d %s", a.status, a.body)
		}
		if err := h.rdb.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if !innocent.portal(h) || !renewed.portal(h) {
			t.Error("a Redis that lost its memory signed somebody out")
		}
		if a := h.get(innocent.browser, authorizeURL("prompt", "none")); a.to == nil || a.to.Query().Get("code") == "" {
			t.Errorf("apps have to ask again: %d %v", a.status, a.to)
		}
		for what, b := range map[string]*http.Client{"who signed out": left, "who was banned": banned.browser, "a cookie of before the new password": old, "an idle session": idle.browser} {
			if h.get(b, "/profile").status == http.StatusOK {
				t.Errorf("%s is in again", what)
			}
		}
		for deadline := time.Now().Add(20 * time.Second); shop.Ready(ctx) != nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the denylist was not rebuilt")
			}
		}
		if !innocent.app() || out.app() || banned.app() {
			t.Errorf("the apps let in: innocent %v, signed out %v, banned %v", innocent.app(), out.app(), banned.app())
		}
		// What came back ends like any other.
		a := h.post(innocent.browser, "/sign-out", nil)
		if portal, app := innocent.portal(h), innocent.app(); a.status != http.StatusSeeOther || portal || app {
			t.Errorf("signing out afterwards answered %d; in at the portal: %v, in the apps: %v", a.status, portal, app)
		}
	})
}
