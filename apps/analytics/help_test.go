package analytics_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps"
	"gatehouse.example/apps/analytics"
	"gatehouse.example/db"
	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
)

var now = time.Date(2026, 11, 23, 10, 17, 3, 0, time.UTC)

// app is analytics with a session store beside it, as another replica would have.
type app struct {
	*analytics.App
	db       *db.DB
	redis    redis.UniversalClient
	sessions *session.Store
}

func start(t *testing.T, d *db.DB, rdb redis.UniversalClient, change func(*analytics.Deps)) *app {
	t.Helper()
	estate := env.Estate(t, "http://localhost:8080")
	deps := analytics.Deps{Deps: apps.Deps{
		ClientSecret: "secret", Keys: [][]byte{[]byte("a key of thirty-two random bytes")},
		DB: d, Redis: rdb, Estate: estate, Replica: "analytics-1", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return now },
	}}
	if change != nil {
		change(&deps)
	}
	a, err := analytics.New(t.Context(), deps)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := session.New(rdb, session.Options{Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Service: analytics.Service, Now: deps.Now})
	if err != nil {
		t.Fatal(err)
	}
	return &app{App: a, db: d, redis: rdb, sessions: sessions}
}

// run runs the background work until the test ends or the result is called.
func (a *app) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// get asks for path as somebody with roles; without any, as a guest.
func (a *app) get(t *testing.T, path string, header map[string]string, roles ...string) *httptest.ResponseRecorder {
	t.Helper()
	return a.send(t, httptest.NewRequest(http.MethodGet, "http://analytics.localhost:8080/", nil), path, header, roles...)
}

// post sends a form to path as a user with roles.
func (a *app) post(t *testing.T, path string, form url.Values, roles ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://analytics.localhost:8080/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.send(t, r, path, nil, roles...)
}

func (a *app) send(t *testing.T, r *http.Request, path string, header map[string]string, roles ...string) *httptest.ResponseRecorder {
	t.Helper()
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.RequestURI = path
	r.Header.Set("Accept", "text/html")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if len(roles) > 0 {
		w := httptest.NewRecorder()
		_, err := a.sessions.Start(t.Context(), w, r, session.Record{Subject: "demo-carol", SID: "sid", Name: "Carol Demo", Email: "carol@example.com", Roles: roles, AuthTime: now})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range w.Result().Cookies() {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w
}

func (a *app) scan(t *testing.T, query string) (n int64) {
	t.Helper()
	if err := a.db.GetContext(t.Context(), &n, query); err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits for what another goroutine brings about.
func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !true() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
