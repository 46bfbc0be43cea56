package rp_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
)

// testKeys are the app's.
var testKeys = [][]byte{[]byte("a key of the app, of thirty-two b")}

// app is two replicas of an app that trusts a provider: the first with Echo, the other with plain net/http.
type app struct {
	*httptest.Server // the first replica, which browsers see
	other            *httptest.Server
	auth             *echorp.RP
}

func newApp(t *testing.T, p *provider, rdb redis.UniversalClient) *app {
	t.Helper()
	return newAppWith(t, p, rdb, func(*rp.Config) {})
}

// newAppWith is newApp with another configuration.
func newAppWith(t *testing.T, p *provider, rdb redis.UniversalClient, change func(*rp.Config)) *app {
	t.Helper()
	a := &app{}
	var first, second http.Handler
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { first.ServeHTTP(w, r) }))
	a.other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { second.ServeHTTP(w, r) }))
	t.Cleanup(a.Close)
	t.Cleanup(a.other.Close)
	first, a.auth = replica(t, p, rdb, a.URL, change)
	second = plainReplica(t, p, rdb, a.URL, change)
	return a
}

func config(t *testing.T, p *provider, rdb redis.UniversalClient, base string, change func(*rp.Config)) rp.Config {
	c := rp.Config{
		Issuer: p.URL, ClientID: clientID, ClientSecret: secret, BaseURL: base, Service: "shop", Keys: testKeys, Redis: rdb,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	change(&c)
	return c
}

func replica(t *testing.T, p *provider, rdb redis.UniversalClient, base string, change func(*rp.Config)) (http.Handler, *echorp.RP) {
	t.Helper()
	auth, err := echorp.New(config(t, p, rdb, base, change))
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.IPExtractor = echo.ExtractIPFromXFFHeader() // behind a proxy on this machine
	auth.Mount(e)
	e.GET("/", func(c echo.Context) error {
		name := "nobody"
		if p := rp.From(c.Request()); p != nil {
			name = p.Name
		}
		if rp.Unavailable(c.Request()) {
			name = "unknown"
		}
		return c.String(http.StatusOK, name+" "+rp.Draft(c.Request()).Get("body"))
	})
	e.GET("/page", func(c echo.Context) error { return c.JSON(http.StatusOK, rp.Live(c.Request())) })
	e.GET("/orders", func(c echo.Context) error { return c.String(http.StatusOK, "orders of "+rp.From(c.Request()).Subject) }, auth.Required)
	e.GET("/roles", func(c echo.Context) error { return c.String(http.StatusOK, fmt.Sprint(rp.From(c.Request()).Roles)) }, auth.Required)
	e.POST("/reply", func(c echo.Context) error { return c.String(http.StatusOK, "replied") }, auth.Required)
	e.GET("/admin", func(c echo.Context) error { return c.String(http.StatusOK, "admin") }, auth.Role("admin", "analyst"))
	e.POST("/danger", func(c echo.Context) error { return c.String(http.StatusOK, "done") }, auth.Required, auth.Recent(15*time.Minute))
	e.GET("/token", func(c echo.Context) error {
		tok, err := auth.AccessToken(c.Request(), "https://sibling.example")
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, tok)
	}, auth.Required)
	e.GET("/api/things", func(c echo.Context) error { return c.String(http.StatusOK, rp.Claims(c.Request()).Subject) }, auth.Bearer("things:read"))
	return e, auth
}

// browser keeps cookies and follows redirects unless told not to.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, t}
}

// page is what a request led to.
type page struct {
	status int
	url    *url.URL
	header http.Header
	body   string
}

func (b *browser) do(method, address string, form url.Values, header ...string) page {
	b.t.Helper()
	if form == nil {
		return b.send(method, address, nil, header...)
	}
	return b.send(method, address, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

// send is do with any body.
func (b *browser) send(method, address string, body io.Reader, header ...string) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res.StatusCode, res.Request.URL, res.Header, string(raw)}
}

func (b *browser) get(address string, header ...string) page {
	b.t.Helper()
	return b.do(http.MethodGet, address, nil, header...)
}

// stay makes the browser not follow redirects.
func (b *browser) stay() *browser {
	return &browser{&http.Client{Jar: b.Jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, b.t}
}
