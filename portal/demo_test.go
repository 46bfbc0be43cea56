package portal_test

import (
	"net/http"
	"net/url"
	"testing"

	"gatehouse.example/portal"
)

// The same database, first with demo accounts and then without.
func TestDemo_AccountsEndWithTheDemo(t *testing.T) {
	demo := newHouseWith(t, func(*portal.Deps) {})
	admin, alice := demo.asAdmin(), demo.browser()
	demo.signIn(alice, "/")
	refresh := text(demo.tokens(exchange(demo.code(alice, "scope", "openid offline_access"))), "refresh_token")

	h := newHouse(t, demo.db, demo.rdb, func(d *portal.Deps) { d.Demo = false })
	admin.Transport, alice.Transport = h.transport(), h.transport()
	wrong := h.post(h.browser(), "/sign-in", url.Values{"email": {"admin@example.com"}, "password": {"not it, at all"}})
	right := h.post(h.browser(), "/sign-in", url.Values{"email": {"admin@example.com"}, "password": {"gatehouse-demo"}})
	if right.status != http.StatusUnprocessableEntity || wrong.status != right.status || len(wrong.header["Set-Cookie"]) != len(right.header["Set-Cookie"]) {
		t.Errorf("the published password: %d; a wrong one: %d", right.status, wrong.status)
	}
	if a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}); a.status != http.StatusBadRequest || text(a.json(t), "error") != "invalid_grant" {
		t.Errorf("a refresh: %d %s", a.status, a.body)
	}
	if a := h.get(alice, authorizeURL()); a.to != nil && a.to.Query().Get("code") != "" {
		if a := h.token(exchange(a.to.Query().Get("code"))); a.status != http.StatusBadRequest {
			t.Errorf("an app is opened: %d %s", a.status, a.body)
		}
	}
	for range 2 {
		if a := h.get(admin, "/admin"); a.status != http.StatusSeeOther || a.to.Path != "/sign-in" {
			t.Errorf("the console: %d to %v", a.status, a.to)
		}
	}
	demo.signIn(demo.browser(), "/") // another replica, where they are on
}
