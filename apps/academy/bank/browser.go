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

// Browser is somebody's browser: an HTTP client with a cookie jar of its own.
type Browser struct {
	id, label string
	home      *url.URL

	drawn bool // in the picture

	mu  sync.Mutex
	jar *cookiejar.Jar
}

// Browser is the browser of this name; it is made when it is asked for first.
func (b *Bank) Browser(id string) *Browser { return b.browser(id, true) }

// browser is Browser. One that only ever visits quietly is one of a crowd and not drawn.
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

// label is a name to show: "browser-7" becomes "Browser 7".
func label(id string) string {
	s := strings.ReplaceAll(id, "-", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Cookies are what the browser sends to the bank. Attributes are not kept.
func (br *Browser) Cookies() []*http.Cookie { return br.cookies().Cookies(br.home) }

// Token is the value of the session's cookie, or the card; "" for none.
func (br *Browser) Token() string {
	for _, c := range br.Cookies() {
		if c.Name == CookieName {
			return c.Value
		}
	}
	return ""
}

// SetToken puts a value into the session's cookie, as a thief would.
func (br *Browser) SetToken(value string) {
	br.cookies().SetCookies(br.home, []*http.Cookie{{Name: CookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}})
}

// Copy puts this browser's session into another one.
func (br *Browser) Copy(to *Browser) { to.SetToken(br.Token()) }

// Clear throws all cookies away.
func (br *Browser) Clear() {
	jar, _ := cookiejar.New(nil) // it fails for no options that are nil
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

// transport connects to an address of ours, whatever the name in the URL is.
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
