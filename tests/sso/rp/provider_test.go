package rp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/sso/token"
)

const (
	clientID = "shop"
	secret   = "a secret: with & signs"
)

// provider is an OpenID Connect provider that does what a test tells it, faults
// and lies included.
type provider struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu        sync.Mutex
	signedIn  bool                // has a session with the browser
	codes     map[string]string   // code → nonce
	asked     int                 // authorization requests
	exchanges int                 // codes that somebody tried to exchange
	refreshes int                 // refresh grants served
	services  int                 // client-credentials grants served
	idToken   func(jwt.MapClaims) // spoils an ID token before it is signed
	answer    func(url.Values)    // spoils the authorization response
	signWith  func(*jwt.Token) string
	elsewhere string     // where the token endpoint redirects to
	lastAuth  url.Values // the last authorization request
	portal    bool       // says that it is Gatehouse's portal
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, codes: map[string]string{}, signedIn: true}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.FormValue("post_logout_redirect_uri")+"?state="+r.FormValue("state"), http.StatusSeeOther)
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/jwks", "end_session_endpoint": p.URL + "/logout", "authorization_response_iss_parameter_supported": true,
		"gatehouse_backchannel_logout_offline_access": p.portal,
	})
}

func (p *provider) jwks(w http.ResponseWriter, _ *http.Request) {
	raw, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	reply(w, token.JWKS{Keys: []token.JWK{{Kty: "EC", Crv: "P-256", Kid: "k1", Alg: "ES256", X: b64(raw[1:33]), Y: b64(raw[33:])}}})
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	p.lastAuth = q
	p.asked++
	out := url.Values{"state": {q.Get("state")}, "iss": {p.URL}}
	if p.signedIn {
		code := rand.Text()
		p.codes[code] = q.Get("nonce")
		out.Set("code", code)
	} else {
		out.Set("error", "login_required")
	}
	if p.answer != nil {
		p.answer(out)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+out.Encode(), http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.elsewhere != "" {
		http.Redirect(w, r, p.elsewhere, http.StatusTemporaryRedirect)
		return
	}
	id, pass, _ := r.BasicAuth()
	if id, _ = url.QueryUnescape(id); id != clientID {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if pass, _ = url.QueryUnescape(pass); pass != secret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	out := map[string]any{"token_type": "Bearer", "expires_in": 300, "access_token": rand.Text()}
	switch r.FormValue("grant_type") {
	case "authorization_code":
		p.exchanges++
		nonce, ok := p.codes[r.FormValue("code")]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			reply(w, map[string]any{"error": "invalid_grant"})
			return
		}
		delete(p.codes, r.FormValue("code"))
		claims := p.claims(clientID)
		claims["nonce"], claims["sid"], claims["name"], claims["email"], claims["roles"] = nonce, "sid-1", "Alice", "alice@example.com", []string{"customer"}
		if p.idToken != nil {
			p.idToken(claims)
		}
		out["id_token"], out["refresh_token"] = p.sign("JWT", claims), "refresh-0"
	case "refresh_token":
		time.Sleep(20 * time.Millisecond) // so that others come meanwhile
		p.refreshes++
		out["refresh_token"] = rand.Text()
	case "client_credentials":
		p.services++
	}
	reply(w, out)
}

func (p *provider) claims(audience string) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{"iss": p.URL, "sub": "alice", "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix()}
}

func (p *provider) sign(typ string, claims jwt.MapClaims) string {
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["typ"], t.Header["kid"] = typ, "k1"
	if p.signWith != nil {
		return p.signWith(t)
	}
	raw, err := t.SignedString(p.key)
	if err != nil {
		panic(err)
	}
	return raw
}

// logoutToken is a good one, before spoil changes it.
func (p *provider) logoutToken(typ string, spoil func(jwt.MapClaims)) string {
	c := p.claims(clientID)
	c["sid"], c["jti"], c["events"] = "sid-1", rand.Text(), map[string]any{token.LogoutEvent: map[string]any{}}
	if spoil != nil {
		spoil(c)
	}
	return p.sign(typ, c)
}

func reply(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
