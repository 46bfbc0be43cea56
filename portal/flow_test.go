package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"gatehouse.example/portal"
)

func TestFlow_WithOtherPeoplesClient(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		ctx := gooidc.ClientContext(t.Context(), &http.Client{Transport: h.transport()})
		provider, err := gooidc.NewProvider(ctx, h.issuer)
		if err != nil {
			t.Fatal(err)
		}
		config := oauth2.Config{
			ClientID: "one", ClientSecret: secretOne, Endpoint: provider.Endpoint(), RedirectURL: callback,
			Scopes: []string{"openid", "profile", "email", "roles", "offline_access"},
		}
		pkce := oauth2.GenerateVerifier()
		start := config.AuthCodeURL("s", gooidc.Nonce("n"), oauth2.S256ChallengeOption(pkce))

		a := h.get(b, start)
		if a.status != http.StatusSeeOther || a.to.Path != "/sign-in" {
			t.Fatalf("a guest was led to %v (%d)", a.to, a.status)
		}
		a = h.signIn(b, a.to.Query().Get("return_to"))
		a = h.get(b, a.to.String())
		got := a.to.Query()
		if !strings.HasPrefix(a.to.String(), callback+"?") || got.Get("state") != "s" || got.Get("iss") != h.issuer {
			t.Fatalf("led to %v", a.to)
		}
		tok, err := config.Exchange(ctx, got.Get("code"), oauth2.VerifierOption(pkce))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := tok.Extra("id_token").(string)
		id, err := provider.Verifier(&gooidc.Config{ClientID: "one"}).Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.VerifyAccessToken(tok.AccessToken); err != nil {
			t.Error(err)
		}
		var claims struct {
			SID, Name, Email string
			Roles            []string
			AuthTime         int64 `json:"auth_time"`
		}
		if err := id.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		if id.Subject != "demo-alice" || id.Nonce != "n" || claims.SID == "" || claims.Name != "Alice Demo" ||
			claims.Email != "alice@example.com" || len(claims.Roles) != 1 || claims.AuthTime == 0 {
			t.Errorf("claims are %+v of %+v", claims, id)
		}
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tok))
		if err != nil || info.Subject != "demo-alice" || info.Email != "alice@example.com" {
			t.Errorf("userinfo: %+v, %v", info, err)
		}
		renewed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
		if err != nil || renewed.RefreshToken == tok.RefreshToken || renewed.AccessToken == tok.AccessToken {
			t.Errorf("refresh: %v", err)
		}
		// One sign-in: the next app sees no form.
		a = h.get(b, authorizeURL("client_id", "two", "redirect_uri", "http://two.test/callback"))
		if a.to == nil || a.to.Host != "two.test" || a.to.Query().Get("code") == "" {
			t.Errorf("the second app was led to %v", a.to)
		}
		var opened, events int
		if err := h.db.GetContext(t.Context(), &opened, `SELECT COUNT(*) FROM sign_in_clients`); err != nil || opened != 1 {
			t.Errorf("%d clients were opened, %v", opened, err)
		}
		if err := h.db.GetContext(t.Context(), &events, `SELECT COUNT(*) FROM event_outbox WHERE type = 'sign_in'`); err != nil || events != 2 {
			t.Errorf("%d sign_in events (want the password's and the app's), %v", events, err)
		}
	})
}

func TestCode_UsedTwice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		code := h.code(b, "scope", "openid offline_access")
		first := h.tokens(exchange(code))
		if a := h.userinfo(text(first, "access_token")); a.status != http.StatusOK {
			t.Fatalf("userinfo answered %d", a.status)
		}
		if a := h.token(exchange(code)); a.status != http.StatusBadRequest || text(a.json(t), "error") != "invalid_grant" {
			t.Errorf("the second use answered %d %s", a.status, a.body)
		}
		if a := h.userinfo(text(first, "access_token")); a.status != http.StatusUnauthorized {
			t.Errorf("the access token of the first use still opens userinfo: %d", a.status)
		}
		a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(first, "refresh_token")}})
		if a.status != http.StatusBadRequest || text(a.json(t), "error") != "invalid_grant" {
			t.Errorf("the refresh token of the first use answered %d %s", a.status, a.body)
		}
	})
}

// The database fails after the code was taken: the client is asked to try again, and may.
func TestCode_SurvivesAFailedExchange(t *testing.T) {
	h := newHouseWith(t, func(*portal.Deps) {})
	b := h.browser()
	h.signIn(b, "/")
	code := h.code(b)
	if _, err := h.db.ExecContext(t.Context(), `CREATE TRIGGER broken BEFORE INSERT ON sign_in_clients BEGIN SELECT RAISE(ABORT, 'broken'); END`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if a := h.token(exchange(code)); a.status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if _, err := h.db.ExecContext(t.Context(), `DROP TRIGGER broken`); err != nil {
		t.Fatal(err)
	}
	h.tokens(exchange(code))
}

func TestCode_UsedTwiceAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		for range 5 {
			code := h.code(b, "scope", "openid offline_access")
			var wg sync.WaitGroup
			answers := make(chan answer, 4)
			for range cap(answers) {
				wg.Go(func() { answers <- h.token(exchange(code)) })
			}
			wg.Wait()
			close(answers)
			won := 0
			var refresh string
			for a := range answers {
				if a.status == http.StatusOK {
					won++
					refresh = text(a.json(t), "refresh_token")
				} else if a.status != http.StatusBadRequest {
					t.Errorf("answered %d %s", a.status, a.body)
				}
			}
			if won != 1 {
				t.Errorf("%d of four uses of one code won", won)
			}
			a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
			if a.status != http.StatusBadRequest {
				t.Errorf("what a replayed code was exchanged for lives: %d", a.status)
			}
		}
	})
}

func TestCode_Bound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		for name, change := range map[string]func(url.Values){
			"verifier of another":  func(f url.Values) { f.Set("code_verifier", strings.Repeat("x", 43)) },
			"no verifier":          func(f url.Values) { f.Del("code_verifier") },
			"redirect of another":  func(f url.Values) { f.Set("redirect_uri", "http://one.test/other?fixed=1") },
			"no redirect":          func(f url.Values) { f.Del("redirect_uri") },
			"doubled code":         func(f url.Values) { f.Add("code", "x") },
			"unknown resource":     func(f url.Values) { f.Set("resource", "http://elsewhere.test") },
			"code that never was":  func(f url.Values) { f.Set("code", strings.Repeat("x", 43)) },
			"code with a NUL":      func(f url.Values) { f.Set("code", "\x00") },
			"code that is no text": func(f url.Values) { f.Set("code", "\xff\xfe") },
			"enormous code":        func(f url.Values) { f.Set("code", strings.Repeat("x", 100_000)) },
		} {
			form := exchange(h.code(b))
			change(form)
			if a := h.token(form); a.status != http.StatusBadRequest || !strings.HasPrefix(text(a.json(t), "error"), "invalid_") {
				t.Errorf("%s: answered %d %s", name, a.status, a.body)
			}
		}
		a := h.post(b, "/oauth/token", func() url.Values {
			f := exchange(h.code(b))
			f.Set("client_id", "two")
			f.Set("client_secret", secretTwo)
			return f
		}())
		if a.status != http.StatusBadRequest || text(a.json(t), "error") != "invalid_grant" {
			t.Errorf("another client's code: %d %s", a.status, a.body)
		}
	})
}

// A request that does not show what a code is bound to neither uses it up nor revokes what it was exchanged for.
func TestCode_OfAnotherIsLeftAlone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		code := h.code(b, "scope", "openid offline_access")
		others := func(when string) {
			t.Helper()
			for name, change := range map[string]func(url.Values){
				"another verifier":     func(f url.Values) { f.Set("code_verifier", strings.Repeat("x", 43)) },
				"a malformed verifier": func(f url.Values) { f.Set("code_verifier", "x") },
				"another redirect URI": func(f url.Values) { f.Set("redirect_uri", "http://one.test/other?fixed=1") },
				"another client's":     func(f url.Values) { f.Set("client_id", "two"); f.Set("client_secret", secretTwo) },
				"another one's, wrong verifier": func(f url.Values) {
					f.Set("client_id", "two")
					f.Set("client_secret", secretTwo)
					f.Set("code_verifier", strings.Repeat("x", 43))
				},
			} {
				form := exchange(code)
				change(form)
				send := h.token
				if form.Has("client_id") { // as itself
					send = func(f url.Values) answer { return h.post(h.browser(), "/oauth/token", f) }
				}
				a := send(form)
				if a.status != http.StatusBadRequest || text(a.json(t), "error") != "invalid_grant" {
					t.Errorf("%s, %s: %d %s", when, name, a.status, a.body)
				}
			}
		}
		others("before its use")
		first := h.tokens(exchange(code))
		others("after its use")
		if a := h.userinfo(text(first, "access_token")); a.status != http.StatusOK {
			t.Errorf("the access token was revoked: userinfo answered %d", a.status)
		}
		if a := h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(first, "refresh_token")}}); a.status != http.StatusOK {
			t.Errorf("the refresh token was revoked: %d %s", a.status, a.body)
		}
		// Its own client reveals a theft by coming again, after strangers came, too.
		if a := h.token(exchange(code)); a.status != http.StatusBadRequest {
			t.Errorf("the second use answered %d", a.status)
		}
		if a := h.userinfo(text(first, "access_token")); a.status != http.StatusUnauthorized {
			t.Errorf("after a replay the access token opens userinfo: %d", a.status)
		}
	})
}

func TestRefresh_Rotation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		first := text(h.tokens(exchange(h.code(b, "scope", "openid offline_access things:read roles"))), "refresh_token")
		use := func(token string, more ...string) answer {
			f := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
			for i := 0; i+1 < len(more); i += 2 {
				f.Set(more[i], more[i+1])
			}
			return h.token(f)
		}
		var wg sync.WaitGroup
		successors := make(chan string, 4)
		for range cap(successors) { // a browser's requests, all at once
			wg.Go(func() { successors <- text(use(first).json(t), "refresh_token") })
		}
		wg.Wait()
		second := <-successors
		for range cap(successors) - 1 {
			if other := <-successors; other != second || other == "" {
				t.Errorf("an immediate replay got another successor")
			}
		}
		if a := use(second, "scope", "openid profile"); text(a.json(t), "error") != "invalid_scope" {
			t.Errorf("a wider scope: %d %s", a.status, a.body)
		}
		if a := use(second, "resource", "http://elsewhere.test"); text(a.json(t), "error") != "invalid_target" {
			t.Errorf("another's resource: %d %s", a.status, a.body)
		}
		api := use(second, "resource", resource).json(t)
		third := text(api, "refresh_token")
		if a := h.userinfo(text(api, "access_token")); a.status != http.StatusUnauthorized {
			t.Errorf("a token for another audience opens userinfo: %d", a.status)
		}
		h.clock.advance(11 * time.Second)
		if a := use(second); text(a.json(t), "error") != "invalid_grant" {
			t.Errorf("a late replay: %d %s", a.status, a.body)
		}
		if a := use(third); text(a.json(t), "error") != "invalid_grant" {
			t.Errorf("the family outlived a late replay: %d %s", a.status, a.body)
		}
		if a := h.get(b, authorizeURL("prompt", "none")); a.to.Query().Get("error") != "login_required" {
			t.Errorf("the sign-in outlived a late replay: %v", a.to)
		}
		if len(h.apps.heard("/one")) != 1 {
			t.Error("the client was not told")
		}
	})
}

func TestPrompt(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		none := h.get(b, authorizeURL("prompt", "none"))
		if q := none.to.Query(); q.Get("error") != "login_required" || q.Get("state") != "the state" || q.Get("iss") != h.issuer {
			t.Errorf("a guest with prompt=none: %v", none.to)
		}
		h.signIn(b, "/")
		for _, changes := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"prompt", "select_account"}} {
			a := h.get(b, authorizeURL(changes...))
			if a.to.Path != "/sign-in" || a.to.Query().Get("reauth") != "1" {
				t.Fatalf("%v: led to %v", changes, a.to)
			}
			back := a.to.Query().Get("return_to")
			if again := h.get(b, back); again.to.Path != "/sign-in" {
				t.Fatalf("%v: passed without a password: %v", changes, again.to)
			}
			h.clock.advance(time.Millisecond)
			h.signIn(b, back, "reauth", "1")
			if a = h.get(b, back); a.to.Query().Get("code") == "" {
				t.Errorf("%v: asked again after the password: %v", changes, a.to)
			}
			// The proof is for this request alone.
			moved := strings.Replace(back, "the-nonce", "another-nonce", 1)
			if a = h.get(b, moved); a.to.Path != "/sign-in" {
				t.Errorf("%v: the proof was good for another request: %v", changes, a.to)
			}
			h.clock.advance(16 * time.Minute)
			if a = h.get(b, back); a.to.Path != "/sign-in" {
				t.Errorf("%v: the proof was good for ever: %v", changes, a.to)
			}
		}
		if a := h.get(b, authorizeURL("max_age", "10000")); a.to.Query().Get("code") == "" {
			t.Errorf("a recent sign-in was not enough for max_age: %v", a.to)
		}
		h.clock.advance(time.Hour)
		if a := h.get(b, authorizeURL("max_age", "60", "prompt", "none")); a.to.Query().Get("error") != "login_required" {
			t.Errorf("max_age with prompt=none: %v", a.to)
		}
		if a := h.get(b, authorizeURL("login_hint", "bob@example.com", "prompt", "login")); a.to.Query().Get("login_hint") != "bob@example.com" {
			t.Errorf("login_hint did not reach the page: %v", a.to)
		}
	})
}

func TestPrompt_ProofOfAnotherBrowser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		// asks returns the way back from the sign-in page, with the marker that a browser got there.
		asks := func(b *http.Client, changes []string) string {
			t.Helper()
			a := h.get(b, authorizeURL(changes...))
			if a.to == nil || a.to.Path != "/sign-in" {
				t.Fatalf("%v: led to %v", changes, a.to)
			}
			return a.to.Query().Get("return_to")
		}
		for _, changes := range [][]string{{"prompt", "login"}, {"max_age", "60"}, {"prompt", "select_account"}, {"max_age", "0"}} {
			b, other := h.browser(), h.browser()
			h.signIn(b, "/")
			h.signIn(other, "/")
			h.clock.advance(61 * time.Second)
			for whose, marked := range map[string]string{"a guest": asks(h.browser(), changes), "another sign-in": asks(other, changes)} {
				if a := h.get(b, marked); a.to.Path != "/sign-in" || a.to.Query().Get("reauth") != "1" {
					t.Errorf("%v: the marker of %s was good without a password: %v", changes, whose, a.to)
				}
			}
			// A proof that came after another sign-in's marker is not one for it, and a guest's is good only at once.
			guests, others := asks(h.browser(), changes), asks(other, changes)
			h.clock.advance(time.Millisecond)
			h.signIn(b, "/", "reauth", "1")
			h.clock.advance(61 * time.Second)
			if a := h.get(b, others); a.to.Path != "/sign-in" {
				t.Errorf("%v: the marker of another sign-in was good after a password: %v", changes, a.to)
			}
			h.clock.advance(time.Minute)
			if a := h.get(b, guests); a.to.Path != "/sign-in" {
				t.Errorf("%v: an old proof was good: %v", changes, a.to)
			}
			// A guest who signs in is not asked twice.
			guest := h.browser()
			back := asks(guest, changes)
			h.clock.advance(time.Millisecond)
			h.signIn(guest, back)
			if a := h.get(guest, back); a.to.Query().Get("code") == "" {
				t.Errorf("%v: asked again after the sign-in: %v", changes, a.to)
			}
		}
	})
}

func TestAuthorize_Post(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser()
		h.signIn(b, "/")
		a := h.post(b, "/oauth/authorize", request(), "Origin", "http://one.test", "Sec-Fetch-Site", "cross-site")
		if a.status != http.StatusSeeOther || a.to.Path != "/oauth/authorize" {
			t.Fatalf("a post from another site: %d %v", a.status, a.to)
		}
		if a = h.get(b, a.to.String()); a.to.Query().Get("code") == "" {
			t.Errorf("led to %v", a.to)
		}
		a = h.post(b, "/sign-in", url.Values{}, "Origin", "http://one.test", "Sec-Fetch-Site", "cross-site")
		if a.status != http.StatusForbidden {
			t.Errorf("another site may post elsewhere: %d", a.status)
		}
	})
}

func TestStart_TwoReplicasMakeOneKeySet(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		// Keys of before are taken away, so that all replicas find none.
		if _, err := h.db.ExecContext(t.Context(), `DELETE FROM signing_keys`); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := newReplica(t.Context(), h); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := h.db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM signing_keys`); err != nil || n != 2 {
			t.Errorf("%d keys, %v", n, err)
		}
	})
}

func newReplica(ctx context.Context, h *house) (*portal.App, error) { return portal.New(ctx, h.deps) }
