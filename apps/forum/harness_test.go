package forum_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse/apps/forum"
	"gatehouse/db"
	"gatehouse/sso/session"
	"gatehouse/sso/token"
	"gatehouse/tests/env"
	"gatehouse/web"
)

// house is a running forum with a stand-in for its siblings: a real HTTP server
// that issues tokens as the portal and tells of products and purchases as the shop.
type house struct {
	t        *testing.T
	forum    *forum.App
	server   *httptest.Server
	sessions *session.Store
	db       *db.DB

	mu        sync.Mutex
	down      bool                // the shop does not answer
	buyers    map[string][]string // by product
	asked     []url.Values        // what the forum asked about purchases
	bearers   []string
	requested []string // what tokens were asked for
	nonce     string   // of the sign-in under way
	now       time.Time
}

var opening = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newHouse(t *testing.T, d *db.DB, rdb redis.UniversalClient, demo bool) *house {
	t.Helper()
	h := &house{t: t, db: d, buyers: map[string][]string{}, now: opening}
	siblings := httptest.NewServer(h.siblings())
	t.Cleanup(siblings.Close)
	estate, err := web.ParseEstate("http://house.test")
	if err != nil {
		t.Fatal(err)
	}
	// Every host of the estate is the stand-in's listener.
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", siblings.Listener.Addr().String())
	}}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	h.forum, err = forum.New(t.Context(), forum.Deps{DB: d, Redis: rdb, Estate: estate, Replica: "forum-1", Logger: log,
		Now: h.clock, HTTPClient: client, ClientSecret: "secret", Demo: demo})
	if err != nil {
		t.Fatal(err)
	}
	if h.sessions, err = session.New(rdb, session.Options{Service: "forum", Now: h.clock}); err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(h.forum.Handler())
	t.Cleanup(h.server.Close)
	return h
}

// each runs the test with a forum on either database.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	env.EachDB(t, "forum", func(t *testing.T, d *db.DB) { test(t, newHouse(t, d, env.MiniRedis(t), false)) })
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) siblings() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET portal.house.test/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		portal := "http://portal.house.test"
		answer(w, map[string]any{"issuer": portal, "authorization_endpoint": portal + "/oauth/authorize",
			"token_endpoint": portal + "/oauth/token", "jwks_uri": portal + "/oauth/jwks"})
	})
	mux.HandleFunc("POST portal.house.test/oauth/token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		h.mu.Lock()
		h.requested = append(h.requested, r.Form.Get("grant_type")+" "+r.Form.Get("resource")+" "+r.Form.Get("scope"))
		nonce := h.nonce
		h.mu.Unlock()
		set := map[string]any{"access_token": "token-of-the-forum", "token_type": "Bearer", "expires_in": 300}
		if r.Form.Get("grant_type") == "authorization_code" {
			set["id_token"] = signedIDToken(h.t, h.clock(), nonce)
		}
		answer(w, set)
	})
	mux.HandleFunc("GET portal.house.test/oauth/jwks", func(w http.ResponseWriter, r *http.Request) {
		answer(w, token.JWKS{Keys: []token.JWK{{Kty: "RSA", Kid: "k", Use: "sig", Alg: "RS256",
			N: base64.RawURLEncoding.EncodeToString(signingKey().N.Bytes()), E: "AQAB"}}})
	})
	mux.HandleFunc("GET shop.house.test/api/v1/products/{slug}", func(w http.ResponseWriter, r *http.Request) {
		switch slug := r.PathValue("slug"); {
		case h.isDown():
			panic(http.ErrAbortHandler)
		case slug != "latch":
			http.NotFound(w, r)
		default:
			answer(w, map[string]any{"slug": slug, "name": "Brass <Latch>", "url": "http://shop.house.test/products/latch"})
		}
	})
	mux.HandleFunc("GET shop.house.test/api/v1/purchases", func(w http.ResponseWriter, r *http.Request) {
		if h.isDown() {
			panic(http.ErrAbortHandler)
		}
		q := r.URL.Query()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.asked, h.bearers = append(h.asked, q), append(h.bearers, r.Header.Get("Authorization"))
		bought := slices.DeleteFunc(slices.Clone(h.buyers[q.Get("product")]), func(s string) bool { return !slices.Contains(q["sub"], s) })
		answer(w, map[string]any{"product": q.Get("product"), "buyers": bought})
	})
	return mux
}

func (h *house) isDown() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.down
}

func (h *house) setDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

// signingKey is the stand-in portal's.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func signedIDToken(t *testing.T, now time.Time, nonce string) string {
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": "http://portal.house.test", "sub": "late", "aud": "forum",
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(), "nonce": nonce, "sid": "sid-late",
		"name": "Late Riser", "email": "late@example.com", "roles": []string{"customer"}})
	tok.Header["kid"] = "k"
	raw, err := tok.SignedString(signingKey())
	if err != nil {
		t.Error(err)
	}
	return raw
}

// throughPortal follows a redirect to the portal, signs in there and comes back.
func (v *visitor) throughPortal(authorize string) page {
	v.h.t.Helper()
	u, err := url.Parse(authorize)
	if err != nil || u.Host != "portal.house.test" {
		v.h.t.Fatalf("%q does not lead to the portal", authorize)
	}
	v.h.mu.Lock()
	v.h.nonce = u.Query().Get("nonce")
	v.h.mu.Unlock()
	return v.get("/auth/callback?" + url.Values{"code": {"c"}, "state": {u.Query().Get("state")}, "iss": {"http://portal.house.test"}}.Encode())
}

// visitor is a browser without JavaScript.
type visitor struct {
	h       *house
	cookies map[string]*http.Cookie
}

func (h *house) guest() *visitor { return &visitor{h: h, cookies: map[string]*http.Cookie{}} }

// person is a browser signed in as sub.
func (h *house) person(sub string, roles ...string) *visitor {
	v := h.guest()
	v.signIn(sub, roles...)
	return v
}

func (v *visitor) signIn(sub string, roles ...string) {
	v.h.t.Helper()
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "http://forum.house.test/", nil)
	err := v.h.sessions.Start(req.Context(), rec, req, session.Record{Subject: sub, SID: "sid-" + sub, Name: strings.ToUpper(sub[:1]) + sub[1:],
		Email: sub + "@example.com", Roles: roles, AuthTime: v.h.clock()})
	if err != nil {
		v.h.t.Fatal(err)
	}
	v.keep(rec.Result())
}

func (v *visitor) keep(res *http.Response) {
	for _, k := range res.Cookies() {
		v.cookies[k.Name] = k
		if k.MaxAge < 0 {
			delete(v.cookies, k.Name)
		}
	}
}

type page struct {
	status   int
	body     string
	location string
	header   http.Header
}

func (v *visitor) get(path string, headers ...string) page {
	v.h.t.Helper()
	return v.do(http.MethodGet, path, "", "", headers...)
}

// post sends a form, name then value by turns.
func (v *visitor) post(path string, fields ...string) page {
	v.h.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

func (v *visitor) do(method, path, contentType, body string, headers ...string) page {
	v.h.t.Helper()
	req, err := http.NewRequest(method, v.h.server.URL+path, bytes.NewBufferString(body))
	if err != nil {
		v.h.t.Fatal(err)
	}
	req.Host = "forum.house.test"
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	for _, k := range v.cookies {
		req.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		v.h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		v.h.t.Fatal(err)
	}
	v.keep(res)
	return page{res.StatusCode, string(raw), res.Header.Get("Location"), res.Header}
}

var keyField = regexp.MustCompile(`name="key" value="([A-Z2-7]{26})"`)

// key is the form key of a page.
func (p page) key(t *testing.T) string {
	t.Helper()
	m := keyField.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("no form with a key in a page of status %d", p.status)
	}
	return m[1]
}

func (p page) want(t *testing.T, status int, texts ...string) page {
	t.Helper()
	if p.status != status {
		t.Fatalf("status %d, want %d\n%s", p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Fatalf("no %q in\n%s", text, p.body)
		}
	}
	return p
}

func (p page) without(t *testing.T, texts ...string) page {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Fatalf("there is %q in\n%s", text, p.body)
		}
	}
	return p
}

// begin starts a thread and returns its path and its opening post's id.
func (v *visitor) begin(title, body string, more ...string) (path, post string) {
	v.h.t.Helper()
	fields := append([]string{"key", v.get("/new").key(v.h.t), "board", "products", "title", title, "body", body}, more...)
	p := v.post("/new", fields...).want(v.h.t, http.StatusSeeOther)
	path, _, _ = strings.Cut(p.location, "#")
	return path, v.h.postID(path, 1)
}

func (v *visitor) reply(thread, body string) (post string) {
	v.h.t.Helper()
	p := v.post(thread+"/reply", "key", v.get(thread).key(v.h.t), "body", body).want(v.h.t, http.StatusSeeOther)
	var number int
	if _, err := fmt.Sscanf(p.location[strings.Index(p.location, "#"):], "#post-%d", &number); err != nil {
		v.h.t.Fatal(err)
	}
	return v.h.postID(thread, number)
}

func (h *house) postID(thread string, number int) (id string) {
	h.t.Helper()
	err := h.db.GetContext(h.t.Context(), &id, h.db.Rebind(`SELECT id FROM posts WHERE thread_id = ? AND number = ?`),
		strings.TrimPrefix(thread, "/t/"), number)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// rows counts everything that is stored.
func (h *house) rows() (n int) {
	h.t.Helper()
	err := h.db.GetContext(h.t.Context(), &n, `SELECT (SELECT COUNT(*) FROM threads) + (SELECT COUNT(*) FROM posts) +
		(SELECT COUNT(*) FROM votes) + (SELECT COUNT(*) FROM moderation_log) + (SELECT COUNT(*) FROM event_outbox) +
		(SELECT COALESCE(SUM(version), 0) FROM posts)`)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}
