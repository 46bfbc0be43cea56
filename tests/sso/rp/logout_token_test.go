package rp_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/token"
	"gatehouse.example/tests/env"
)

const form = "application/x-www-form-urlencoded"

// tell posts a body to an app's back-channel logout address.
func tell(t *testing.T, a *app, query, contentType, body string) page {
	t.Helper()
	header := []string{"Accept", "application/json"}
	if contentType != "" {
		header = append(header, "Content-Type", contentType)
	}
	return newBrowser(t).send(http.MethodPost, a.URL+"/auth/backchannel-logout"+query, strings.NewReader(body), header...)
}

// tellToken posts a logout token as it should be.
func tellToken(t *testing.T, a *app, raw string) page {
	t.Helper()
	return tell(t, a, "", form, url.Values{"logout_token": {raw}}.Encode())
}

// mustRefuse holds an answer to Back-Channel Logout §2.8: 400, JSON that says invalid_request, not to be cached.
func mustRefuse(t *testing.T, name string, got page) {
	t.Helper()
	var says struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	err := json.Unmarshal([]byte(got.body), &says)
	if got.status != http.StatusBadRequest || err != nil || says.Error != "invalid_request" || says.Description == "" || len(got.body) > 300 ||
		!strings.HasPrefix(got.header.Get("Content-Type"), "application/json") || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: answered %d %q, Content-Type %q, Cache-Control %q", name, got.status, got.body, got.header.Get("Content-Type"), got.header.Get("Cache-Control"))
	}
}

// resigned is a good logout token with another header or signature.
func resigned(t *testing.T, p *provider, method jwt.SigningMethod, key any, header map[string]any) string {
	t.Helper()
	c := p.claims(clientID)
	c["sid"], c["jti"], c["events"] = "sid-1", rand.Text(), map[string]any{token.LogoutEvent: map[string]any{}}
	tok := jwt.NewWithClaims(method, c)
	tok.Header["typ"], tok.Header["kid"] = "logout+jwt", "k1"
	for name, value := range header {
		if tok.Header[name] = value; value == nil {
			delete(tok.Header, name)
		}
	}
	raw, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestLogoutToken_BadOnesSignNobodyOut(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b := newBrowser(t)
		b.get(a.URL + "/orders")

		spoilt := func(spoil func(jwt.MapClaims)) string { return p.logoutToken("logout+jwt", spoil) }
		without := func(claims ...string) string {
			return spoilt(func(c jwt.MapClaims) {
				for _, claim := range claims {
					delete(c, claim)
				}
			})
		}
		with := func(claim string, value any) string { return spoilt(func(c jwt.MapClaims) { c[claim] = value }) }
		ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }

		used := with("sid", "another")
		withoutExp := spoilt(func(c jwt.MapClaims) { c["sid"] = "another"; delete(c, "exp") }) // as Ory Hydra's
		if got := tellToken(t, a, withoutExp); got.status != http.StatusOK {
			t.Errorf("without exp, fresh by iat: answered %d %q", got.status, got.body)
		}
		if got := tellToken(t, a, used); got.status != http.StatusOK || got.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("answered %d %q", got.status, got.body)
		}
		good := spoilt(nil)
		head, rest, _ := strings.Cut(good, ".")
		body, signature, _ := strings.Cut(rest, ".")
		altered := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + p.URL + `","sub":"alice"}`))
		thief, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public, err := p.key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}

		for name, raw := range map[string]string{
			"empty":                   "",
			"garbage":                 "x.y.z",
			"dots":                    "..",
			"not ASCII":               "\x00\xff.é.✓",
			"enormous":                strings.Repeat("x", 60_000),
			"a good one made longer":  good + strings.Repeat("A", 20_000),
			"replayed":                used,
			"without signature":       head + "." + body + ".",
			"with another body":       head + "." + altered + "." + signature,
			"forged":                  resigned(t, p, jwt.SigningMethodES256, thief, nil),
			"forged, unknown key":     resigned(t, p, jwt.SigningMethodES256, thief, map[string]any{"kid": "unknown"}),
			"forged, without kid":     resigned(t, p, jwt.SigningMethodES256, thief, map[string]any{"kid": nil}),
			"forged, kid is no text":  resigned(t, p, jwt.SigningMethodES256, thief, map[string]any{"kid": []int{1}}),
			"forged, its own key":     resigned(t, p, jwt.SigningMethodES256, thief, map[string]any{"jwk": map[string]any{"kty": "EC"}, "jku": "http://127.0.0.1:1/"}),
			"alg none":                resigned(t, p, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
			"HS256 by the secret":     resigned(t, p, jwt.SigningMethodHS256, []byte(secret), nil),
			"HS256 by the public key": resigned(t, p, jwt.SigningMethodHS256, public, nil),
			"expired":                 with("exp", ago(time.Hour)),
			"old, without exp":        spoilt(func(c jwt.MapClaims) { c["iat"] = ago(time.Hour); delete(c, "exp") }),
			"neither exp nor iat":     without("exp", "iat"),
			"exp is no number":        with("exp", "never"),
			"used, without exp":       withoutExp,
			"old iat":                 spoilt(func(c jwt.MapClaims) { c["iat"], c["exp"] = ago(time.Hour), ago(-time.Hour) }),
			"iat of the future":       with("iat", ago(-time.Hour)),
			"without iat":             without("iat"),
			"iat is no number":        with("iat", "now"),
			"not valid yet":           with("nbf", ago(-time.Hour)),
			"wrong aud":               with("aud", "forum"),
			"wrong auds":              with("aud", []string{"forum", "academy"}),
			"without aud":             without("aud"),
			"wrong iss":               with("iss", "https://evil.example"),
			"almost the iss":          with("iss", p.URL+"/"),
			"without iss":             without("iss"),
			"with nonce":              with("nonce", "n"),
			"with an empty nonce":     with("nonce", ""),
			"nonce null":              with("nonce", nil),
			"nonce is no text":        with("nonce", 1),
			"without events":          without("events"),
			"events null":             with("events", nil),
			"events is a list":        with("events", []string{token.LogoutEvent}),
			"another event":           with("events", map[string]any{"http://schemas.openid.net/event/else": map[string]any{}}),
			"the event is null":       with("events", map[string]any{token.LogoutEvent: nil}),
			"the event is true":       with("events", map[string]any{token.LogoutEvent: true}),
			"no sid and no sub":       without("sid", "sub"),
			"empty sid and sub":       spoilt(func(c jwt.MapClaims) { c["sid"], c["sub"] = "", "" }),
			"sid is a list":           with("sid", []string{"sid-1"}),
			"sub is a number":         with("sub", 1),
			"without jti":             without("jti"),
			"jti is an object":        with("jti", map[string]any{}),
			"typ at+jwt":              p.logoutToken("at+jwt", nil),
			"typ application/at+jwt":  p.logoutToken("application/at+jwt", nil),
			"typ of something":        p.logoutToken("dpop+jwt", nil),
			"an ID token": p.sign("JWT", func() jwt.MapClaims {
				c := p.claims(clientID)
				c["nonce"], c["sid"], c["jti"] = "n", "sid-1", rand.Text()
				return c
			}()),
			"an ID token with the event": p.logoutToken("JWT", func(c jwt.MapClaims) { c["nonce"] = "n" }),
		} {
			mustRefuse(t, name, tellToken(t, a, raw))
		}

		one := url.Values{"logout_token": {good}}.Encode()
		var parts bytes.Buffer
		several := multipart.NewWriter(&parts)
		_ = several.WriteField("logout_token", good)
		_ = several.Close()
		asJSON, _ := json.Marshal(map[string]string{"logout_token": good})
		for name, got := range map[string]page{
			"nothing":                 tell(t, a, "", form, ""),
			"another parameter":       tell(t, a, "", form, "token="+good),
			"two":                     tell(t, a, "", form, one+"&"+one),
			"two, one of them empty":  tell(t, a, "", form, one+"&logout_token="),
			"in the address":          tell(t, a, "?"+one, form, ""),
			"a broken escape":         tell(t, a, "", form, one+"&x=%zz"),
			"a semicolon":             tell(t, a, "", form, one+";x=1"),
			"enormous":                tell(t, a, "", form, one+"&x="+strings.Repeat("x", 200_000)),
			"without content type":    tell(t, a, "", "", one),
			"JSON":                    tell(t, a, "", "application/json", string(asJSON)),
			"a form called text":      tell(t, a, "", "text/plain", one),
			"a type that is none":     tell(t, a, "", ";;;", one),
			"multipart":               tell(t, a, "", several.FormDataContentType(), parts.String()),
			"multipart that is none":  tell(t, a, "", "multipart/form-data; boundary=x", one),
			"the token as a JWT body": tell(t, a, "", "application/logout+jwt", good),
		} {
			mustRefuse(t, name, got)
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			if got := newBrowser(t).do(method, a.URL+"/auth/backchannel-logout?"+one, nil); got.status != http.StatusMethodNotAllowed {
				t.Errorf("%s: answered %d", method, got.status)
			}
		}

		if who := b.get(a.URL + "/"); who.body != "Alice " {
			t.Fatalf("a bad token signed the person out: %q", who.body)
		}
		// After all that, and in another spelling of the type, a good one is heard; and it was not used up by the refusals.
		if got := tell(t, a, "", "Application/X-WWW-Form-URLEncoded; charset=UTF-8", one); got.status != http.StatusOK || got.body != "" ||
			got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("a good one was answered %d %q", got.status, got.body)
		}
		if who := b.get(a.URL + "/"); who.body != "nobody " {
			t.Errorf("a good one left the session: %q", who.body)
		}
		mustRefuse(t, "replayed", tellToken(t, a, good))
	})
}

// Good tokens as other providers write them.
func TestLogoutToken_ThatOthersMayWrite(t *testing.T) {
	for name, written := range map[string]func(p *provider) string{
		"typ JWT":        func(p *provider) string { return p.logoutToken("JWT", nil) },
		"the whole type": func(p *provider) string { return p.logoutToken("application/logout+jwt", nil) },
		"in capitals":    func(p *provider) string { return p.logoutToken("LOGOUT+JWT", nil) },
		"a list of audiences": func(p *provider) string {
			return p.logoutToken("logout+jwt", func(c jwt.MapClaims) { c["aud"] = []string{"else", clientID} })
		},
		"without sub": func(p *provider) string {
			return p.logoutToken("logout+jwt", func(c jwt.MapClaims) { delete(c, "sub") })
		},
		"more events": func(p *provider) string {
			return p.logoutToken("logout+jwt", func(c jwt.MapClaims) {
				c["events"] = map[string]any{token.LogoutEvent: map[string]any{"why": "x"}, "https://else.example": map[string]any{}}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			a := newApp(t, p, env.MiniRedis(t))
			b := newBrowser(t)
			b.get(a.URL + "/orders")
			if got := tellToken(t, a, written(p)); got.status != http.StatusOK {
				t.Errorf("answered %d %q", got.status, got.body)
			}
			if who := b.get(a.URL + "/"); who.body != "nobody " {
				t.Errorf("the session lives on as %q", who.body)
			}
		})
	}
}

// The same token at both replicas at once is used once.
func TestLogoutToken_ReplayedAtOnce(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		body := url.Values{"logout_token": {p.logoutToken("logout+jwt", nil)}}
		var heard, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				at := []string{a.URL, a.other.URL}[i%2]
				switch got := newBrowser(t).do(http.MethodPost, at+"/auth/backchannel-logout", body); got.status {
				case http.StatusOK:
					heard.Add(1)
				case http.StatusBadRequest:
					refused.Add(1)
				default:
					t.Errorf("answered %d %q", got.status, got.body)
				}
			})
		}
		wg.Wait()
		if heard.Load() != 1 || refused.Load() != 19 {
			t.Errorf("heard %d times, refused %d times", heard.Load(), refused.Load())
		}
	})
}

// A provider's logout token ends the sign-in although Redis is full, and only once.
func TestBackchannelLogout_WhileRedisIsFull(t *testing.T) {
	_, rdb := env.OwnRedis(t, "")
	p := newProvider(t)
	a := newApp(t, p, rdb)
	b := newBrowser(t)
	if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
		t.Fatal(got)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if got := b.get(a.URL + "/orders"); got.body != "orders of alice" {
		t.Errorf("a page that reads: %d %q", got.status, got.body)
	}
	raw := p.logoutToken("logout+jwt", nil)
	if got := tellToken(t, a, raw); got.status != http.StatusOK {
		t.Errorf("the logout token: %d %q", got.status, got.body)
	}
	mustRefuse(t, "the same token again", tellToken(t, a, raw))
	if got := b.stay().get(a.URL + "/orders"); got.status != http.StatusFound {
		t.Errorf("after the sign-out: %d %q", got.status, got.body)
	}
}
