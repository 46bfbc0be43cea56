//go:build unix

package flows_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"gatehouse.example/tests/estate"
)

const secret = "a-secret-of-somebody-elses-client-0123456789"

// acme is somebody else's application: the same steps that go-oidc's own example takes.
type acme struct {
	t        *testing.T
	estate   *estate.Estate
	ctx      context.Context // carries the HTTP client that finds *.localhost
	provider *oidc.Provider
	config   oauth2.Config
	site     *httptest.Server
	logouts  chan string // logout tokens that arrived over the back channel
}

// newAcme starts an estate that knows the client, and the client's site.
func newAcme(t *testing.T) *acme {
	t.Helper()
	a := &acme{t: t, logouts: make(chan string, 8)}
	a.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/backchannel" && r.Method == http.MethodPost {
			a.logouts <- r.FormValue("logout_token")
		}
	}))
	t.Cleanup(a.site.Close)
	a.estate = estate.Start(t, estate.Options{Clients: []map[string]any{
		a.declare("acme", "client_secret_basic"), a.declare("acme-post", "client_secret_post"), a.declare("acme-public", "none"),
	}})
	a.ctx = oidc.ClientContext(t.Context(), a.estate.Browser())
	var err error
	if a.provider, err = oidc.NewProvider(a.ctx, a.estate.URL("portal")); err != nil {
		t.Fatalf("discovery: %v", err)
	}
	a.config = oauth2.Config{
		ClientID: "acme", ClientSecret: secret, Endpoint: a.provider.Endpoint(), RedirectURL: a.site.URL + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", "roles", oidc.ScopeOfflineAccess},
	}
	return a
}

// declare is one client in the file of clients.
func (a *acme) declare(id, method string) map[string]any {
	client := map[string]any{
		"client_id":                  id,
		"client_name":                "Acme Invoices",
		"token_endpoint_auth_method": method,
		"redirect_uris":              []string{a.site.URL + "/callback"},
		"post_logout_redirect_uris":  []string{a.site.URL + "/goodbye"},
		"backchannel_logout_uri":     a.site.URL + "/backchannel",
		"scopes":                     []string{"openid", "profile", "email", "roles", "offline_access"},
	}
	if method != "none" {
		client["client_secret"] = secret
	}
	return client
}

// browser stops where the client's site begins, so that the test sees what the site would.
func (a *acme) browser() *http.Client {
	b := a.estate.Browser()
	b.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if "http://"+next.URL.Host == a.site.URL || len(via) > 20 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return b
}

// arrival is the address at the client's site that an answer redirects to.
func (a *acme) arrival(answer *http.Response) *url.URL {
	a.t.Helper()
	answer.Body.Close()
	at, err := answer.Location()
	if err != nil || "http://"+at.Host != a.site.URL {
		a.t.Fatalf("%s answered %s and leads to %v, not to %s", answer.Request.URL, answer.Status, at, a.site.URL)
	}
	return at
}

func TestGoOIDC_SignsInRefreshesAndSignsOut(t *testing.T) {
	a := newAcme(t)
	browser := a.browser()
	verifier := oauth2.GenerateVerifier()
	started := time.Now().Add(-time.Second)

	authorize := a.config.AuthCodeURL("my-state", oidc.Nonce("my-nonce"), oauth2.S256ChallengeOption(verifier))
	at := a.arrival(estate.SignIn(t, browser, authorize, "alice@example.com", estate.Password))
	q := at.Query()
	if q.Get("state") != "my-state" || q.Get("iss") != a.estate.URL("portal") || q.Get("code") == "" || at.Path != "/callback" {
		t.Fatalf("came back to %s", at)
	}

	token, err := a.config.Exchange(a.ctx, q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("exchange: %v", err)
	}
	id := a.verify(token)
	var claims struct {
		Email    string   `json:"email"`
		Verified bool     `json:"email_verified"`
		Name     string   `json:"name"`
		Roles    []string `json:"roles"`
		SID      string   `json:"sid"`
		AuthTime int64    `json:"auth_time"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "my-nonce" || id.Subject != "demo-alice" || claims.Email != "alice@example.com" || claims.Name == "" ||
		claims.SID == "" || len(claims.Roles) != 1 || claims.Roles[0] != "customer" {
		t.Errorf("ID token: %+v, %+v", id, claims)
	}
	if signedIn := time.Unix(claims.AuthTime, 0); signedIn.Before(started.Truncate(time.Second)) || signedIn.After(time.Now()) {
		t.Errorf("auth_time %v is not when alice signed in", signedIn)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}

	info, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != id.Subject || info.Email != "alice@example.com" {
		t.Errorf("userinfo: %+v, %v", info, err)
	}

	renewed, err := a.config.TokenSource(a.ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	if renewed.AccessToken == token.AccessToken || renewed.RefreshToken == "" {
		t.Error("the refresh gave nothing new")
	}
	if again, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(renewed)); err != nil || again.Subject != id.Subject {
		t.Errorf("userinfo with the refreshed access token: %+v, %v", again, err)
	}

	a.signOut(browser, token.Extra("id_token").(string), claims.SID)
	if _, err := a.config.TokenSource(a.ctx, &oauth2.Token{RefreshToken: renewed.RefreshToken}).Token(); !refused(err, "invalid_grant") {
		t.Errorf("refresh after the sign-out: %v; want invalid_grant", err)
	}
	silent := a.config.AuthCodeURL("s", oidc.Nonce("n"), oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "none"))
	answer, err := browser.Get(silent)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.arrival(answer).Query().Get("error"); got != "login_required" {
		t.Errorf("prompt=none after the sign-out: error=%q; want login_required", got)
	}
}

// verify checks a token answer's ID token as go-oidc does.
func (a *acme) verify(token *oauth2.Token) *oidc.IDToken {
	a.t.Helper()
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		a.t.Fatal("no id_token in the answer")
	}
	id, err := a.provider.Verifier(&oidc.Config{ClientID: "acme"}).Verify(a.ctx, raw)
	if err != nil {
		a.t.Fatalf("ID token: %v", err)
	}
	return id
}

// signOut sends the browser to the end-session endpoint and waits for the logout token.
func (a *acme) signOut(browser *http.Client, hint, sid string) {
	a.t.Helper()
	var discovered struct {
		EndSession  string `json:"end_session_endpoint"`
		Backchannel bool   `json:"backchannel_logout_supported"`
	}
	if err := a.provider.Claims(&discovered); err != nil || discovered.EndSession == "" || !discovered.Backchannel {
		a.t.Fatalf("discovery: %+v, %v", discovered, err)
	}
	answer, err := browser.Get(discovered.EndSession + "?" + url.Values{
		"id_token_hint": {hint}, "post_logout_redirect_uri": {a.site.URL + "/goodbye"}, "state": {"bye"},
	}.Encode())
	if err != nil {
		a.t.Fatal(err)
	}
	if at := a.arrival(answer); at.Path != "/goodbye" || at.Query().Get("state") != "bye" {
		a.t.Errorf("after the sign-out: %s", at)
	}
	select {
	case raw := <-a.logouts:
		// Back-Channel Logout 1.0 §2.6: checked like an ID token, but it has an event and no nonce.
		verified, err := a.provider.Verifier(&oidc.Config{ClientID: "acme"}).Verify(a.ctx, raw)
		if err != nil {
			a.t.Fatalf("logout token: %v", err)
		}
		var claims struct {
			SID    string         `json:"sid"`
			Events map[string]any `json:"events"`
		}
		if err := verified.Claims(&claims); err != nil {
			a.t.Fatal(err)
		}
		if _, ok := claims.Events["http://schemas.openid.net/event/backchannel-logout"]; !ok || claims.SID != sid || verified.Nonce != "" {
			a.t.Errorf("logout token: %+v, nonce %q; want sid %s", claims, verified.Nonce, sid)
		}
		if typ := header(a.t, raw)["typ"]; typ != "logout+jwt" {
			a.t.Errorf("logout token has typ %v; want logout+jwt", typ)
		}
	case <-time.After(20 * time.Second):
		a.t.Error("no logout token arrived over the back channel")
	}
}

// header decodes a JWT's first part without believing it.
func header(t *testing.T, raw string) map[string]any {
	t.Helper()
	part, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var h map[string]any
	if err := json.Unmarshal(text, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestGoOIDC_CodeIsForOneUseAndOneVerifier(t *testing.T) {
	a := newAcme(t)
	a.config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader // else x/oauth2 answers a refusal by trying the other style
	browser := a.browser()
	verifier := oauth2.GenerateVerifier()
	authorize := a.config.AuthCodeURL("s", oidc.Nonce("n"), oauth2.S256ChallengeOption(verifier))
	first := a.arrival(estate.SignIn(t, browser, authorize, "alice@example.com", estate.Password)).Query().Get("code")
	if _, err := a.config.Exchange(a.ctx, first, oauth2.VerifierOption(oauth2.GenerateVerifier())); !refused(err, "invalid_grant") {
		t.Errorf("exchange with another verifier: %v; want invalid_grant", err)
	}

	// The sign-in lives: the second code comes without a form.
	answer, err := browser.Get(authorize)
	if err != nil {
		t.Fatal(err)
	}
	code := a.arrival(answer).Query().Get("code")
	token, err := a.config.Exchange(a.ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("exchange: %v", err)
	}
	if _, err := a.config.Exchange(a.ctx, code, oauth2.VerifierOption(verifier)); !refused(err, "invalid_grant") {
		t.Errorf("second use of a code: %v; want invalid_grant", err)
	}
	if _, err := a.config.TokenSource(a.ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); !refused(err, "invalid_grant") {
		t.Errorf("refresh token of a code used twice: %v; want invalid_grant", err)
	}
}

func TestGoOIDC_RedirectURIMustBeRegistered(t *testing.T) {
	a := newAcme(t)
	a.config.RedirectURL = a.site.URL + "/callback/"
	answer, err := a.browser().Get(a.config.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest || answer.Header.Get("Location") != "" {
		t.Errorf("%s, Location %q; want an error page", answer.Status, answer.Header.Get("Location"))
	}
}

// refused reports whether err is the token endpoint's error of that code (RFC 6749 §5.2).
func refused(err error, code string) bool {
	var answer *oauth2.RetrieveError
	return errors.As(err, &answer) && answer.ErrorCode == code
}
