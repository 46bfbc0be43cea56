package forum_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/forum"
	"gatehouse.example/db"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/token"
	"gatehouse.example/tests/env"
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
	estate := env.Estate(t, "http://house.test")
	// Every host of the estate is the stand-in's listener.
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", siblings.Listener.Addr().String())
	}}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	h.forum, err = forum.New(t.Context(), forum.Deps{DB: d, Redis: rdb, Estate: estate, Replica: "forum-1", Logger: log,
		Now: h.clock, HTTPClient: client, ClientSecret: "secret", Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Demo: demo})
	if err != nil {
		t.Fatal(err)
	}
	if h.sessions, err = session.New(rdb, session.Options{Keys: [][]byte{[]byte("a key of thirty-two random bytes")}, Service: "forum", Now: h.clock}); err != nil {
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
