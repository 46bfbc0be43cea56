package portal_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/tests/env"
)

// introspect asks about a token as a client with a secret.
func (h *house) introspect(client, token string, more ...string) answer {
	h.t.Helper()
	form := url.Values{"token": {token}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	secret := secretOne
	if client == "two" {
		form.Set("client_id", client)
		form.Set("client_secret", secretTwo)
		return h.post(h.browser(), "/oauth/introspect", form)
	}
	return h.post(h.browser(), "/oauth/introspect", form, "Authorization", basic(client, secret))
}

// active says whether a client is told that a token is good. An answer that says no says nothing else.
func (h *house) active(client, token string) bool {
	h.t.Helper()
	a := h.introspect(client, token)
	if a.status != http.StatusOK || !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		h.t.Fatalf("introspection as %s answered %d %s", client, a.status, a.body)
	}
	good, _ := a.json(h.t)["active"].(bool)
	if !good && strings.TrimSpace(a.body) != `{"active":false}` {
		h.t.Errorf("an inactive token is told of: %s", a.body)
	}
	return good
}

// forAPI are the tokens of a person for another API, whose own client is "api".
func (h *house) forAPI(b *http.Client) map[string]any {
	h.t.Helper()
	return h.tokens(exchange(h.code(b, "scope", "openid email roles offline_access things:read", "resource", resource)))
}

func TestIntrospect_TellsWhatTheTokenSays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		set := h.forAPI(b)
		access, refresh := text(set, "access_token"), text(set, "refresh_token")
		var claims jwt.MapClaims
		if _, _, err := jwt.NewParser().ParseUnverified(access, &claims); err != nil {
			t.Fatal(err)
		}
		for _, client := range []string{"one", "api"} { // who has it, and whom it is for
			got := h.introspect(client, access, "token_type_hint", "access_token").json(t)
			for name, want := range map[string]any{
				"active": true, "client_id": "one", "token_type": "Bearer", "sub": "demo-alice", "aud": resource, "iss": h.issuer,
				"scope": "things:read roles", "exp": claims["exp"], "iat": claims["iat"], "jti": claims["jti"], "sid": claims["sid"], "auth_time": claims["auth_time"],
			} {
				if name == "scope" { // in any order
					words := strings.Fields(text(got, name))
					slices.Sort(words)
					got[name] = strings.Join(words, " ")
					want = "roles things:read"
				}
				if got[name] != want {
					t.Errorf("as %s: %s is %v, want %v", client, name, got[name], want)
				}
			}
			if roles, _ := json.Marshal(got["roles"]); string(roles) != `["customer"]` || got["username"] != nil {
				t.Errorf("as %s: %v", client, got)
			}
		}
		got := h.introspect("one", refresh, "token_type_hint", "access_token").json(t) // a wrong hint is no hindrance
		if got["active"] != true || got["client_id"] != "one" || got["sub"] != "demo-alice" || got["iss"] != h.issuer || got["token_type"] != nil ||
			got["exp"].(float64) < float64(h.clock.now().Add(24*time.Hour).Unix()) || !strings.Contains(text(got, "scope"), "offline_access") {
			t.Errorf("a refresh token: %v", got)
		}
		own := text(h.tokens(exchange(h.code(b))), "access_token") // for the portal itself, with the scope email
		if got := h.introspect("one", own).json(t); got["username"] != "alice@example.com" || got["aud"] != h.issuer {
			t.Errorf("a token for the portal: %v", got)
		}
		program := text(h.tokens(url.Values{"grant_type": {"client_credentials"}, "scope": {"things:read"}, "resource": {resource}}), "access_token")
		if got := h.introspect("api", program).json(t); got["active"] != true || got["sub"] != "one" || got["client_id"] != "one" || got["sid"] != nil {
			t.Errorf("a program's token: %v", got)
		}
		for name, told := range map[string]bool{
			"another client, of an access token": h.active("two", access), "another client, of a refresh token": h.active("two", refresh),
			"the API, of a refresh token": h.active("api", refresh), "the API, of a token for the portal": h.active("api", own),
			"another client, of a program's token": h.active("two", program),
		} {
			if told {
				t.Errorf("%s is told", name)
			}
		}
	})
}

func TestIntrospect_WhatIsNotGood(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		set := h.forAPI(b)
		access, refresh := text(set, "access_token"), text(set, "refresh_token")
		head, rest, _ := strings.Cut(access, ".")
		payload, _, _ := strings.Cut(rest, ".")
		for name, token := range map[string]string{
			"nonsense": "x", "dots": "..", "an ID token": text(set, "id_token"), "no signature": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + payload + ".",
			"another signature": head + "." + payload + "." + strings.Repeat("A", 86), "not text": "a.b.\u2066", "long": strings.Repeat("x", 9000),
		} {
			if h.active("one", token) {
				t.Errorf("%s is active", name)
			}
		}
		if !h.active("one", refresh) {
			t.Error("a refresh token is not active")
		}
		next := text(h.tokens(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}), "refresh_token")
		if h.active("one", refresh) || !h.active("one", next) {
			t.Error("a used refresh token is active, or its successor is not")
		}
		h.clock.advance(6 * time.Minute)
		if h.active("one", access) || h.active("api", access) {
			t.Error("an expired access token is active")
		}
		h.clock.advance(31 * 24 * time.Hour)
		if h.active("one", next) {
			t.Error("an expired refresh token is active")
		}
	})
}

// Whatever ends tokens ends them here at once.
func TestIntrospect_EndedIsInactiveAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		revoke := func(token string) func(*http.Client) {
			return func(*http.Client) {
				if a := h.post(h.browser(), "/oauth/revoke", url.Values{"token": {token}}, "Authorization", basic("one", secretOne)); a.status != http.StatusOK {
					t.Fatalf("revoking: %d %s", a.status, a.body)
				}
			}
		}
		for name, tc := range map[string]struct {
			end     func(set map[string]any) func(b *http.Client)
			refresh bool // lives on
		}{
			"signed out": {func(map[string]any) func(*http.Client) {
				return func(b *http.Client) { h.post(b, "/sign-out", url.Values{}) }
			}, false},
			"signed out everywhere": {func(map[string]any) func(*http.Client) {
				return func(b *http.Client) { h.post(b, "/sign-out/everywhere", url.Values{}) }
			}, false},
			"access token revoked":  {func(set map[string]any) func(*http.Client) { return revoke(text(set, "access_token")) }, true},
			"refresh token revoked": {func(set map[string]any) func(*http.Client) { return revoke(text(set, "refresh_token")) }, false},
			"kept from signing in": {func(map[string]any) func(*http.Client) {
				return func(*http.Client) {
					if _, err := h.db.ExecContext(t.Context(), `UPDATE users SET disabled_at = 1 WHERE id = 'demo-alice'`); err != nil {
						t.Fatal(err)
					}
				}
			}, false},
		} {
			b := h.browser()
			h.signIn(b, "/")
			set := h.forAPI(b)
			access, refresh := text(set, "access_token"), text(set, "refresh_token")
			if !h.active("api", access) || !h.active("one", refresh) {
				t.Fatalf("%s: not active before", name)
			}
			tc.end(set)(b)
			if h.active("api", access) || h.active("one", access) {
				t.Errorf("%s: the access token is active", name)
			}
			if h.active("one", refresh) != tc.refresh {
				t.Errorf("%s: the refresh token is active: %t", name, !tc.refresh)
			}
			if _, err := h.db.ExecContext(t.Context(), `UPDATE users SET disabled_at = NULL`); err != nil {
				t.Fatal(err)
			}
		}
		// A client that is disabled, once that is noticed.
		token := text(h.tokens(url.Values{"grant_type": {"client_credentials"}, "scope": {"things:read"}, "resource": {resource}}), "access_token")
		if !h.active("api", token) {
			t.Error("a program's token is not active")
		}
		if _, err := h.db.ExecContext(t.Context(), `UPDATE clients SET disabled_at = 1 WHERE id = 'one'`); err != nil {
			t.Fatal(err)
		}
		h.clock.advance(time.Minute)
		if h.active("api", token) {
			t.Error("the token of a disabled client is active")
		}
	})
}

func TestIntrospect_OnlyClientsWithASecretMayAsk(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for name, tc := range map[string]struct {
			form   url.Values
			header []string
			status int
			code   string
		}{
			"nobody":            {url.Values{"token": {"x"}}, nil, 401, "invalid_client"},
			"a public client":   {url.Values{"token": {"x"}, "client_id": {"open"}}, nil, 401, "invalid_client"},
			"a wrong secret":    {url.Values{"token": {"x"}}, []string{"Authorization", basic("one", "wrong")}, 401, "invalid_client"},
			"an unknown client": {url.Values{"token": {"x"}}, []string{"Authorization", basic("nobody", secretOne)}, 401, "invalid_client"},
			"a bearer token":    {url.Values{"token": {"x"}}, []string{"Authorization", "Bearer x"}, 401, "invalid_client"},
			"no token":          {url.Values{}, []string{"Authorization", basic("one", secretOne)}, 400, "invalid_request"},
			"two tokens":        {url.Values{"token": {"x", "y"}}, []string{"Authorization", basic("one", secretOne)}, 400, "invalid_request"},
			"an enormous token": {url.Values{"token": {strings.Repeat("x", 20<<10)}}, []string{"Authorization", basic("one", secretOne)}, 400, "invalid_request"},
		} {
			a := h.post(h.browser(), "/oauth/introspect", tc.form, tc.header...)
			if a.status != tc.status || text(a.json(t), "error") != tc.code || (a.header.Get("WWW-Authenticate") != "") != (tc.status == 401) {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if a := h.get(h.browser(), "/oauth/introspect?token=x"); a.status != http.StatusMethodNotAllowed || text(a.json(t), "error") != "invalid_request" {
			t.Errorf("GET: %d %s", a.status, a.body)
		}
		m := h.get(h.browser(), "/.well-known/openid-configuration").json(t)
		if m["introspection_endpoint"] != h.issuer+"/oauth/introspect" || len(m["introspection_endpoint_auth_methods_supported"].([]any)) != 2 {
			t.Errorf("discovery: %v", m["introspection_endpoint"])
		}
	})
}

// While nobody can know whether a token was revoked, it is not called good; nor is it called bad.
func TestIntrospect_NobodyKnows(t *testing.T) {
	server, rdb := env.OwnRedis(t, t.TempDir())
	h := newHouse(t, env.DB(t, "portal"), rdb)
	b := h.browser()
	h.signIn(b, "/")
	set := h.forAPI(b)
	own := text(h.tokens(exchange(h.code(b))), "access_token")
	server.Stop()
	for name, ask := range map[string]func() answer{
		"an access token": func() answer { return h.introspect("api", text(set, "access_token")) },
		"a refresh token": func() answer { return h.introspect("one", text(set, "refresh_token")) },
		"userinfo":        func() answer { return h.userinfo(own) },
	} {
		a := h.refusing(ask)
		if a.header.Get("Retry-After") == "" || text(a.json(t), "error") != "temporarily_unavailable" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, token := range []string{text(set, "access_token"), text(set, "refresh_token")} {
		if h.active("two", token) {
			t.Error("another client is told")
		}
		if a := h.post(h.browser(), "/oauth/revoke", url.Values{"token": {token}}, "Authorization", basic("one", secretOne)); a.status != http.StatusServiceUnavailable {
			t.Errorf("revoking when nobody can be told: %d %s", a.status, a.body)
		}
	}
}

// refusing asks until the answer is 503: within its bound a mirror of the denylist answers from memory.
func (h *house) refusing(ask func() answer) answer {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		a := ask()
		if a.status == http.StatusServiceUnavailable {
			return a
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("never 503, but %d %s", a.status, a.body)
		}
	}
}

// Revocations of one token from everywhere at once.
func TestRevoke_ManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		set := h.forAPI(b)
		var wg sync.WaitGroup
		for _, token := range []string{text(set, "access_token"), text(set, "refresh_token"), text(set, "access_token"), text(set, "refresh_token")} {
			wg.Go(func() {
				if a := h.post(h.browser(), "/oauth/revoke", url.Values{"token": {token}}, "Authorization", basic("one", secretOne)); a.status != http.StatusOK {
					t.Errorf("revoking: %d %s", a.status, a.body)
				}
			})
		}
		wg.Wait()
		if h.active("one", text(set, "access_token")) || h.active("one", text(set, "refresh_token")) {
			t.Error("a revoked token is active")
		}
	})
}
