//go:build unix

package faults_test

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

// PostgreSQL stops under load and starts again. Meanwhile
// pages answer 503 with Retry-After, nothing crashes and nobody is signed out; afterwards
// everything works on new connections, and what was answered with success is there.
func TestPostgresAway_Recovers(t *testing.T) {
	// Not t.TempDir: PostgreSQL does not run as root, and must reach the folder.
	folder, err := os.MkdirTemp("", "gatehouse-faults-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	server, err := env.StartPostgres(folder)
	if err != nil {
		t.Fatalf("this test needs a real PostgreSQL: %v", err)
	}
	t.Cleanup(func() { server.Stop() })
	e := estate.Start(t, estate.Options{DatabaseURL: server.URL(), Bound: time.Second})
	people := []*person{signedIn(t, e, "alice"), signedIn(t, e, "carol")}
	before := pids(e.Data)
	said := "PostgreSQL will be gone in a moment."
	posted := people[0].send(http.MethodPost, "forum", "/t/secateurs-clean/reply", url.Values{"body": {said}})
	if posted.status != http.StatusSeeOther {
		t.Fatalf("%s", posted)
	}

	failed, served := 0, 0
	l := newLoad(func(r result) {
		switch {
		case r.err != nil:
			t.Errorf("no answer: %s", r)
		case r.status == http.StatusOK:
			served++
		case r.status == http.StatusServiceUnavailable:
			failed++
			if r.header.Get("Retry-After") == "" {
				t.Errorf("503 without Retry-After: %s", r)
			}
		default:
			t.Errorf("neither served nor put off: %s", r)
		}
		if cookies := strings.Join(r.header.Values("Set-Cookie"), "\n"); strings.Contains(cookies, "_session=") {
			t.Errorf("the session's cookie was touched: %s: %s", cookies, r)
		}
	})
	for _, p := range people {
		for range 2 {
			l.worker(func(n int) result {
				pages := [][2]string{{"shop", "/orders"}, {"forum", "/mine"}, {"portal", "/profile"}, {"shop", "/"}, {"forum", "/"}}
				at := pages[n%len(pages)]
				return p.get(at[0], at[1])
			})
		}
	}
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
	if failed > 0 {
		t.Errorf("%d requests failed before anything broke", failed)
	}
	l.mu.Unlock()
	server.Stop()
	count("pages are put off", &failed)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	count("pages are served again", &served)
	eventually(t, "every replica is ready", func() bool {
		for service := range private {
			for range 4 { // two replicas, in turns
				if people[0].get(service, "/readyz").status != http.StatusOK {
					return false
				}
			}
		}
		return true
	})
	count("pages are still served", &served)
	l.mu.Lock()
	failed = 0
	l.mu.Unlock()
	count("pages go on being served", &served)
	l.end()
	if failed > 0 {
		t.Errorf("%d requests failed after PostgreSQL was back", failed)
	}
	if after := pids(e.Data); !maps.Equal(before, after) {
		t.Errorf("replicas before: %v, after: %v; none should have died", before, after)
	}
	findAll(t, people[0], []reply{{said, posted.header.Get("Location")}})
}
