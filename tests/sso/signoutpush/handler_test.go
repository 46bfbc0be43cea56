package signoutpush_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/tests/env"
)

// clock is moved by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// app is one replica of an app that has nothing but open tabs.
type app struct {
	*httptest.Server
	*signoutpush.Handler
	sessions *session.Store
	clock    *clock
}

// setup is what tests change of an app.
type setup struct {
	signoutpush.Options
	server func(*http.Server)
}

var secret = []byte("the secret of the client shop")

func newApp(t *testing.T, rdb redis.UniversalClient, s setup) *app {
	t.Helper()
	a := &app{clock: &clock{now: time.Now()}}
	var err error
	a.sessions, err = session.New(rdb, session.Options{Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Service: "shop", Idle: time.Hour, Now: a.clock.Now})
	check(t, err)
	o := s.Options
	o.Client, o.Sessions, o.Logger = "shop", a.sessions, slog.New(slog.DiscardHandler)
	o.ClientName = func(client string) string { return map[string]string{"forum": "Forum", "portal": "Portal"}[client] }
	if o.Keys == nil {
		o.Keys = [][]byte{secret}
	}
	if o.Watcher == nil {
		o.Watcher = &signoutpush.Sessions{Store: a.sessions, Client: "shop", Interval: 10 * time.Millisecond}
	}
	a.Handler, err = signoutpush.New(o)
	check(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+signoutpush.StreamPath, a.Stream)
	mux.HandleFunc("GET "+signoutpush.StatePath, a.State)
	a.Server = httptest.NewUnstartedServer(mux)
	if s.server != nil {
		s.server(a.Config)
	}
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signIn is the cookie of a new session.
func (a *app) signIn(t *testing.T, sub, sid string) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	_, err := a.sessions.Start(t.Context(), w, r, session.Record{Subject: sub, SID: sid, AuthTime: a.clock.Now()})
	check(t, err)
	return w.Result().Cookies()[0]
}

// ask sends a GET with a cookie (which may be nil) and headers in pairs.
func (a *app) ask(t *testing.T, method, path string, cookie *http.Cookie, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, nil)
	check(t, err)
	if cookie != nil {
		req.AddCookie(cookie)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := a.Client().Do(req)
	check(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control %q", path, got)
	}
	return res
}

// tab is an open tab that listens.
type tab struct {
	*http.Response
	lines *bufio.Reader
}

func (a *app) listen(t *testing.T, cookie *http.Cookie) *tab {
	t.Helper()
	res := a.ask(t, http.MethodGet, signoutpush.StreamPath, cookie)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("%s, %v", res.Status, res.Header)
	}
	return &tab{res, bufio.NewReader(res.Body)}
}

// event is one that a tab received.
type event struct {
	kind string
	data map[string]any
}

func (e event) text() string { s, _ := e.data["text"].(string); return s }

// next is the next event but those of these kinds; kind "" is the end of the stream.
func (l *tab) next(t *testing.T, but ...string) event {
	t.Helper()
	var got event
	for {
		line, err := l.lines.ReadString('\n')
		switch line = strings.TrimSpace(line); {
		case errors.Is(err, io.EOF):
			return event{}
		case err != nil:
			t.Fatal(err)
		case line == "" && got.kind != "":
			for _, kind := range but {
				if kind == got.kind {
					got.kind = ""
				}
			}
			if got.kind != "" {
				return got
			}
		case strings.HasPrefix(line, "event: "):
			got.kind = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			got.data = nil
			var value any
			check(t, json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &value))
			got.data, _ = value.(map[string]any)
		}
	}
}

func (l *tab) hears(t *testing.T, kind string, but ...string) event {
	t.Helper()
	e := l.next(t, but...)
	if e.kind != kind {
		t.Fatalf("heard %q %v, want %q", e.kind, e.data, kind)
	}
	return e
}

func body(t *testing.T, res *http.Response) (v map[string]any) {
	t.Helper()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	check(t, json.NewDecoder(res.Body).Decode(&v))
	return v
}

// newDenylist is the portal's log and the mirror of a replica, both of the real kind.
func newDenylist(t *testing.T, rdb redis.UniversalClient) (*denylist.Log, *denylist.Mirror) {
	t.Helper()
	log, err := denylist.NewLog(rdb)
	check(t, err)
	check(t, log.Rebuild(t.Context(), 0, func(func(denylist.Entry, error) bool) {}))
	m, err := denylist.NewMirror(denylist.Options{
		Redis: rdb, Service: "shop", Replica: "shop-1", Bound: 10 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	until(t, func() bool { return m.Ready(t.Context()) == nil })
	return log, m
}

// until waits for a condition; the test's own deadline is the bound.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for !ok() {
		select {
		case <-t.Context().Done():
			t.Fatal("never came true")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// fixed is a watcher that knows one thing.
type fixed struct{ err error }

func (f fixed) Check(string, string, string, time.Time) error { return f.err }

func (f fixed) Why(context.Context, string, string, string, time.Time) (denylist.Entry, bool) {
	return denylist.Entry{}, false
}

func (f fixed) Watch(string, string, time.Time) (<-chan denylist.Entry, func()) {
	return nil, func() {}
}

// nowhere is a Redis that does not answer.
func nowhere(t *testing.T) redis.UniversalClient {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	addr := ln.Addr().String()
	_ = ln.Close()
	rdb := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func TestNew_RefusesWhatIsMissing(t *testing.T) {
	rdb := env.MiniRedis(t)
	sessions, err := session.New(rdb, session.Options{Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Service: "shop"})
	check(t, err)
	for name, o := range map[string]signoutpush.Options{
		"client": {Sessions: sessions, Watcher: fixed{}}, "sessions": {Client: "shop", Watcher: fixed{}}, "watcher": {Client: "shop", Sessions: sessions},
	} {
		if _, err := signoutpush.New(o); err == nil {
			t.Errorf("no %s: accepted", name)
		}
	}
}
