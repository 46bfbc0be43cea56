package bank

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Browser is a simulated browser: an HTTP client with a cookie jar of its own.
type Browser struct {
	id, label string
	home      *url.URL

	drawn bool // in the picture

	mu  sync.Mutex
	jar *cookiejar.Jar
}

// Browser returns the browser with this ID, creating it if needed.
func (b *Bank) Browser(id string) *Browser { return b.browser(id, true) }

// browser returns the browser with this ID, creating it if needed. drawn says whether a new one is shown in the
// picture; the many browsers of a load test are not.
func (b *Bank) browser(id string, drawn bool) *Browser {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, br := range b.browsers {
		if br.id == id {
			return br
		}
	}
	br := &Browser{id: id, label: label(id), drawn: drawn, home: &url.URL{Scheme: "http", Host: b.host, Path: "/"}}
	br.Clear()
	b.browsers = append(b.browsers, br)
	return br
}

// label returns a display name: "Browser 7" for "browser-7".
func label(id string) string {
	s := strings.ReplaceAll(id, "-", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Cookies returns the cookies that the browser sends to the bank, without their attributes.
func (br *Browser) Cookies() []*http.Cookie { return br.cookies().Cookies(br.home) }

// Token returns the value of the session cookie, which is a session ID or a card; "" for none.
func (br *Browser) Token() string {
	for _, c := range br.Cookies() {
		if c.Name == CookieName {
			return c.Value
		}
	}
	return ""
}

// SetToken sets the session cookie, as a thief would.
func (br *Browser) SetToken(value string) {
	br.cookies().SetCookies(br.home, []*http.Cookie{{Name: CookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}})
}

// Copy copies this browser's session cookie to another browser.
func (br *Browser) Copy(to *Browser) { to.SetToken(br.Token()) }

// Clear deletes all cookies.
func (br *Browser) Clear() {
	jar, _ := cookiejar.New(nil) // New never fails with nil options
	br.mu.Lock()
	br.jar = jar
	br.mu.Unlock()
}

func (br *Browser) cookies() *cookiejar.Jar {
	br.mu.Lock()
	defer br.mu.Unlock()
	return br.jar
}

// straightTo is the context key of a branch's address.
type straightTo struct{}

// transport returns a transport that connects to the address that to returns, whatever host the URL names.
func transport(to func(context.Context) string) *http.Transport {
	d := &net.Dialer{Timeout: time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", to(ctx))
		},
		MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: 20 * time.Second,
		ReadBufferSize: 2 << 10, WriteBufferSize: 2 << 10, DisableCompression: true,
	}
}
