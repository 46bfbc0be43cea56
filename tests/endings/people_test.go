//go:build unix

package endings_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// password is that of every demo account.
const demoPassword = "gatehouse-demo"

// browser is one person's browser. It reaches the portal by the balancer, and that
// replica of the bank which the test names.
type browser struct {
	house *house
	jar   *cookiejar.Jar
	ways  map[string]http.RoundTripper // by address
}

func (h *house) browser() *browser {
	jar, _ := cookiejar.New(nil) // can't fail without options
	return &browser{house: h, jar: jar, ways: map[string]http.RoundTripper{h.addr: h.to(h.addr)}}
}

func (b *browser) way(addr string) http.RoundTripper {
	if b.ways[addr] == nil {
		b.ways[addr] = b.house.to(addr)
	}
	return b.ways[addr]
}

// byHost sends requests for the bank one way, and all others to the balancer.
type byHost struct {
	bank, portal http.RoundTripper
}

func (w byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Host, "bank.") {
		return w.bank.RoundTrip(r)
	}
	return w.portal.RoundTrip(r)
}

// at is the browser as a client whose bank is that replica; follow says whether it
// goes where redirects lead.
func (b *browser) at(bank *replica, follow bool) *http.Client {
	c := &http.Client{Jar: b.jar, Timeout: 20 * time.Second, Transport: byHost{b.way(bank.server.Listener.Addr().String()), b.way(b.house.addr)}}
	if !follow {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return c
}

// portalAt is the browser as a client that asks one replica of the portal.
func (b *browser) portalAt(portal *replica) *http.Client {
	return &http.Client{Jar: b.jar, Timeout: 20 * time.Second, Transport: b.way(portal.server.Listener.Addr().String()),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (h *house) portalURL(path string) string { return h.estate.URL("portal") + path }
func (h *house) bankURL(path string) string   { return h.estate.URL("bank") + path }

// result is what a test wants to know of an answer.
type result struct {
	status int
	body   string
	header http.Header
	url    *url.URL // where it came from, after redirects
}

func (r result) String() string { return fmt.Sprintf("%d at %s: %.200s", r.status, r.url, r.body) }

func ask(t testing.TB, c *http.Client, req *http.Request) result {
	t.Helper()
	res, err := c.Do(req)
	if err != nil {
		return result{body: err.Error(), url: req.URL}
	}
	return result{res.StatusCode, body(res), res.Header, res.Request.URL}
}

func get(t testing.TB, c *http.Client, url string) result {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, c, req)
}

func post(t testing.TB, c *http.Client, to string, form url.Values) result {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return ask(t, c, req)
}

// signIn signs in at the portal by its form; the answer says whether it could be.
func (b *browser) signIn(name string) result {
	b.house.t.Helper()
	return post(b.house.t, b.at(b.house.banks[0], false), b.house.portalURL("/sign-in"), url.Values{
		"email": {name + "@example.com"}, "password": {demoPassword}, "return_to": {"/"},
	})
}

// mustSignIn signs in, and opens the bank.
func (b *browser) mustSignIn(name string) {
	b.house.t.Helper()
	if r := b.signIn(name); r.status != http.StatusSeeOther {
		b.house.t.Fatalf("%s can't sign in: %s", name, r)
	}
	r := b.house.settled(func() result { return b.open(b.house.banks[0]) }, "bank", "portal")
	if r.status != http.StatusOK {
		b.house.t.Fatalf("%s can't open the bank: %s", name, r)
	}
}

// open opens the bank at a replica, by way of the portal if need be.
func (b *browser) open(bank *replica) result {
	b.house.t.Helper()
	return get(b.house.t, b.at(bank, true), b.house.bankURL("/vault"))
}

// vault asks a replica with the cookie that the browser has, and goes nowhere else.
func (b *browser) vault(bank *replica) result {
	b.house.t.Helper()
	return get(b.house.t, b.at(bank, false), b.house.bankURL("/vault"))
}

// token has the bank fetch an access token, or "".
func (b *browser) token(bank *replica) (string, result) {
	b.house.t.Helper()
	r := get(b.house.t, b.at(bank, false), b.house.bankURL("/token"))
	if r.status != http.StatusOK {
		return "", r
	}
	return r.body, r
}

// api asks a replica's API with an access token.
func (h *house) api(bank *replica, token string) result {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, h.bankURL("/api/vault"), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return ask(h.t, bank.client(), req)
}

// settled repeats a request while one of services answers it 503, and returns the first other answer. A replica that
// has not heard from Redis within its bound asks people to come back; on a busy machine that happens without a fault,
// too. It is only for services that have done nothing yet when they answer 503.
func (h *house) settled(ask func() result, services ...string) result {
	h.t.Helper()
	var r result
	h.eventually("an answer other than 503", func() bool {
		r = ask()
		service, _, _ := strings.Cut(r.url.Host, ".")
		return r.status != http.StatusServiceUnavailable || !slices.Contains(services, service)
	})
	return r
}

// header returns the Cookie header that the browser sends to the bank.
func (b *browser) header() string {
	b.house.t.Helper()
	u, err := url.Parse(b.house.bankURL("/"))
	if err != nil {
		b.house.t.Fatal(err)
	}
	var pairs []string
	for _, c := range b.jar.Cookies(u) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// serve has the replica's handler answer a GET request for a page of the bank, without a connection. An empty cookie or
// token is left out. Cookies that the answer sets or deletes are not kept.
func (r *replica) serve(path, cookie, token string) result {
	req := httptest.NewRequest(http.MethodGet, r.house.bankURL(path), nil)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	return result{w.Code, w.Body.String(), w.Header(), req.URL}
}

// client is a client of this replica alone, without cookies.
func (r *replica) client() *http.Client {
	if r.http == nil {
		r.http = &http.Client{Timeout: 20 * time.Second, Transport: r.house.to(r.server.Listener.Addr().String()),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return r.http
}

// signOut signs out in the bank, through to the portal.
func (b *browser) signOut(bank *replica) result {
	b.house.t.Helper()
	return post(b.house.t, b.at(bank, true), b.house.bankURL("/auth/sign-out"), nil)
}

// everywhere signs out everywhere, at the portal.
func (b *browser) everywhere() result {
	b.house.t.Helper()
	return post(b.house.t, b.at(b.house.banks[0], false), b.house.portalURL("/sign-out/everywhere"), nil)
}

// steal is another browser with a copy of all cookies.
func (b *browser) steal() *browser {
	thief := b.house.browser()
	for _, at := range []string{b.house.portalURL("/"), b.house.bankURL("/")} {
		u, err := url.Parse(at)
		if err != nil {
			b.house.t.Fatal(err)
		}
		thief.jar.SetCookies(u, b.jar.Cookies(u))
	}
	return thief
}
