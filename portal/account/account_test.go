package account_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/portal/account"
	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
	"gatehouse.example/web"
)

// light keeps the tests quick.
var light = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

const secret = "four quiet grey herons"

// clock is moved by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// nobody is there to be told of sign-outs.
type nobody struct{}

func (nobody) Deliver(context.Context, []store.Notice) []backchannel.Result { return nil }

// house is the account pages on a server of their own, with a real store, sessions and sign-outs.
type house struct {
	t       *testing.T
	URL     string
	db      *db.DB
	rdb     redis.UniversalClient
	store   *store.Store
	hasher  *password.Hasher
	clock   *clock
	logs    *logs
	revoker *revoke.Service
}

// logs is what the server wrote.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }

func (l *logs) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func newHouse(t *testing.T, d *db.DB, rdb redis.UniversalClient, change func(*account.Deps)) *house {
	t.Helper()
	h := &house{t: t, db: d, rdb: rdb, store: storetest.New(t, d), clock: &clock{now: time.Now()}, logs: &logs{}}
	estate := env.Estate(t, "http://localhost:8080")
	sessions, err := session.New(rdb, session.Options{Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Service: "portal", Now: h.clock.Now})
	check(t, err)
	h.hasher, err = password.NewHasher(password.Options{Params: light})
	check(t, err)
	limiter, err := ratelimit.New(rdb, bytes.Repeat([]byte("k"), 32), ratelimit.SignInLimits{})
	check(t, err)
	log, err := denylist.NewLog(rdb)
	check(t, err)
	quiet := slog.New(slog.DiscardHandler)
	revoker, err := revoke.New(revoke.Deps{Records: h.store, Log: log, Sessions: sessions, Sender: nobody{}, Now: h.clock.Now, Logger: quiet, Bound: time.Millisecond})
	check(t, err)
	h.revoker = revoker
	deps := account.Deps{
		Store: h.store, Sessions: sessions, Hasher: h.hasher, Limiter: limiter, Revoker: revoker, Estate: estate, Now: h.clock.Now, Logger: quiet, Demo: true,
	}
	if change != nil {
		change(&deps)
	}
	p, err := account.New(deps)
	check(t, err)
	h.run(p)
	e, err := web.New(web.Options{
		Service: "portal", Replica: "portal-1", Estate: estate, Logger: slog.New(slog.NewJSONHandler(h.logs, nil)),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, // so that tests come from where they like
		Person:         func(c echo.Context) *components.Person { return p.Person(c) },
		Unavailable:    p.Unavailable, SignInPath: "/sign-in", SignOutPath: "/sign-out",
	})
	check(t, err)
	routes(e, p)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	h.URL = server.URL
	return h
}

// run does the background work of p until the test ends.
func (h *house) run(p *account.Pages) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		check(h.t, <-done)
	})
}

func routes(e *echo.Echo, p *account.Pages) {
	e.GET("/", p.Home)
	e.GET("/sign-in", p.SignInForm)
	e.POST("/sign-in", p.SignIn)
	e.GET("/register", p.RegisterForm)
	e.POST("/register", p.Register)
	e.GET("/sign-out", p.SignOutForm)
	e.POST("/sign-out", p.SignOut)
	e.POST("/sign-out/everywhere", p.SignOutEverywhere)
	e.GET("/signed-out", p.SignedOut)
	e.GET("/profile", p.Profile)
	e.POST("/profile/name", p.SetName)
	e.POST("/profile/email", p.SetEmail)
	e.POST("/profile/password", p.SetPassword)
	e.GET("/profile/delete", p.DeleteForm)
	e.POST("/profile/delete", p.Delete)
	e.POST("/sessions/told", p.AcknowledgeEnded)
	e.GET("/sessions", p.SessionList)
	e.POST("/sessions/:sid/end", p.EndSession)
}

// eachHouse runs the test on both databases, and on both kinds of Redis.
func eachHouse(t *testing.T, test func(h *house)) {
	t.Helper()
	t.Run("sqlite, embedded", func(t *testing.T) { test(newHouse(t, env.DB(t, "portal"), env.MiniRedis(t), nil)) })
	t.Run("postgres, redis", func(t *testing.T) { test(newHouse(t, env.Postgres(t, "portal"), env.Redis(t), nil)) })
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add stores a person who may sign in with secret.
func (h *house) add(email string) store.User {
	h.t.Helper()
	u := storetest.User(email)
	var err error
	u.PasswordHash, err = h.hasher.Hash(h.t.Context(), secret)
	check(h.t, err)
	u.Roles = []string{"customer"}
	check(h.t, h.store.SeedUsers(h.t.Context(), []store.User{u}))
	return u
}

func (h *house) count(query string, args ...any) int {
	h.t.Helper()
	var n int
	check(h.t, h.db.GetContext(h.t.Context(), &n, h.db.Rebind(query), args...))
	return n
}

// browser keeps cookies, follows no redirect and comes from an address.
type browser struct {
	h       *house
	client  *http.Client
	headers map[string]string
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	check(h.t, err)
	return &browser{h: h, headers: map[string]string{"X-Forwarded-For": "203.0.113.7"}, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// from is the same browser at another address.
func (b *browser) from(address string) *browser { b.headers["X-Forwarded-For"] = address; return b }

type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (b *browser) do(method, path string, body io.Reader, headers ...string) answer {
	b.h.t.Helper()
	r, err := http.NewRequestWithContext(b.h.t.Context(), method, b.h.URL+path, body)
	check(b.h.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range b.headers {
		r.Header.Set(k, v)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.client.Do(r)
	check(b.h.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	check(b.h.t, err)
	return answer{res.StatusCode, res.Header, string(raw)}
}

func (b *browser) get(path string, headers ...string) answer {
	b.h.t.Helper()
	return b.do(http.MethodGet, path, nil, headers...)
}

func (b *browser) post(path string, form url.Values, headers ...string) answer {
	b.h.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()), headers...)
}

func (b *browser) signIn(email, password string) answer {
	b.h.t.Helper()
	return b.post("/sign-in", url.Values{"email": {email}, "password": {password}})
}

// signedIn is a browser in which that person is signed in.
func (h *house) signedIn(email string) *browser {
	h.t.Helper()
	b := h.browser()
	if a := b.signIn(email, secret); a.Status != http.StatusSeeOther {
		h.t.Fatalf("sign-in: %d\n%s", a.Status, a.Body)
	}
	return b
}

// cookie is the value of one of the browser's cookies, "" if it has none.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.h.URL)
	check(b.h.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// isIn tells whether the browser is signed in.
func (b *browser) isIn() bool {
	b.h.t.Helper()
	switch a := b.get("/profile"); a.Status {
	case http.StatusOK:
		return true
	case http.StatusSeeOther:
		return false
	default:
		b.h.t.Fatalf("profile: %d", a.Status)
		return false
	}
}

func (a answer) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d\n%s", a.Status, status, a.Body)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			t.Errorf("the page lacks %q\n%s", text, a.Body)
		}
	}
}

func (a answer) wantTo(t *testing.T, location string) {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != location {
		t.Fatalf("%d to %q, want 303 to %q\n%s", a.Status, a.Header.Get("Location"), location, a.Body)
	}
}

var endForm = regexp.MustCompile(`action="(/sessions/[^"]+/end)"`)

// ends are the paths that end the sign-ins listed on a page.
func (a answer) ends() []string {
	var paths []string
	for _, m := range endForm.FindAllStringSubmatch(a.Body, -1) {
		paths = append(paths, m[1])
	}
	return paths
}
