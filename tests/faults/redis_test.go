//go:build unix

package faults_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

// Redis stops under load and starts again. Meanwhile pages that need a person answer 503 with Retry-After, public
// pages are shown, and nobody's cookie is touched; afterwards everybody is signed in as before.
func TestRedisAway_KeepsEverybodySignedIn(t *testing.T) {
	server, err := env.StartRedis(t.TempDir())
	if err != nil {
		t.Fatalf("this test needs a real Redis: %v", err)
	}
	t.Cleanup(server.Stop)
	e := estate.Start(t, estate.Options{RedisURL: server.URL(), Bound: time.Second})
	people := []*person{signedIn(t, e, "alice"), signedIn(t, e, "bob"), signedIn(t, e, "carol")}
	before := pids(e.Data)

	refused, served := 0, 0 // since the load last asked
	l := newLoad(func(r result) {
		switch {
		case r.err != nil:
			t.Errorf("no answer: %s", r)
		case r.status == http.StatusServiceUnavailable:
			refused++
			if r.header.Get("Retry-After") == "" {
				t.Errorf("503 without Retry-After: %s", r)
			}
		case r.status == http.StatusOK && r.method == http.MethodGet, r.status == http.StatusSeeOther && r.method == http.MethodPost:
			served++
		case r.status == http.StatusTooManyRequests && r.method == http.MethodPost:
			// The forum limits replies: a quick machine reaches that.
		default:
			t.Errorf("neither served nor put off: %s", r)
		}
		for _, cookie := range r.header.Values("Set-Cookie") {
			if name, _, _ := strings.Cut(cookie, "="); strings.HasSuffix(name, "_session") {
				t.Errorf("the session's cookie was touched: %s: %s", cookie, r)
			}
		}
	})
	for _, p := range people {
		l.worker(func(n int) result {
			pages := [][2]string{{"shop", "/orders"}, {"forum", "/mine"}, {"portal", "/profile"}}
			if analyst(p.name) {
				pages = append(pages, [2]string{"analytics", "/"})
			}
			at := pages[n%len(pages)]
			return p.get(at[0], at[1])
		})
	}
	l.worker(func(int) result {
		return people[0].send(http.MethodPost, "forum", "/t/secateurs-clean/reply", url.Values{"body": {"Is Redis there?"}})
	})
	// count waits until the load has seen some of what it should see by now.
	count := func(what string, of *int) {
		t.Helper()
		l.mu.Lock()
		*of = 0
		l.mu.Unlock()
		eventually(t, what, func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return *of >= 50
		})
	}
	count("pages are served", &served)
	l.mu.Lock()
	if refused > 0 {
		t.Errorf("%d requests were refused before anything broke", refused)
	}
	l.mu.Unlock()
	server.Stop()
	count("pages are put off", &refused)
	for service, path := range private {
		if r := people[2].get(service, path); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("without Redis: %s", r)
		}
	}
	for service, path := range map[string]string{"shop": "/", "forum": "/"} {
		if r := people[0].get(service, path); r.status != http.StatusOK {
			t.Errorf("a public page without Redis, for somebody with a session: %s", r)
		}
		stranger := &person{name: "a stranger", browser: e.Browser(), estate: e}
		if r := stranger.get(service, path); r.status != http.StatusOK {
			t.Errorf("a public page without Redis, for a stranger: %s", r)
		}
	}
	for service := range private {
		if r := people[0].get(service, "/healthz"); r.status != http.StatusOK {
			t.Errorf("alive all the same: %s", r)
		}
		if r := people[0].get(service, "/readyz"); r.status != http.StatusServiceUnavailable {
			t.Errorf("not ready without Redis: %s", r)
		}
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is served again", func() bool {
		for _, p := range people {
			for service, path := range private {
				if service == "analytics" && !analyst(p.name) {
					continue
				}
				for range 2 { // both replicas
					if p.get(service, path).status != http.StatusOK {
						return false
					}
				}
			}
		}
		return true
	})
	count("pages are served again", &served)
	l.end()
	for _, p := range people {
		for service, path := range private {
			if service == "analytics" && !analyst(p.name) {
				continue
			}
			if r := p.get(service, path); r.status != http.StatusOK || !strings.Contains(r.page, "Sign out") {
				t.Errorf("not signed in as before: %s", r)
			}
		}
	}
	if after := pids(e.Data); !maps.Equal(before, after) {
		t.Errorf("replicas before: %v, after: %v; none should have died", before, after)
	}
}
