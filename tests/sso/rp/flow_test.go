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

	"gatehouse.example/sso/rp"
	"gatehouse.example/tests/env"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) forward(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// flowCookies are the sizes of a browser's cookies of sign-ins under way, by name.
func flowCookies(b *browser, address string) map[string]int {
	u, _ := url.Parse(address)
	sizes := map[string]int{}
	for _, k := range b.Jar.Cookies(u) {
		if strings.HasPrefix(k.Name, "shop_flow_") {
			sizes[k.Name] = len(k.String())
		}
	}
	return sizes
}

// A guest's sign-ins are in the browser: they cost Redis nothing, and the browser keeps few and small ones.
func TestFlow_CostsRedisNothing(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		a := newApp(t, newProvider(t), rdb)
		b := newBrowser(t)
		for n := range 30 {
			b.stay().get(fmt.Sprintf("%s/orders?n=%d&q=%s", a.URL, n, strings.Repeat("x", n*60)))
		}
		b.stay().get(a.URL+"/", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site")
		if keys := rdb.Keys(t.Context(), "*").Val(); len(keys) != 0 {
			t.Errorf("Redis has %q", keys)
		}
		cookies := flowCookies(b, a.URL)
		if len(cookies) != 5 {
			t.Errorf("the browser keeps %d flows", len(cookies))
		}
		for name, size := range cookies {
			if size > 1500 {
				t.Errorf("%s has %d bytes", name, size)
			}
		}
	})
}

func TestFlow_TabsSignInSideBySide(t *testing.T) {
	a := newApp(t, newProvider(t), env.MiniRedis(t))
	b := newBrowser(t)
	var toProvider []string
	for n := range 3 {
		toProvider = append(toProvider, b.stay().get(fmt.Sprintf("%s/orders?tab=%d", a.URL, n)).header.Get("Location"))
	}
	for n, to := range toProvider {
		if got := b.get(to); got.url.RequestURI() != fmt.Sprintf("/orders?tab=%d", n) || got.body != "orders of alice" {
			t.Errorf("tab %d ended at %s with %q", n, got.url, got.body)
		}
	}
	if left := flowCookies(b, a.URL); len(left) != 0 {
		t.Errorf("finished flows stay: %v", left)
	}
}

func TestFlow_AChangedCookieIsNone(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, env.MiniRedis(t))
	b := newBrowser(t)
	to := b.stay().get(a.URL + "/orders").header.Get("Location")
	u, _ := url.Parse(a.URL)
	for _, k := range b.Jar.Cookies(u) {
		if strings.HasPrefix(k.Name, "shop_flow_") {
			k.Value = k.Value[:len(k.Value)-2] + "AA"
			k.Path = "/"
			b.Jar.SetCookies(u, []*http.Cookie{k})
		}
	}
	if got := b.get(to); got.url.Path != "/" || got.body != "nobody " || p.exchanges != 0 {
		t.Errorf("ended at %s with %q after %d exchanges", got.url, got.body, p.exchanges)
	}
}

// The answer that comes after the time for a sign-in leads to the page all the same, by a sign-in that begins anew.
func TestFlow_ALateSignInKeepsThePage(t *testing.T) {
	for _, c := range []struct {
		late time.Duration
		want string
	}{{14 * time.Minute, "/orders?from=mail"}, {16 * time.Minute, "/orders?from=mail"}, {23 * time.Hour, "/orders?from=mail"}, {25 * time.Hour, "/"}} {
		p := newProvider(t)
		k := &clock{now: time.Now()}
		a := newAppWith(t, p, env.MiniRedis(t), func(c *rp.Config) { c.Now = k.Now })
		b := newBrowser(t)
		to := b.stay().get(a.URL + "/orders?from=mail").header.Get("Location")
		answer := b.stay().get(to).header.Get("Location")
		p.codes = map[string]string{} // the code has long expired
		if c.late < 15*time.Minute {
			answer = b.stay().get(to).header.Get("Location")
		}
		k.forward(c.late)
		p.idToken = func(claims jwt.MapClaims) { claims["exp"] = k.Now().Add(time.Minute).Unix() }
		redirect := b.stay().get(answer)
		if c.late > 15*time.Minute && p.exchanges != 0 {
			t.Errorf("%s late: the answer was used", c.late)
		}
		next, err := url.Parse(redirect.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		base, _ := url.Parse(a.URL)
		if got := b.get(base.ResolveReference(next).String()); got.status != http.StatusOK || got.url.RequestURI() != c.want {
			t.Errorf("%s late: ended at %s with %d %q", c.late, got.url, got.status, got.body)
		}
	}
}

func TestFlow_BeginsAgainOnlyOnce(t *testing.T) {
	p := newProvider(t)
	k := &clock{now: time.Now()}
	a := newAppWith(t, p, env.MiniRedis(t), func(c *rp.Config) { c.Now = k.Now })
	b := newBrowser(t)
	to := b.stay().get(a.URL + "/orders").header.Get("Location")
	for n, want := range []string{p.URL + "/authorize?", "/"} {
		answer := b.stay().get(to).header.Get("Location")
		k.forward(16 * time.Minute)
		if to = b.stay().get(answer).header.Get("Location"); !strings.HasPrefix(to, want) {
			t.Errorf("late answer %d led to %q, want %q", n+1, to, want)
		}
	}
}

// An answer that comes twice at once, as by an impatient reload, is exchanged once.
func TestFlow_AnAnswerIsUsedOnce(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b := newBrowser(t)
		answer := b.stay().get(b.stay().get(a.URL + "/orders").header.Get("Location")).header.Get("Location")
		u, _ := url.Parse(a.URL)
		cookies := b.Jar.Cookies(u)
		var wg sync.WaitGroup
		for range 8 {
			again := newBrowser(t) // the same cookies, before any answer has come
			again.Jar.SetCookies(u, cookies)
			wg.Go(func() { again.stay().get(answer) })
		}
		wg.Wait()
		if p.exchanges != 1 {
			t.Errorf("the code was exchanged %d times", p.exchanges)
		}
	})
}
