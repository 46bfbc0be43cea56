package portal_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"gatehouse/tests/env"
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
