package academy_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/apps/academy"
	"gatehouse.example/db"
	"gatehouse.example/sso/token"
)

const portalURL = "http://portal.house.test"

// portal signs in whoever comes, as Late Riser.
type portal struct {
	t   *testing.T
	now func() time.Time

	mu    sync.Mutex
	nonce string // of the sign-in under way
}

// withPortal is an Academy with one.
func withPortal(t *testing.T, d *db.DB, change ...func(*academy.Deps)) (*house, *portal) {
	t.Helper()
	p := &portal{t: t}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
	}}
	t.Cleanup(tr.CloseIdleConnections)
	h := newHouse(t, d, append(change, func(deps *academy.Deps) { deps.HTTPClient = &http.Client{Transport: tr} })...)
	p.now = h.clock
	return h, p
}

func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer = map[string]any{"issuer": portalURL, "authorization_endpoint": portalURL + "/oauth/authorize",
			"token_endpoint": portalURL + "/oauth/token", "jwks_uri": portalURL + "/oauth/jwks"}
	case "/oauth/jwks":
		answer = token.JWKS{Keys: []token.JWK{{Kty: "RSA", Kid: "k", Use: "sig", Alg: "RS256",
			N: base64.RawURLEncoding.EncodeToString(portalKey().N.Bytes()), E: "AQAB"}}}
	case "/oauth/token":
		answer = map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": p.idToken()}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

var portalKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func (p *portal) idToken() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": portalURL, "sub": "late", "aud": "academy",
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(), "nonce": p.nonce, "sid": "sid-late",
		"name": "Late Riser", "email": "late@example.com", "roles": []string{"customer"}})
	tok.Header["kid"] = "k"
	raw, err := tok.SignedString(portalKey())
	if err != nil {
		p.t.Error(err)
	}
	return raw
}

// through follows a redirect to the portal, signs in there and comes back.
func (p *portal) through(v *visitor, authorize string) page {
	p.t.Helper()
	u, err := url.Parse(authorize)
	if err != nil || u.Host != "portal.house.test" {
		p.t.Fatalf("%q does not lead to the portal", authorize)
	}
	p.mu.Lock()
	p.nonce = u.Query().Get("nonce")
	p.mu.Unlock()
	return v.get("/auth/callback?" + url.Values{"code": {"c"}, "state": {u.Query().Get("state")}, "iss": {portalURL}}.Encode())
}
