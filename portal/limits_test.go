package portal_test

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/portal"
	"gatehouse.example/portal/clients"
)

// longest returns what has n bytes and begins with start.
func longest(start string, n int) string { return start + strings.Repeat("a", n-len(start)) }

// Whatever may be registered can be used: a client each of whose values is as long as registration accepts.
func TestLimits_WhatIsRegisteredCanBeUsed(t *testing.T) {
	c := portal.Client{
		ID: longest("long-", clients.MaxID), Name: "Long", Secret: longest("s%+: ü", clients.MaxSecret),
		RedirectURIs: []string{longest("http://long.test/callback?", clients.MaxURI)}, PostLogoutRedirectURIs: []string{longest("http://long.test/bye?", clients.MaxURI)},
		Audiences: []string{longest("http://long.test/api?", clients.MaxURI)}, Scopes: []string{"openid"},
	}
	for len(c.Scopes) < 50 {
		c.Scopes = append(c.Scopes, longest(strings.Repeat("s", len(c.Scopes)), 100))
	}
	h := newHouseWith(t, func(d *portal.Deps) { d.Clients = append(d.Clients, c) })
	b := h.browser()
	target := authorizeURL("client_id", c.ID, "redirect_uri", c.RedirectURIs[0], "scope", strings.Join(c.Scopes, " "), "resource", c.Audiences[0])
	to := h.get(b, target).to
	if to == nil || to.Path != "/sign-in" {
		t.Fatalf("a guest was led to %.200v", to)
	}
	a := h.get(b, h.signIn(b, to.Query().Get("return_to")).to.String())
	if a.to == nil || a.to.Query().Get("code") == "" {
		t.Fatalf("authorize: %d %.200v", a.status, a.to)
	}
	set := h.post(h.browser(), "/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {a.to.Query().Get("code")}, "redirect_uri": c.RedirectURIs, "code_verifier": {verifier}, "resource": c.Audiences,
	}, "Authorization", basic(c.ID, c.Secret))
	if set.status != http.StatusOK {
		t.Fatalf("token: %d %s", set.status, set.body)
	}
	bye := h.get(b, "/oauth/logout?"+url.Values{
		"id_token_hint": {text(set.json(t), "id_token")}, "post_logout_redirect_uri": c.PostLogoutRedirectURIs,
	}.Encode())
	if bye.to == nil || bye.to.String() != c.PostLogoutRedirectURIs[0] {
		t.Errorf("logout: %d %.200v", bye.status, bye.to)
	}
	for what, broken := range map[string]func(c *portal.Client){
		"id": func(c *portal.Client) { c.ID += "a" }, "secret": func(c *portal.Client) { c.Secret += "a" },
		"redirect URI":    func(c *portal.Client) { c.RedirectURIs = []string{c.RedirectURIs[0] + "a"} },
		"post-logout URI": func(c *portal.Client) { c.PostLogoutRedirectURIs = []string{c.PostLogoutRedirectURIs[0] + "a"} },
		"audience":        func(c *portal.Client) { c.Audiences = []string{c.Audiences[0] + "a"} },
		"scopes":          func(c *portal.Client) { c.Scopes = append(c.Scopes, "one") },
	} {
		longer := c
		broken(&longer)
		if _, err := longer.Prepare(true); err == nil {
			t.Errorf("%s: longer than requests accept, and registered", what)
		}
	}
}

// opaques are values of the longest state and nonce: of characters that stay as they are in a URL, and of those that
// grow the most there, in JSON and in HTML.
var opaques = map[string]string{
	"plain": strings.Repeat("a", 4000), "three bytes": strings.Repeat("€", 1333) + "b", "markup": strings.Repeat("<&\">", 1000),
	"percent and plus": strings.Repeat("%+ /", 1000),
}

func TestLimits_StateAndNonceComeBackUnchanged(t *testing.T) {
	for name, opaque := range opaques {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" by "+method, func(t *testing.T) {
				h := newHouseWith(t, func(*portal.Deps) {})
				b := h.browser()
				q := request("state", opaque, "nonce", opaque, "unknown", strings.Repeat("u", 70_000))
				if method == http.MethodGet {
					q.Del("unknown") // no server reads a URL of that length
				}
				ask := func() answer {
					if method == http.MethodGet {
						return h.get(b, "/oauth/authorize?"+q.Encode())
					}
					a := h.post(b, "/oauth/authorize", q)
					if a.to == nil {
						t.Fatalf("%d %s", a.status, a.body)
					}
					return h.get(b, a.to.String())
				}
				page := h.get(b, ask().to.String())
				if page.status != http.StatusOK {
					t.Fatalf("the sign-in page: %d", page.status)
				}
				field := regexp.MustCompile(`name="return_to" value="(/oauth/authorize[^"]*)"`).FindStringSubmatch(page.body)
				a := h.get(b, h.signIn(b, html.UnescapeString(field[1])).to.String())
				if a.to == nil || a.to.Query().Get("state") != opaque || a.to.Query().Get("code") == "" {
					t.Fatalf("after the sign-in: %d, error %q: %.200v", a.status, a.to.Query().Get("error_description"), a.to)
				}
				if again := ask(); again.to == nil || again.to.Query().Get("state") != opaque {
					t.Errorf("signed in already: %d %.200v", again.status, again.to)
				}
				idToken := text(h.tokens(exchange(a.to.Query().Get("code"))), "id_token")
				payload, err := base64.RawURLEncoding.DecodeString(strings.Split(idToken, ".")[1])
				var claims struct{ Nonce string }
				if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Nonce != opaque {
					t.Errorf("the nonce came back changed: %.100q", claims.Nonce)
				}
				logout := url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {"http://one.test/bye"}, "state": {opaque}}
				var bye answer
				if method == http.MethodGet {
					bye = h.get(b, "/oauth/logout?"+logout.Encode())
				} else {
					bye = h.post(b, "/oauth/logout", logout)
				}
				if bye.to == nil || bye.to.Query().Get("state") != opaque {
					t.Errorf("logout: %d %.200v", bye.status, bye.to)
				}
			})
		}
	}
}

func TestLimits_LongerIsRefused(t *testing.T) {
	h := newHouseWith(t, func(*portal.Deps) {})
	b := h.browser()
	h.signIn(b, "/")
	for _, name := range []string{"state", "nonce"} {
		a := h.get(b, authorizeURL(name, strings.Repeat("a", 4001)))
		if a.to == nil || a.to.Query().Get("error") != "invalid_request" {
			t.Errorf("%s: %d %.200v", name, a.status, a.to)
		}
	}
}
