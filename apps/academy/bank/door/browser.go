package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"gatehouse.example/sso/loopback"
)

const (
	maxPage      = 512 << 10 // bytes
	maxRedirects = 12
)

// Page is a request of a browser with its response.
type Page struct {
	At     time.Time
	Took   time.Duration
	Method string
	URL    *url.URL
	Status int
	To     *url.URL // of the Location header; nil for none
	Body   []byte

	Cookies []*http.Cookie // that the response sets
}

// Browser is a simulated browser: a real HTTP client with a cookie jar. It is not safe for concurrent use.
type Browser struct {
	client *http.Client
	seen   func(Page)
}

// NewBrowser returns a browser without cookies. It calls seen, if not nil, after each request.
func NewBrowser(seen func(Page)) *Browser {
	if seen == nil {
		seen = func(Page) {}
	}
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Browser{seen: seen, client: &http.Client{
		Jar: jar, Timeout: 5 * time.Second,
		Transport:     &http.Transport{DialContext: loopback.Dial("localhost"), IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (b *Browser) Close() { b.client.CloseIdleConnections() }

// Forget deletes all cookies.
func (b *Browser) Forget() { b.client.Jar, _ = cookiejar.New(nil) }

// Go makes one request without following redirects: a GET, or a POST if form is not nil.
func (b *Browser) Go(ctx context.Context, address string, form url.Values) (Page, error) {
	p := Page{At: time.Now(), Method: http.MethodGet}
	var body io.Reader
	if form != nil {
		p.Method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, p.Method, address, body)
	if err != nil {
		return p, fmt.Errorf("door: %w", err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	p.URL = req.URL
	res, err := b.client.Do(req)
	if err != nil {
		return p, fmt.Errorf("door: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if p.Body, err = io.ReadAll(io.LimitReader(res.Body, maxPage)); err != nil {
		return p, fmt.Errorf("door: %w", err)
	}
	p.Took, p.Status, p.Cookies = time.Since(p.At), res.StatusCode, res.Cookies()
	if to, err := res.Location(); err == nil {
		p.To = to
	}
	b.seen(p)
	return p, nil
}

// Follow requests an address and follows redirects until a response is no redirect, or stop reports true for the next
// address; stop may be nil.
func (b *Browser) Follow(ctx context.Context, address string, stop func(to *url.URL) bool) (Page, error) {
	p, err := b.Go(ctx, address, nil)
	return b.on(ctx, p, err, stop)
}

func (b *Browser) on(ctx context.Context, p Page, err error, stop func(to *url.URL) bool) (Page, error) {
	for range maxRedirects {
		if err != nil || p.To == nil || stop != nil && stop(p.To) {
			return p, err
		}
		p, err = b.Go(ctx, p.To.String(), nil)
	}
	return p, errors.New("door: redirect loop")
}

// SignIn follows an address like Follow. If that ends at a password form, it submits the form and follows the
// redirects.
func (b *Browser) SignIn(ctx context.Context, address, name, password string, stop func(to *url.URL) bool) (Page, error) {
	p, err := b.Follow(ctx, address, stop)
	if err != nil || p.To != nil {
		return p, err
	}
	action, fields, ok := passwordForm(p, name, password)
	if !ok {
		return p, nil
	}
	p, err = b.Go(ctx, action, fields)
	return b.on(ctx, p, err, stop)
}

// passwordForm returns the action and the filled-in fields of the page's first form with a password field, and false
// if there is none.
func passwordForm(p Page, name, password string) (action string, fields url.Values, ok bool) {
	root, err := html.Parse(strings.NewReader(string(p.Body)))
	if err != nil {
		return "", nil, false
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		fields, asks := url.Values{}, false
		for in := range n.Descendants() {
			if in.Type != html.ElementNode || in.Data != "input" || attribute(in, "name") == "" {
				continue
			}
			switch attribute(in, "type") {
			case "password":
				asks = true
				fields.Set(attribute(in, "name"), password)
			case "hidden":
				fields.Set(attribute(in, "name"), attribute(in, "value"))
			case "email", "text", "":
				fields.Set(attribute(in, "name"), name)
			}
		}
		if to, err := p.URL.Parse(attribute(n, "action")); asks && err == nil {
			return to.String(), fields, true
		}
	}
	return "", nil, false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
