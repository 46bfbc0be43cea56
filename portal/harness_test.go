package portal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/portal"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/tests/env"
)

const (
	secretOne = "first-secret-that-is-long-and-random-0123456789"
	secretTwo = "second secret:with+odd/characters%that-need-encoding"
	callback  = "http://one.test/callback"
	verifier  = "verifier-verifier-verifier-verifier-verifier-0123"
	resource  = "http://api.test"
)

var key = bytes.Repeat([]byte{7}, 32)

// clock can be moved.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// house is a running portal, with two clients of its own beside a public one.
type house struct {
	t      testing.TB
	issuer string
	db     *db.DB
	rdb    redis.UniversalClient
	app    *portal.App
	clock  *clock
	apps   *apps
	addr   string
	deps   portal.Deps
}

// apps are the clients' back-channel receivers.
type apps struct {
	server *httptest.Server
	mu     sync.Mutex
	tokens map[string][]string // by path
	answer map[string]http.HandlerFunc
}

func (a *apps) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	a.mu.Lock()
	answer := a.answer[r.URL.Path]
	if answer == nil {
		a.tokens[r.URL.Path] = append(a.tokens[r.URL.Path], r.PostForm.Get("logout_token"))
	}
	a.mu.Unlock()
	if answer != nil {
		answer(w, r)
	}
}

func (a *apps) heard(path string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.tokens[path]...)
}

func (a *apps) behave(path string, h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer[path] = h
}

// each runs a test on SQLite with the embedded Redis, and on PostgreSQL with a real one.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	env.EachHouse(t, "portal", func(t *testing.T, d *db.DB, rdb redis.UniversalClient) { test(t, newHouse(t, d, rdb)) })
}

// newHouseWith is a house on the smallest databases, with other dependencies.
func newHouseWith(t testing.TB, change func(d *portal.Deps)) *house {
	t.Helper()
	return newHouse(t, env.DB(t, "portal"), env.MiniRedis(t), change)
}

func newHouse(t testing.TB, d *db.DB, rdb redis.UniversalClient, changes ...func(d *portal.Deps)) *house {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	estate := env.Estate(t, "http://localhost:"+port)
	a := &apps{tokens: map[string][]string{}, answer: map[string]http.HandlerFunc{}}
	a.server = httptest.NewServer(a)
	t.Cleanup(a.server.Close)
	h := &house{t: t, issuer: estate.URL("portal"), db: d, rdb: rdb, clock: &clock{}, apps: a, addr: ln.Addr().String()}
	h.deps = portal.Deps{
		SignIns: ratelimit.SignInLimits{PerAccount: 100_000, PerAddress: 100_000}, // portal/ratelimit and portal/account test the limits
		DB:      d, Redis: rdb, Estate: estate, Replica: "portal-1", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		HTTPClient: &http.Client{}, Key: key, Now: h.clock.now, Demo: true,
		Passwords: password.Options{Params: argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}},
		Clients:   declared(a.server.URL), Denied: env.Denied(t, rdb, "portal"),
	}
	for _, change := range changes {
		change(&h.deps)
	}
	if h.app, err = portal.New(t.Context(), h.deps); err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: ln, Config: &http.Server{Handler: h.app.Handler(), ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
	return h
}

func declared(receivers string) []portal.Client {
	all := []string{"openid", "profile", "email", "roles", "offline_access"}
	return []portal.Client{
		{
			ID: "one", Name: "App One", Secret: secretOne, RedirectURIs: []string{callback, "http://one.test/other?fixed=1"},
			PostLogoutRedirectURIs: []string{"http://one.test/bye"}, BackchannelLogoutURI: receivers + "/one",
			GrantTypes: []string{clients.AuthorizationCode, clients.RefreshToken, clients.ClientCredentials},
			Scopes:     append([]string{"things:read"}, all...), Audiences: []string{resource},
		},
		{
			ID: "two", Name: "App Two", Secret: secretTwo, AuthMethod: clients.SecretPost, RedirectURIs: []string{"http://two.test/callback"},
			PostLogoutRedirectURIs: []string{"http://two.test/bye"}, BackchannelLogoutURI: receivers + "/two", Scopes: append([]string{"others:read"}, all...),
		},
		{ID: "open", Name: "Open App", AuthMethod: clients.Public, RedirectURIs: []string{"http://open.test/callback"}, Scopes: all},
		{ID: "api", Name: "The API", Secret: secretOne, RedirectURIs: []string{resource + "/callback"}}, // whose audience is resource
		{ID: "robot", Name: "Robot", Secret: secretOne, GrantTypes: []string{clients.ClientCredentials}, Scopes: []string{"things:read"}},
	}
}

// browser keeps cookies and follows no redirect.
func (h *house) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &http.Client{
		Jar: jar, Timeout: 20 * time.Second, Transport: h.transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport finds *.localhost, which Go's resolver may not know.
func (h *house) transport() *http.Transport {
	t := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, h.addr)
	}}
	h.t.Cleanup(t.CloseIdleConnections)
	return t
}

type answer struct {
	status int
	header http.Header
	body   string
	to     *url.URL
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("not JSON (%d): %s", a.status, a.body)
	}
	return m
}

func (h *house) do(b *http.Client, r *http.Request) answer {
	h.t.Helper()
	res, err := b.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	if to := res.Header.Get("Location"); to != "" {
		if a.to, err = r.URL.Parse(to); err != nil {
			h.t.Fatal(err)
		}
	}
	return a
}

func (h *house) get(b *http.Client, path string) answer {
	h.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = h.issuer + path
	}
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.do(b, r)
}

func (h *house) post(b *http.Client, path string, form url.Values, header ...string) answer {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodPost, h.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return h.do(b, r)
}

// signIn signs Alice in and returns where the page leads then.
func (h *house) signIn(b *http.Client, returnTo string, more ...string) answer {
	h.t.Helper()
	form := url.Values{"email": {"alice@example.com"}, "password": {"gatehouse-demo"}, "return_to": {returnTo}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	a := h.post(b, "/sign-in", form)
	if a.status != http.StatusSeeOther {
		h.t.Fatalf("sign-in answered %d: %s", a.status, a.body)
	}
	return a
}

// request is a good authorization request of client one, with changes: "" removes.
func request(changes ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {"one"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile email roles"},
		"state": {"the state"}, "nonce": {"the-nonce"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if q.Del(changes[i]); changes[i+1] != "" {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q
}

func authorizeURL(changes ...string) string {
	return "/oauth/authorize?" + request(changes...).Encode()
}

// code asks for a code with a browser that is signed in.
func (h *house) code(b *http.Client, changes ...string) string {
	h.t.Helper()
	a := h.get(b, authorizeURL(changes...))
	if a.status != http.StatusSeeOther || a.to.Query().Get("code") == "" {
		h.t.Fatalf("authorize answered %d %v: %s", a.status, a.to, a.body)
	}
	return a.to.Query().Get("code")
}

func exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// token posts to the token endpoint as client one.
func (h *house) token(form url.Values) answer {
	h.t.Helper()
	return h.post(h.browser(), "/oauth/token", form, "Authorization", basic("one", secretOne))
}

func (h *house) tokens(form url.Values) map[string]any {
	h.t.Helper()
	a := h.token(form)
	if a.status != http.StatusOK {
		h.t.Fatalf("token endpoint answered %d: %s", a.status, a.body)
	}
	return a.json(h.t)
}

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

func (h *house) userinfo(access string) answer {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodGet, h.issuer+"/oauth/userinfo", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	return h.do(h.browser(), r)
}

// contextOf ends with the test, or when it is stopped.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
