package rp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/rp"
	"gatehouse.example/tests/env"
)

// plainReplica is a replica with pages of app's, on plain net/http.
func plainReplica(t *testing.T, p *provider, rdb redis.UniversalClient, base string, change func(*rp.Config)) http.Handler {
	t.Helper()
	auth, err := rp.New(config(t, p, rdb, base, change))
	if err != nil {
		t.Fatal(err)
	}
	page := func(text func(r *http.Request) string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text(r)) })
	}
	mux := http.NewServeMux()
	auth.Mount(mux)
	mux.Handle("GET /{$}", auth.Optional(page(func(r *http.Request) string {
		name := "nobody"
		if p := rp.From(r); p != nil {
			name = p.Name
		}
		if rp.Unavailable(r) {
			name = "unknown"
		}
		return name + " " + rp.Draft(r).Get("body")
	})))
	mux.Handle("GET /orders", auth.Required(page(func(r *http.Request) string { return "orders of " + rp.From(r).Subject })))
	mux.Handle("POST /reply", auth.Required(page(func(*http.Request) string { return "replied" })))
	mux.Handle("GET /admin", auth.Role("admin")(page(func(*http.Request) string { return "admin" })))
	mux.Handle("POST /danger", auth.Required(auth.Recent(15*time.Minute)(page(func(*http.Request) string { return "done" }))))
	mux.Handle("GET /api/things", auth.Bearer("things:read")(page(func(r *http.Request) string { return rp.Claims(r).Subject })))
	mux.Handle("GET /token", auth.Required(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := auth.AccessToken(r, "https://sibling.example")
		if err != nil {
			rp.WriteError(w, r, err)
			return
		}
		_, _ = io.WriteString(w, token)
	})))
	return mux
}

// plainApp is one replica on plain net/http.
func plainApp(t *testing.T, p *provider, change func(*rp.Config)) *httptest.Server {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	handler = plainReplica(t, p, env.MiniRedis(t), server.URL, change)
	return server
}

func TestNetHTTP_SignsInAndOut(t *testing.T) {
	p := newProvider(t)
	a := plainApp(t, p, func(*rp.Config) {})
	b := newBrowser(t)
	if got := b.get(a.URL + "/"); got.body != "nobody " {
		t.Errorf("a guest is told %q", got.body)
	}
	got := b.do(http.MethodPost, a.URL+"/reply", url.Values{"body": {"half a reply"}}, "Referer", a.URL+"/")
	if got.body != "Alice half a reply" || got.url.Path != "/" {
		t.Fatalf("after sign-in at %s: %d %q", got.url, got.status, got.body)
	}
	if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
		t.Errorf("signed in, orders answered %d %q", got.status, got.body)
	}
	got = b.get(a.URL + "/admin")
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "You need the role admin") || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
		t.Errorf("without the role answered %d %q", got.status, got.body)
	}
	if got := b.get(a.URL + "/api/things"); got.status != http.StatusUnauthorized || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("the API answered %d, %v", got.status, got.header)
	}
	for _, site := range []string{"cross-site", "same-site"} {
		if got := b.do(http.MethodPost, a.URL+"/auth/sign-out", url.Values{}, "Sec-Fetch-Site", site); got.status != http.StatusForbidden {
			t.Errorf("a form from %s signs people out: %d", site, got.status)
		}
	}
	if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
		t.Errorf("after forms of other sites, orders answered %d %q", got.status, got.body)
	}
	if got := b.do(http.MethodPost, a.URL+"/auth/sign-out", url.Values{}, "Sec-Fetch-Site", "same-origin"); got.body != "nobody " {
		t.Errorf("signed out, one is told %q", got.body)
	}
}

func TestNetHTTP_LogsTheCauseOfA503(t *testing.T) {
	var log strings.Builder
	rdb := env.MiniRedis(t)
	handler := plainReplica(t, newProvider(t), rdb, "http://shop.example.com", func(c *rp.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	ask := func(ctx context.Context) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://shop.example.com/orders", nil)
		r.Header.Set("Cookie", "shop_session="+strings.Repeat("A", 26))
		res := httptest.NewRecorder()
		handler.ServeHTTP(res, r)
		return res
	}
	if res := ask(t.Context()); res.Code != http.StatusServiceUnavailable || !strings.Contains(log.String(), "client is closed") {
		t.Errorf("Redis away: %d, log %q", res.Code, log.String())
	}
	log.Reset()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if res := ask(gone); res.Body.Len() != 0 || log.Len() != 0 {
		t.Errorf("a client that has gone: %d %q, log %q", res.Code, res.Body, log.String())
	}
}

func TestNetHTTP_ErrorHandlerGetsTheError(t *testing.T) {
	p := newProvider(t)
	p.signedIn = false
	a := plainApp(t, p, func(c *rp.Config) {
		c.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			e := (*rp.Error)(nil)
			if !errors.As(err, &e) {
				t.Errorf("%v is no *rp.Error", err)
				return
			}
			http.Error(w, "handled: "+e.Message, e.Status)
		}
	})
	got := newBrowser(t).get(a.URL + "/orders")
	if got.status != http.StatusBadRequest || !strings.HasPrefix(got.body, "handled: ") {
		t.Errorf("a refused sign-in answered %d %q", got.status, got.body)
	}
}
