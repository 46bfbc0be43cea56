package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

func TestRedisAway_NobodyIsSignedOut(t *testing.T) {
	server, rdb := env.OwnRedis(t, t.TempDir())
	h := newHouse(t, env.DB(t, "portal"), rdb)
	b := h.browser()
	h.signIn(b, "/")
	code := h.code(b)
	access := text(h.tokens(exchange(h.code(b))), "access_token")

	server.Stop()
	if a := h.get(b, authorizeURL()); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("authorize: %d, %v", a.status, a.header)
	}
	if a := h.get(b, authorizeURL("prompt", "none")); a.to == nil || a.to.Query().Get("error") != "temporarily_unavailable" {
		t.Errorf("authorize with prompt=none: %d %v", a.status, a.to)
	}
	for name, a := range map[string]answer{"token": h.token(exchange(code)), "userinfo": h.refusing(func() answer { return h.userinfo(access) })} {
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || text(a.json(t), "error") != "temporarily_unavailable" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := h.get(b, "/oauth/logout"); a.status != http.StatusServiceUnavailable {
		t.Errorf("logout: %d", a.status)
	}
	// What needs no Redis works on.
	h.tokens(url.Values{"grant_type": {"client_credentials"}})
	if a := h.get(b, "/.well-known/openid-configuration"); a.status != http.StatusOK {
		t.Errorf("discovery: %d", a.status)
	}

	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	var a answer
	for range 100 { // the client looks for the server again once a second
		if a = h.get(b, authorizeURL()); a.status != http.StatusServiceUnavailable {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if a.to == nil || a.to.Query().Get("code") == "" {
		t.Errorf("after Redis came back: %d %v", a.status, a.to)
	}
}

// With a Redis whose memory is full, signed-in users go on reading, sign-outs and bans take effect and are confirmed,
// and only new sign-ins are refused.
func TestRedisFull_OnlyNewSignInsAreRefused(t *testing.T) {
	_, rdb := env.OwnRedis(t, "")
	h := newHouse(t, env.DB(t, "portal"), rdb)
	admin, alice, leaving := h.browser(), h.browser(), h.browser()
	h.signIn(admin, "/", "email", "admin@example.com")
	h.signIn(alice, "/")
	h.signIn(leaving, "/")
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(10 * time.Minute) // so that "last seen" is due
	for range 2 {
		if a := h.get(alice, "/profile"); a.status != http.StatusOK {
			t.Errorf("a page that reads: %d", a.status)
		}
	}
	if a := h.post(h.browser(), "/sign-in", url.Values{"email": {"alice@example.com"}, "password": {"gatehouse-demo"}}); a.status != http.StatusServiceUnavailable ||
		a.header.Get("Retry-After") == "" {
		t.Errorf("a new sign-in: %d", a.status)
	}
	if a := h.post(leaving, "/sign-out", nil); a.status != http.StatusSeeOther {
		t.Errorf("a sign-out: %d", a.status)
	}
	if a := h.get(leaving, "/profile"); a.status != http.StatusSeeOther {
		t.Errorf("after the sign-out: %d", a.status)
	}
	a := h.post(admin, "/admin/people/demo-alice/ban", url.Values{"reason": {"For the test."}, "until": {"never"}})
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.to.Path, "/admin/receipts/") {
		t.Fatalf("a ban: %d to %v", a.status, a.to)
	}
	if page := h.get(admin, a.to.Path); strings.Contains(page.body, "not confirmed yet") {
		t.Error("the ban is not confirmed")
	}
	if a := h.get(alice, "/profile"); a.status != http.StatusSeeOther {
		t.Errorf("after the ban: %d", a.status)
	}
}

// What writes says 503 while SQLite's disk is full, and works again without a restart; what reads goes on.
func TestDiskFull_IsA503AndPasses(t *testing.T) {
	h := newHouse(t, env.DB(t, "portal"), env.MiniRedis(t))
	b := h.browser()
	h.signIn(b, "/")
	refreshToken := text(h.tokens(exchange(h.code(b, "scope", "openid offline_access"))), "refresh_token")
	writes := map[string]func(n int) answer{
		"registration": func(n int) answer {
			return h.post(h.browser(), "/register", url.Values{
				"name": {strings.Repeat("n", 80)}, "email": {fmt.Sprint("fay", n, "@", strings.Repeat("e", 60), ".example")},
				"password": {"a long and unusual password"},
			})
		},
		"sign-in": func(int) answer {
			return h.post(h.browser(), "/sign-in", url.Values{"email": {"alice@example.com"}, "password": {"gatehouse-demo"}, "return_to": {"/"}})
		},
		"authorization code": func(int) answer { return h.token(exchange(h.code(b, "scope", "openid offline_access"))) },
		"refresh": func(int) answer {
			a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
			if a.status == http.StatusOK {
				refreshToken = text(a.json(t), "refresh_token")
			}
			return a
		},
	}
	makeRoom := env.FillDisk(t, h.db)
	for name, write := range writes {
		a := write(0)
		for n := 1; n < 29 && a.status < http.StatusBadRequest; n++ { // rows fit until a page of theirs is full
			a = write(n)
		}
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, %v: %s", name, a.status, a.header, a.body)
		}
	}
	if a := h.get(b, "/profile"); a.status != http.StatusOK {
		t.Errorf("a page that only reads: %d", a.status)
	}
	makeRoom()
	for name, write := range writes {
		if a := write(29); a.status != http.StatusOK && a.status != http.StatusSeeOther {
			t.Errorf("%s with room again: %d %s", name, a.status, a.body)
		}
	}
}

func TestDatabaseAway_NoInternalError(t *testing.T) {
	h := newHouse(t, env.DB(t, "portal"), env.MiniRedis(t))
	b := h.browser()
	h.signIn(b, "/")
	code := h.code(b)
	_ = h.db.Close()
	if a := h.get(b, authorizeURL()); a.status != http.StatusServiceUnavailable {
		t.Errorf("authorize: %d", a.status)
	}
	if a := h.token(exchange(code)); a.status != http.StatusServiceUnavailable {
		t.Errorf("token: %d %s", a.status, a.body)
	}
	h.tokens(url.Values{"grant_type": {"client_credentials"}})
}
