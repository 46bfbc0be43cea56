package shop_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/shop"
	"gatehouse.example/db"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/token"
	"gatehouse.example/tests/env"
)

const (
	shopURL   = "http://shop.localhost:8080"
	portalURL = "http://portal.localhost:8080"
)

// house is a shop on a real listener, and as much of a portal as the shop asks for.
type house struct {
	t        *testing.T
	db       *db.DB
	sessions *session.Store
	key      *ecdsa.PrivateKey
	passed   atomic.Int64 // time that the clock is ahead, in nanoseconds
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
}

func open(t *testing.T, d *db.DB, rdb redis.UniversalClient) *house {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: d, key: key}
	portal := httptest.NewServer(h.portal())
	t.Cleanup(portal.Close)
	var shopAddr string
	h.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := portal.Listener.Addr().String()
		if strings.HasPrefix(addr, "shop.") {
			to = shopAddr
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}
	estate := env.Estate(t, "http://localhost:8080")
	app, err := shop.New(t.Context(), shop.Deps{
		DB: d, Redis: rdb, Estate: estate, Replica: "shop-1", Logger: slog.New(slog.DiscardHandler), Demo: true, Now: h.now, ClientSecret: "secret", Keys: [][]byte{[]byte("a key of thirty-two random bytes")},
		HTTPClient: &http.Client{Transport: h.transport(), Timeout: 5 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(app.Handler())
	t.Cleanup(srv.Close)
	shopAddr = srv.Listener.Addr().String()
	if h.sessions, err = session.New(rdb, session.Options{Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Service: "shop"}); err != nil {
		t.Fatal(err)
	}
	return h
}

// pass puts the clock forward.
func (h *house) pass(d time.Duration) { h.passed.Add(int64(d)) }

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.passed.Load())) }

func (h *house) transport() *http.Transport {
	tr := &http.Transport{DialContext: h.dial}
	h.t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// portal answers discovery and keys.
func (h *house) portal() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": portalURL, "authorization_endpoint": portalURL + "/oauth/authorize", "token_endpoint": portalURL + "/oauth/token",
			"jwks_uri": portalURL + "/oauth/jwks",
		})
	})
	mux.HandleFunc("GET /oauth/jwks", func(w http.ResponseWriter, _ *http.Request) {
		raw, err := h.key.PublicKey.Bytes() // 4, X, Y
		if err != nil {
			h.t.Error(err)
		}
		b64 := base64.RawURLEncoding.EncodeToString
		answer(w, token.JWKS{Keys: []token.JWK{{Kty: "EC", Kid: "k1", Use: "sig", Alg: "ES256", Crv: "P-256", X: b64(raw[1:33]), Y: b64(raw[33:])}}})
	})
	return mux
}

// accessToken returns a token of the forum's own. change makes it another's.
func (h *house) accessToken(audience, scope string, change ...func(*token.AccessClaims)) string {
	h.t.Helper()
	now := time.Now()
	claims := token.AccessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: portalURL, Subject: "forum", Audience: jwt.ClaimStrings{audience}, ID: "j1",
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
		},
		ClientID: "forum", Scope: scope,
	}
	for _, c := range change {
		c(&claims)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["kid"], t.Header["typ"] = "k1", "at+jwt"
	raw, err := t.SignedString(h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	return raw
}

// browser is somebody at the shop, with cookies.
type browser struct {
	*http.Client
	h   *house
	jar *cookiejar.Jar
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{h: h, jar: jar, Client: &http.Client{
		Transport: h.transport(), Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signIn begins a session as the callback from the portal would.
func (b *browser) signIn(sub, name string, roles ...string) {
	b.h.t.Helper()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, shopURL+"/", nil)
	if _, err := b.h.sessions.Start(b.h.t.Context(), rec, r, session.Record{
		Subject: sub, SID: "sid-" + sub, Name: name, Email: "a@example.com", Roles: append([]string{"customer"}, roles...), AuthTime: time.Now(),
	}); err != nil {
		b.h.t.Fatal(err)
	}
	u, _ := url.Parse(shopURL)
	b.jar.SetCookies(u, rec.Result().Cookies())
}

type answer struct {
	Status int
	Body   string
	Header http.Header
}

func (b *browser) do(method, path, body string, header ...string) answer {
	b.h.t.Helper()
	req, err := http.NewRequestWithContext(b.h.t.Context(), method, shopURL+path, strings.NewReader(body))
	if err != nil {
		b.h.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Referer", shopURL+path)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.Do(req)
	if err != nil {
		b.h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, res.Body); err != nil {
		b.h.t.Fatal(err)
	}
	return answer{res.StatusCode, buf.String(), res.Header}
}

func (b *browser) get(path string, header ...string) answer {
	b.h.t.Helper()
	return b.do(http.MethodGet, path, "", header...)
}

func (b *browser) post(path string, form url.Values, header ...string) answer {
	b.h.t.Helper()
	return b.do(http.MethodPost, path, form.Encode(), header...)
}

func (b *browser) want(a answer, status int, parts ...string) answer {
	b.h.t.Helper()
	if a.Status != status {
		b.h.t.Errorf("status %d, want %d: %.300s", a.Status, status, a.Body)
	}
	for _, p := range parts {
		if !strings.Contains(a.Body, p) && !strings.Contains(a.Header.Get("Location"), p) {
			b.h.t.Errorf("%q is not in the answer: %.300s", p, a.Body)
		}
	}
	return a
}

// each runs test with a shop on SQLite with embedded Redis, and on real servers.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, env.DB(t, "shop"), env.MiniRedis(t))) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, env.Postgres(t, "shop"), env.Redis(t))) })
}

func TestNew_RefusesNothing(t *testing.T) {
	if _, err := shop.New(t.Context(), shop.Deps{}); err == nil {
		t.Error("a shop without a database was opened")
	}
}

func value(t *testing.T, body, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `name="`+name+`" value="`)
	if !ok {
		t.Fatalf("there is no field %s: %.300s", name, body)
	}
	v, _, _ := strings.Cut(rest, `"`)
	return v
}

func dialRedis(t *testing.T, rawURL string) redis.UniversalClient {
	t.Helper()
	o, err := redis.ParseURL(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	o.DialTimeout, o.MaxRetries = time.Second, -1
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}
