package rp_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/tests/env"
)

// withCookies returns a browser that sends these cookies, too, before those that it was given.
func withCookies(t *testing.T, header string) *browser {
	t.Helper()
	b := newBrowser(t)
	b.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Cookie", strings.TrimSuffix(header+"; "+r.Header.Get("Cookie"), "; "))
		return http.DefaultTransport.RoundTrip(r)
	})
	return b
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// sessionOf signs b in and returns its session cookie.
func sessionOf(t *testing.T, a *app, b *browser) string {
	t.Helper()
	b.get(a.URL + "/orders")
	u, _ := url.Parse(a.URL)
	for _, k := range b.Jar.Cookies(u) {
		if k.Name == "shop_session" {
			return k.String()
		}
	}
	t.Fatal("not signed in")
	return ""
}

func TestShadow_AnUnknownCookieBeforeTheSessionChangesNothing(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	b := withCookies(t, "shop_session="+strings.Repeat("A", 26)+"; shop_guest=x; shop_draft=x; shop_signout=x; shop_awaited=x")
	if got := b.get(a.URL + "/orders?page=2"); got.body != "orders of alice" || got.url.RequestURI() != "/orders?page=2" {
		t.Fatalf("ended at %s with %d %q", got.url, got.status, got.body)
	}
	if got := b.do(http.MethodPost, a.URL+"/auth/sign-out", url.Values{}); got.status != http.StatusOK {
		t.Fatalf("sign-out ended at %s with %d", got.url, got.status)
	}
	if got := b.get(a.URL + "/"); got.body != "nobody " {
		t.Errorf("signed out, the browser is %q", got.body)
	}
	got := b.do(http.MethodPost, a.URL+"/reply", url.Values{"body": {"half a reply"}}, "Referer", a.URL+"/")
	if got.body != "Alice half a reply" {
		t.Errorf("the form came back as %q", got.body)
	}
}

func TestShadow_MalformedCookiesBeforeEachChangeNothing(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	b := newBrowser(t)
	b.Transport = env.MalformedCookies{}
	if got := b.do(http.MethodPost, a.URL+"/reply", url.Values{"body": {"half a reply"}}, "Referer", a.URL+"/"); got.body != "Alice half a reply" {
		t.Errorf("the form came back as %q", got.body)
	}
	if got := b.do(http.MethodPost, a.URL+"/auth/sign-out", url.Values{}); got.status != http.StatusOK {
		t.Errorf("sign-out ended at %s with %d", got.url, got.status)
	}
	asked := p.asked
	arriving := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site"}
	if got := b.get(a.URL+"/", arriving...); got.body != "nobody " || p.asked != asked {
		t.Errorf("after the sign-out, the browser is %q", got.body)
	}
}

func TestShadow_TwoPeoplesSessionsAreAPage(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	p.idToken = func(c jwt.MapClaims) { c["sub"], c["sid"] = "mallory", "sid-2" }
	planted := sessionOf(t, a, newBrowser(t))
	p.idToken = nil
	hers := sessionOf(t, a, newBrowser(t))
	b := withCookies(t, planted+"; "+hers)
	got := b.get(a.URL + "/orders?page=2")
	if got.status != http.StatusConflict || !strings.Contains(got.body, "sessions of two different people") {
		t.Fatalf("ended at %s with %d %q", got.url, got.status, got.body)
	}
	arriving := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site"}
	if got := b.get(a.URL + "/"); got.body != "nobody " {
		t.Errorf("a public page is shown to %q", got.body)
	}
	if got := b.get(a.URL+"/auth/sign-in?again=1&return_to=/orders", arriving...); got.body != "orders of alice" {
		t.Errorf("signing in again ended at %s with %d %q", got.url, got.status, got.body)
	}
}

// A cookie for a folder comes before the one for the whole site, and isn't sent to the callback that ends old sessions.
func TestShadow_SigningInAgainHelpsAgainstACookieForAFolder(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	p.idToken = func(c jwt.MapClaims) { c["sub"], c["sid"] = "mallory", "sid-2" }
	planted := strings.TrimPrefix(sessionOf(t, a, newBrowser(t)), "shop_session=")
	p.idToken = nil
	b := newBrowser(t)
	sessionOf(t, a, b)
	u, _ := url.Parse(a.URL + "/orders")
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "shop_session", Value: planted, Path: "/orders"}})
	if got := b.get(a.URL + "/orders"); got.status != http.StatusConflict {
		t.Fatalf("ended at %s with %d %q", got.url, got.status, got.body)
	}
	if got := b.get(a.URL + "/auth/sign-in?again=1&return_to=/orders"); got.body != "orders of alice" {
		t.Errorf("signing in again ended at %s with %d %q", got.url, got.status, got.body)
	}
}

// A browser that never sends the session it is given is not led in a circle, whichever way the sign-in began.
func TestShadow_ASecondArrivalWithoutASessionIsAPage(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	b := newBrowser(t)
	drop := regexp.MustCompile(`shop_session=[^;]*(; )?`)
	b.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Cookie", drop.ReplaceAllString(r.Header.Get("Cookie"), ""))
		return http.DefaultTransport.RoundTrip(r)
	})
	for range 2 {
		got := b.get(a.URL + "/orders")
		if got.status != http.StatusConflict || !strings.Contains(got.body, "send the session cookie back") {
			t.Fatalf("ended at %s with %d %q", got.url, got.status, got.body)
		}
	}
	arriving := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site"}
	if got := b.get(a.URL+"/", arriving...); got.body != "nobody " {
		t.Errorf("arriving silently ended at %s with %d %q", got.url, got.status, got.body)
	}
}
