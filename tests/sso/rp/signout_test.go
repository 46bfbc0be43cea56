package rp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/rp"
	"gatehouse.example/tests/env"
)

func TestSignOut_EndsTheSessionAndGoesByTheProvider(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b := newBrowser(t)
		b.get(a.URL + "/orders")
		first := b.stay().do(http.MethodPost, a.URL+"/auth/sign-out", url.Values{})
		to, err := url.Parse(first.header.Get("Location"))
		if err != nil || first.status != http.StatusSeeOther || !strings.HasPrefix(to.String(), p.URL+"/logout?") ||
			to.Query().Get("id_token_hint") == "" || to.Query().Get("state") == "" {
			t.Fatalf("answered %d, Location %q", first.status, to)
		}
		if got := b.get(to.String()); got.url.String() != a.URL+"/" || got.body != "nobody " {
			t.Errorf("ended at %s as %q", got.url, got.body)
		}
		if again := b.do(http.MethodPost, a.URL+"/auth/sign-out", url.Values{}); again.status != http.StatusOK {
			t.Errorf("a second click was answered %d", again.status)
		}
		if keys := rdb.Keys(t.Context(), "gatehouse:shop:tokens:*").Val(); len(keys) != 0 {
			t.Errorf("tokens are left: %v", keys)
		}
	})
}

func TestBackchannel_EndsTheSignInOnEveryReplica(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b, phone := newBrowser(t), newBrowser(t)
		b.get(a.URL + "/orders")
		p.idToken = func(c jwt.MapClaims) { c["sid"] = "sid-phone" }
		phone.get(a.URL + "/orders")

		got := newBrowser(t).do(http.MethodPost, a.other.URL+"/auth/backchannel-logout", url.Values{"logout_token": {p.logoutToken("logout+jwt", nil)}})
		if got.status != http.StatusOK || got.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("answered %d %q", got.status, got.body)
		}
		if who := b.get(a.URL + "/"); who.body != "nobody " {
			t.Errorf("the session lives on as %q", who.body)
		}
		if who := phone.get(a.URL + "/"); who.body != "Alice " {
			t.Errorf("the other browser of the person was signed out, too: %q", who.body)
		}

		// A token without sid means every sign-in of the person.
		all := p.logoutToken("logout+jwt", func(c jwt.MapClaims) { delete(c, "sid") })
		if got := newBrowser(t).do(http.MethodPost, a.URL+"/auth/backchannel-logout", url.Values{"logout_token": {all}}); got.status != http.StatusOK {
			t.Fatalf("answered %d %q", got.status, got.body)
		}
		if who := phone.get(a.URL + "/"); who.body != "nobody " {
			t.Errorf("the session lives on as %q", who.body)
		}
	})
}

func TestRedisAway_503KeepsTheCookieAndPublicPagesWork(t *testing.T) {
	rdb := env.MiniRedis(t)
	p := newProvider(t)
	a := newApp(t, p, rdb)
	b := newBrowser(t)
	b.get(a.URL + "/orders")
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = gone.Close() })
	without, _ := replica(t, p, gone, a.URL, func(*rp.Config) {})
	whole := a.Config.Handler
	a.Config.Handler = without

	for _, path := range []string{"/orders", "/admin", "/auth/sign-in"} {
		got := b.get(a.URL + path)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || len(got.header.Values("Set-Cookie")) != 0 {
			t.Errorf("%s: answered %d, Retry-After %q, Set-Cookie %q", path, got.status, got.header.Get("Retry-After"), got.header.Values("Set-Cookie"))
		}
	}
	if got := b.get(a.URL + "/"); got.status != http.StatusOK || got.body != "unknown " {
		t.Errorf("a public page answered %d %q", got.status, got.body)
	}
	if got := b.do(http.MethodPost, a.URL+"/auth/sign-out", url.Values{}); got.status != http.StatusServiceUnavailable {
		t.Errorf("sign-out without Redis answered %d", got.status)
	}
	if got := newBrowser(t).get(a.URL+"/", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"); got.body != "nobody " {
		t.Errorf("a guest who arrives was answered %d %q", got.status, got.body)
	}

	a.Config.Handler = whole
	if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
		t.Errorf("with Redis back: %d %q", got.status, got.body)
	}
}

func TestBearer_Table(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	access := func(typ string, spoil func(jwt.MapClaims)) string {
		c := p.claims(a.URL)
		c["jti"], c["client_id"], c["scope"] = "j", "forum", "other things:read"
		if spoil != nil {
			spoil(c)
		}
		return "Bearer " + p.sign(typ, c)
	}
	for name, tc := range map[string]struct {
		header string
		status int
		says   string
	}{
		"good":            {access("at+jwt", nil), 200, ""},
		"application/":    {access("application/at+jwt", nil), 200, ""},
		"none":            {"", 401, `Bearer realm="api"`},
		"basic":           {"Basic YTpi", 401, `Bearer realm="api"`},
		"empty":           {"Bearer  ", 400, "invalid_request"},
		"garbage":         {"Bearer x", 401, "invalid_token"},
		"ID token":        {access("JWT", nil), 401, "invalid_token"},
		"other audience":  {access("at+jwt", func(c jwt.MapClaims) { c["aud"] = "https://else.example" }), 401, "invalid_token"},
		"expired":         {access("at+jwt", func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }), 401, "invalid_token"},
		"without exp":     {access("at+jwt", func(c jwt.MapClaims) { delete(c, "exp") }), 401, "invalid_token"},
		"of the future":   {access("at+jwt", func(c jwt.MapClaims) { c["iat"] = time.Now().Add(time.Hour).Unix() }), 401, "invalid_token"},
		"without jti":     {access("at+jwt", func(c jwt.MapClaims) { delete(c, "jti") }), 401, "invalid_token"},
		"too small scope": {access("at+jwt", func(c jwt.MapClaims) { c["scope"] = "things:read:not" }), 403, "insufficient_scope"},
	} {
		header := []string{}
		if tc.header != "" {
			header = []string{"Authorization", tc.header}
		}
		got := newBrowser(t).get(a.URL+"/api/things", header...)
		if got.status != tc.status || !strings.Contains(got.header.Get("WWW-Authenticate"), tc.says) {
			t.Errorf("%s: answered %d %q, want %d %q", name, got.status, got.header.Get("WWW-Authenticate"), tc.status, tc.says)
		}
		if tries := strings.Contains(got.header.Get("WWW-Authenticate"), "error="); tries != (tc.says != "" && !strings.HasPrefix(tc.says, "Bearer")) {
			t.Errorf("%s: %q", name, got.header.Get("WWW-Authenticate")) // RFC 6750 §3.1: no error for who sent no token
		}
	}
}
