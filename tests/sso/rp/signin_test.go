package rp_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/tests/env"
)

func TestSignIn_ComesBackToExactlyThePage(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b := newBrowser(t)
		got := b.get(a.URL + "/orders?page=2&q=a%20b")
		if got.body != "orders of alice" || got.url.RequestURI() != "/orders?page=2&q=a%20b" {
			t.Fatalf("ended at %s with %d %q", got.url, got.status, got.body)
		}
		if p.lastAuth.Get("code_challenge_method") != "S256" || p.lastAuth.Get("nonce") == "" || p.lastAuth.Get("state") == "" {
			t.Errorf("the authorization request was %v", p.lastAuth)
		}
		// Any replica knows the session.
		if got := b.stay().get(a.other.URL + "/orders"); got.body != "orders of alice" {
			t.Errorf("the other replica answered %d %q", got.status, got.body)
		}
	})
}

func TestSignIn_ReturnsToLocalPagesOnly(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\x00"} {
		got := newBrowser(t).get(a.URL + "/auth/sign-in?" + url.Values{"return_to": {to}}.Encode())
		if got.url.String() != a.URL+"/" {
			t.Errorf("return_to=%q ended at %s", to, got.url)
		}
	}
}

func TestSignIn_FormSurvives(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b := newBrowser(t)
		got := b.do(http.MethodPost, a.URL+"/reply", url.Values{"body": {"half a reply"}}, "Referer", a.URL+"/?thread=7")
		if got.body != "Alice half a reply" || got.url.RequestURI() != "/?thread=7" {
			t.Fatalf("ended at %s with %q", got.url, got.body)
		}
		if again := b.get(a.URL + "/"); again.body != "Alice " {
			t.Errorf("the draft was given twice: %q", again.body)
		}
		// From another site's page, one comes back to our own.
		got = newBrowser(t).do(http.MethodPost, a.URL+"/reply", url.Values{"body": {"x"}}, "Referer", "https://evil.example/")
		if got.url.RequestURI() != "/" {
			t.Errorf("ended at %s", got.url)
		}
	})
}

func TestSignIn_FormsOfStrangersAreBounded(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		a := newApp(t, newProvider(t), rdb)
		form := url.Values{"body": {strings.Repeat("x", 200<<10)}}
		for range 120 { // a script that sends large forms, more than all may keep, and never signs in
			newBrowser(t).stay().do(http.MethodPost, a.URL+"/reply", form)
		}
		kept := int64(0)
		for _, k := range rdb.Keys(t.Context(), "*").Val() {
			kept += rdb.StrLen(t.Context(), k).Val()
		}
		if kept < 3<<20 || kept > 5<<20 {
			t.Errorf("%d bytes of forms from one address are kept", kept)
		}
		for i := range 200 { // from anywhere
			newBrowser(t).stay().do(http.MethodPost, a.URL+"/reply", form, "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
		}
		kept = 0
		for _, k := range rdb.Keys(t.Context(), "gatehouse:shop:draft:*").Val() {
			kept += rdb.StrLen(t.Context(), k).Val()
		}
		if kept < 10<<20 || kept > 17<<20 {
			t.Errorf("%d bytes of forms are kept in all", kept)
		}
		if got := newBrowser(t).do(http.MethodPost, a.URL+"/reply", form); got.body != "Alice " {
			t.Errorf("without room for the form, the sign-in led to %q", got.body)
		}
	})
}

func TestSignIn_HTMXIsSentAsAWholePage(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	got := newBrowser(t).stay().do(http.MethodPost, a.URL+"/reply", url.Values{"body": {"x"}}, "HX-Request", "true", "HX-Current-URL", a.URL+"/?thread=7#last")
	to := got.header.Get("HX-Redirect")
	if got.status != http.StatusOK || !strings.HasPrefix(to, p.URL+"/authorize?") {
		t.Errorf("answered %d, HX-Redirect %q", got.status, to)
	}
}

func TestSignIn_SilentlyForWhoIsSignedInElsewhere(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	arriving := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site"}

	if got := newBrowser(t).get(a.URL+"/?a=b", arriving...); got.body != "Alice " || got.url.RequestURI() != "/?a=b" {
		t.Errorf("who is signed in at the provider is %q at %s", got.body, got.url)
	}
	if p.lastAuth.Get("prompt") != "none" {
		t.Error("the provider was asked to show something")
	}

	p.signedIn = false
	guest := newBrowser(t)
	if got := guest.get(a.URL+"/?a=b", arriving...); got.body != "nobody " || got.url.RequestURI() != "/?a=b" {
		t.Errorf("a guest is %q at %s", got.body, got.url)
	}
	p.lastAuth = nil
	guest.get(a.URL+"/", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "same-origin")
	guest.get(a.URL + "/")
	if p.lastAuth != nil {
		t.Error("a guest who moves within the app is asked about again and again")
	}
	p.signedIn = true
	if got := guest.get(a.URL+"/", arriving...); got.body != "Alice " {
		t.Errorf("who signed in meanwhile and follows a link is %q", got.body)
	}
}

func TestCallback_RefusesWhatDoesNotFit(t *testing.T) {
	other := newProvider(t)
	for name, spoil := range map[string]func(p *provider){
		"another state":    func(p *provider) { p.answer = func(v url.Values) { v.Set("state", "made-up") } },
		"no state":         func(p *provider) { p.answer = func(v url.Values) { v.Del("state") } },
		"another iss":      func(p *provider) { p.answer = func(v url.Values) { v.Set("iss", "https://evil.example") } },
		"no iss":           func(p *provider) { p.answer = func(v url.Values) { v.Del("iss") } },
		"a doubled code":   func(p *provider) { p.answer = func(v url.Values) { v.Add("code", "x") } },
		"no code":          func(p *provider) { p.answer = func(v url.Values) { v.Del("code") } },
		"a made-up code":   func(p *provider) { p.answer = func(v url.Values) { v.Set("code", "x") } },
		"an enormous code": func(p *provider) { p.answer = func(v url.Values) { v.Set("code", strings.Repeat("x", 20_000)) } },
		"an error":         func(p *provider) { p.answer = func(v url.Values) { v.Set("error", "invalid_scope<script>") } },
		"another nonce":    func(p *provider) { p.idToken = func(c jwt.MapClaims) { c["nonce"] = "x" } },
		"no nonce":         func(p *provider) { p.idToken = func(c jwt.MapClaims) { delete(c, "nonce") } },
		"another audience": func(p *provider) { p.idToken = func(c jwt.MapClaims) { c["aud"] = "forum" } },
		"another azp":      func(p *provider) { p.idToken = func(c jwt.MapClaims) { c["azp"] = "forum" } },
		"another issuer":   func(p *provider) { p.idToken = func(c jwt.MapClaims) { c["iss"] = "https://evil.example" } },
		"expired":          func(p *provider) { p.idToken = func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() } },
		"no sub":           func(p *provider) { p.idToken = func(c jwt.MapClaims) { delete(c, "sub") } },
		"another at_hash":  func(p *provider) { p.idToken = func(c jwt.MapClaims) { c["at_hash"] = "x" } },
		"alg none":         func(p *provider) { p.signWith = func(t *jwt.Token) string { return unsigned(t) } },
		"alg HS256":        func(p *provider) { p.signWith = func(t *jwt.Token) string { return hmac(t) } },
		"another's key": func(p *provider) {
			p.signWith = func(t *jwt.Token) string { s, _ := t.SignedString(other.key); return s }
		},
		"typ access token": func(p *provider) {
			p.signWith = func(t *jwt.Token) string { t.Header["typ"] = "at+jwt"; s, _ := t.SignedString(p.key); return s }
		},
		"an unknown kid": func(p *provider) {
			p.signWith = func(t *jwt.Token) string { t.Header["kid"] = "x"; s, _ := t.SignedString(p.key); return s }
		},
		"no token at all":   func(p *provider) { p.signWith = func(*jwt.Token) string { return "x.y.z" } },
		"a token of 100 kB": func(p *provider) { p.signWith = func(*jwt.Token) string { return strings.Repeat("x", 100_000) } },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			a := newApp(t, p, env.MiniRedis(t))
			spoil(p)
			b := newBrowser(t)
			got := b.get(a.URL + "/orders")
			if strings.HasSuffix(name, " state") { // no answer to a sign-in of this browser: once more, then the start page
				if got.status != http.StatusOK || got.url.Path != "/" || p.asked != 2 {
					t.Errorf("ended at %s with %d, and the provider was asked %d times", got.url, got.status, p.asked)
				}
			} else if got.status != http.StatusBadRequest {
				t.Errorf("answered %d %q, want 400", got.status, got.body)
			}
			if who := b.get(a.URL + "/"); who.body != "nobody " {
				t.Errorf("signed in all the same, as %q", who.body)
			}
			if strings.Contains(got.body, "<script>") {
				t.Error("the provider's words stand in the page as they came")
			}
		})
	}
}

func unsigned(t *jwt.Token) string {
	t.Method, t.Header["alg"] = jwt.SigningMethodNone, "none"
	s, err := t.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		panic(err)
	}
	return s
}

func hmac(t *jwt.Token) string {
	t.Method, t.Header["alg"] = jwt.SigningMethodHS256, "HS256"
	s, err := t.SignedString([]byte(secret))
	if err != nil {
		panic(err)
	}
	return s
}

func TestCallback_AnotherBrowsersAnswerOpensNothing(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	attacker := newBrowser(t)
	toProvider := attacker.stay().get(a.URL + "/orders").header.Get("Location")
	answer := attacker.stay().get(toProvider).header.Get("Location")
	victim := newBrowser(t)
	victim.get(a.URL + "/")
	if got := victim.get(answer); got.status != http.StatusOK || got.url.Path != "/" || got.body != "nobody " {
		t.Errorf("login CSRF: the victim ended at %s with %d %q", got.url, got.status, got.body)
	}
	// One who is about to sign in goes on with that, as themselves.
	victim.stay().get(a.URL + "/orders?page=3")
	if got := victim.stay().get(answer); !strings.HasPrefix(got.header.Get("Location"), p.URL+"/authorize?") {
		t.Errorf("login CSRF: the victim was led to %q", got.header.Get("Location"))
	}
	if p.exchanges != 0 {
		t.Error("the attacker's code was exchanged")
	}
	if got := victim.get(a.URL + "/"); got.body != "nobody " {
		t.Errorf("the victim is %q", got.body)
	}
}

func TestCallback_BackButtonAfterSignInLeadsHome(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	b := newBrowser(t)
	answer := b.stay().get(b.stay().get(a.URL + "/orders").header.Get("Location")).header.Get("Location")
	b.get(answer)
	if got := b.get(answer); got.status != http.StatusOK || got.url.Path != "/" {
		t.Errorf("the used answer led to %d at %s", got.status, got.url)
	}
}

func TestRole_SaysWhichItTakes(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	got := newBrowser(t).get(a.URL + "/admin")
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "admin or analyst") {
		t.Errorf("answered %d %q", got.status, got.body)
	}
	p.idToken = func(c jwt.MapClaims) { c["roles"] = []string{"analyst"} }
	if got := newBrowser(t).get(a.URL + "/admin"); got.body != "admin" {
		t.Errorf("an analyst was answered %d %q", got.status, got.body)
	}
}

func TestAccessToken_RefreshedOnceForAll(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b := newBrowser(t)
		b.get(a.URL + "/orders")
		var wg sync.WaitGroup
		got := make([]string, 10)
		for i := range got {
			base := []string{a.URL, a.other.URL}[i%2]
			wg.Go(func() { got[i] = b.get(base + "/token").body })
		}
		wg.Wait()
		for _, g := range got {
			if g == "" || g != got[0] {
				t.Fatalf("the requests got %q", got)
			}
		}
		if p.refreshes != 1 {
			t.Errorf("the refresh token was spent %d times", p.refreshes)
		}
	})
}

func TestServiceToken_IsKept(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	one, err := a.auth.ServiceToken(t.Context(), "https://sibling.example", "things:read")
	if err != nil {
		t.Fatal(err)
	}
	two, err := a.auth.ServiceToken(t.Context(), "https://sibling.example", "things:read")
	if err != nil || two != one || p.services != 1 {
		t.Errorf("asked %d times: %q, %q, %v", p.services, one, two, err)
	}
}

func TestRecent_AsksTheProviderAgain(t *testing.T) {
	p := newProvider(t)
	age := 20 * time.Minute
	p.idToken = func(c jwt.MapClaims) {
		c["auth_time"] = time.Now().Add(-age).Unix()
	}
	a := newApp(t, p, env.MiniRedis(t))
	b := newBrowser(t)
	if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
		t.Fatal(got)
	}
	if p.lastAuth.Has("max_age") {
		t.Error("an ordinary sign-in asks for a recent one")
	}
	press := func(header ...string) page {
		return b.do(http.MethodPost, a.URL+"/danger", url.Values{"what": {"x"}}, append([]string{"Referer", a.URL + "/orders?page=2"}, header...)...)
	}

	// A provider that does not ask is not believed, and the sign-in there is stays as it was.
	if got := press(); got.status != http.StatusBadRequest || got.body == "done" {
		t.Errorf("an old sign-in came back and got %d %q", got.status, got.body)
	}
	if got := p.lastAuth.Get("max_age"); got != "900" {
		t.Errorf("max_age %q", got)
	}
	p.idToken = func(c jwt.MapClaims) { delete(c, "auth_time") }
	if got := press(); got.status != http.StatusBadRequest {
		t.Errorf("a sign-in without auth_time got %d %q", got.status, got.body)
	}
	p.idToken = func(c jwt.MapClaims) { c["auth_time"] = time.Now().Add(-age).Unix() }
	if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
		t.Error("the refused answer ended the session")
	}

	// One that does leads back to the page with the button; what was pressed is not done.
	age = 0
	if got := press(); got.status != http.StatusOK || got.url.RequestURI() != "/orders?page=2" {
		t.Errorf("back at %s with %d", got.url, got.status)
	}
	if got := press(); got.body != "done" {
		t.Errorf("after a recent sign-in: %d %q", got.status, got.body)
	}
}

func TestRecent_HTMXIsSentAsAWholePage(t *testing.T) {
	p := newProvider(t)
	p.idToken = func(c jwt.MapClaims) { c["auth_time"] = time.Now().Add(-time.Hour).Unix() }
	a := newApp(t, p, env.MiniRedis(t))
	b := newBrowser(t)
	b.get(a.URL + "/orders")
	got := b.do(http.MethodPost, a.URL+"/danger", url.Values{}, "HX-Request", "true", "HX-Current-URL", a.URL+"/orders")
	if to := got.header.Get("HX-Redirect"); got.status != http.StatusOK || !strings.Contains(to, "max_age=900") || got.body != "" {
		t.Errorf("htmx got %d %q, sent to %q", got.status, got.body, to)
	}
}
