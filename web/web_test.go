package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/web"
)

// site is a server with a few handlers, and what it logged.
type site struct {
	*httptest.Server
	echo *echo.Echo
	log  bytes.Buffer
	down error // what /readyz finds
}

func newSite(t *testing.T, baseURL string) *site {
	t.Helper()
	estate, err := web.ParseEstate(baseURL)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{}
	s.echo, err = web.New(web.Options{
		Service: "shop", Replica: "shop-2", Estate: estate, Logger: slog.New(slog.NewJSONHandler(&s.log, nil)),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, FormActions: []string{"http://portal.localhost:8080"},
		AllowCrossOrigin: []string{"/open"}, Streams: []string{"/stream"}, SignInPath: "/auth/sign-in", SignOutPath: "/auth/sign-out",
		Ready: map[string]func(context.Context) error{"redis": func(context.Context) error { return s.down }},
		Person: func(c echo.Context) *components.Person {
			if name := c.Request().Header.Get("X-Test-Person"); name != "" {
				return &components.Person{Name: name, Email: "x@example.com"}
			}
			return nil
		},
		Live: func(c echo.Context) *components.Live {
			return &components.Live{StreamURL: "/auth/live", StateURL: "/auth/state", Ticket: `"><script>`, Person: "p", SignIn: "s"}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	page := func(c echo.Context) error {
		return web.Render(c, http.StatusOK, components.Page(web.Shell(c, "Hello")), components.ToastOOB(components.Toast{Kind: "info", Message: "part"}))
	}
	s.echo.GET("/", page)
	s.echo.POST("/", page)
	s.echo.POST("/open", page)
	s.echo.GET("/leads", func(c echo.Context) error {
		web.FormActions(c, "https://new.example.com")
		web.FormActions(c)
		web.FormActions(c, "https://other.example.com")
		return page(c)
	})
	s.echo.GET("/panic", func(echo.Context) error { panic("secret cause") })
	s.echo.GET("/broken", func(echo.Context) error { return errors.New("secret cause") })
	s.echo.GET("/teapot", func(echo.Context) error {
		return web.Fail(http.StatusTeapot, "teapot", "Short & <stout>.").WithCause(errors.New("secret cause"))
	})
	s.echo.GET("/away", func(echo.Context) error { return web.Unavailable(errors.New("secret cause")) })
	s.echo.GET("/unreachable", func(c echo.Context) error {
		_, err := (&net.Dialer{}).DialContext(c.Request().Context(), "tcp", "127.0.0.1:1")
		return fmt.Errorf("secret cause: %w", err)
	})
	s.echo.GET("/api/broken", func(echo.Context) error { return web.NotFound("This thing") })
	s.echo.GET("/ip", func(c echo.Context) error { return c.String(http.StatusOK, web.ClientIP(c)) })
	s.echo.POST("/text", func(c echo.Context) error {
		v, err := web.Text(c, "t", 5)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, v)
	})
	deadline := func(c echo.Context) error {
		_, bounded := c.Request().Context().Deadline()
		return c.JSON(http.StatusOK, bounded)
	}
	s.echo.GET("/bounded", deadline)
	s.echo.GET("/stream", deadline)
	s.Server = httptest.NewServer(s.echo)
	t.Cleanup(s.Close)
	return s
}

// logged is what was logged up to the end: a line is written after its answer is sent.
func (s *site) logged() string {
	s.Close()
	return s.log.String()
}

type answer struct {
	*http.Response
	body string
}

func (s *site) do(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(raw)}
}

func TestPages_BearReplicaRequestIDAndSafeHeaders(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	got := s.do(t, "GET", "/", "")
	id := got.Header.Get("X-Request-Id")
	if got.Header.Get("X-Served-By") != "shop-2" || id == "" || !strings.Contains(got.body, "shop-2") || !strings.Contains(got.body, id) {
		t.Errorf("served by %q, request %q", got.Header.Get("X-Served-By"), id)
	}
	csp := got.Header.Get("Content-Security-Policy")
	for _, want := range []string{"script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "form-action 'self' http://portal.localhost:8080"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the CSP %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("the CSP is %q", csp)
	}
	// A page whose form leads further says so in its own answer, and in no other.
	if leads := s.do(t, "GET", "/leads", "").Header.Values("Content-Security-Policy"); len(leads) != 1 || leads[0] != csp+" https://new.example.com https://other.example.com" {
		t.Errorf("the CSP of a page that leads further is %q", leads)
	}
	if after := s.do(t, "GET", "/", "").Header.Get("Content-Security-Policy"); after != csp {
		t.Errorf("after it, the CSP is %q", after)
	}
	if got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("headers: %v", got.Header)
	}
	if s := newSite(t, "https://example.com"); s.do(t, "GET", "/", "").Header.Get("Strict-Transport-Security") == "" {
		t.Error("https without Strict-Transport-Security")
	}
	if !strings.Contains(s.logged(), id) {
		t.Error("the log does not name the request")
	}
}

func TestErrors_EachInItsForm(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	for _, tc := range []struct {
		path, accept string
		status       int
		says         string
	}{
		{"/nowhere", "text/html", 404, "There&#39;s no page at this address"},
		{"/teapot", "text/html", 418, "Short &amp; &lt;stout&gt;."},
		{"/broken", "text/html", 500, "our fault"},
		{"/panic", "text/html", 500, "our fault"},
		{"/away", "text/html", 503, "Nothing is lost"},
		{"/unreachable", "text/html", 503, "Nothing is lost"},
		{"/text", "text/html", 405, "doesn&#39;t support that kind of request"},
		{"/api/broken", "*/*", 404, `"error":"not_found"`},
		{"/broken", "application/json", 500, `"error":"internal"`},
	} {
		got := s.do(t, "GET", tc.path, "", "Accept", tc.accept)
		if got.StatusCode != tc.status || !strings.Contains(got.body, tc.says) {
			t.Errorf("%s as %s: %d %.200q", tc.path, tc.accept, got.StatusCode, got.body)
		}
		if strings.Contains(got.body, "secret cause") || strings.Contains(got.body, ".go:") {
			t.Errorf("%s tells the cause", tc.path)
		}
		if !strings.Contains(got.body, got.Header.Get("X-Request-Id")) {
			t.Errorf("%s does not name the request", tc.path)
		}
		if tc.status == 503 && got.Header.Get("Retry-After") == "" {
			t.Errorf("%s has no Retry-After", tc.path)
		}
	}
	fragment := s.do(t, "GET", "/teapot", "", "HX-Request", "true")
	if strings.Contains(fragment.body, "<html") || !strings.Contains(fragment.body, "Short") {
		t.Errorf("htmx got %.200q", fragment.body)
	}
	if fragment.Header.Get("HX-Retarget") != "#toasts" {
		t.Errorf("the fragment goes to %q", fragment.Header.Get("HX-Retarget"))
	}
	if strings.Count(s.logged(), "secret cause") < 3 {
		t.Error("the log does not tell the causes")
	}
}

// sqliteError is as the driver's: its code may be an extended one.
type sqliteError int

func (e sqliteError) Error() string { return "secret cause" }
func (e sqliteError) Code() int     { return int(e) }

// A database that can't work just now is not this program's fault: codes of SQLite, SQLSTATEs of PostgreSQL.
func TestTranslate_DatabaseFaults(t *testing.T) {
	for code, want := range map[int]int{
		13: 503, 10: 503, 10 | 3<<8: 503, 14: 503, 8: 503, 5: 503, 6: 503, // FULL, IOERR, IOERR_WRITE, CANTOPEN, READONLY, BUSY, LOCKED
		1: 500, 11: 500, 19: 500, 19 | 8<<8: 500, // ERROR, CORRUPT, CONSTRAINT, CONSTRAINT_UNIQUE
	} {
		if e := web.Translate(fmt.Errorf("saving: %w", sqliteError(code))); e.Status != want || (want == 503) != (e.RetryAfter > 0) {
			t.Errorf("SQLite's %d became %d with Retry-After %s; want %d", code, e.Status, e.RetryAfter, want)
		}
	}
	for state, want := range map[string]int{"53100": 503, "57P01": 503, "08006": 503, "23505": 500, "42P01": 500} {
		if e := web.Translate(&pgconn.PgError{Code: state}); e.Status != want {
			t.Errorf("PostgreSQL's %s became %d, want %d", state, e.Status, want)
		}
	}
}

func TestRender_FragmentOrPage(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	if got := s.do(t, "GET", "/", "", "HX-Request", "true"); strings.Contains(got.body, "<html") {
		t.Error("htmx got a whole page")
	}
	for _, h := range []string{"HX-Boosted", "HX-History-Restore-Request"} {
		if got := s.do(t, "GET", "/", "", "HX-Request", "true", h, "true"); !strings.Contains(got.body, "<html") {
			t.Errorf("%s got a fragment", h)
		}
	}
	if got := s.do(t, "GET", "/", ""); !strings.Contains(got.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("Cache-Control %q", got.Header.Get("Cache-Control"))
	}
}

func TestLimits_StreamsHaveNoDeadline(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	for path, want := range map[string]string{"/bounded": "true", "/stream": "false"} {
		if got := s.do(t, "GET", path, ""); strings.TrimSpace(got.body) != want {
			t.Errorf("%s has a deadline: %s", path, got.body)
		}
	}
}

func TestPages_HearOfSignOutOnlyWhereSomebodyIsSignedIn(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	parts := []string{`id="signed-out"`, `data-stream="/auth/live"`, "/live.", "Sign in again"}
	signedIn, guest := s.do(t, "GET", "/?q=1", "", "X-Test-Person", "Alice"), s.do(t, "GET", "/", "")
	for _, part := range parts {
		if !strings.Contains(signedIn.body, part) {
			t.Errorf("the page of somebody signed in lacks %s", part)
		}
		if strings.Contains(guest.body, part) {
			t.Errorf("a guest's page has %s", part)
		}
	}
	if !strings.Contains(signedIn.body, "return_to=%2F%3Fq%3D1") || strings.Contains(signedIn.body, `"><script>`) {
		t.Error("the way back, or the ticket, is not what it should be")
	}
}

func TestCrossSite_PostsAreRefusedButWhereAllowed(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		if got := s.do(t, "POST", "/", "", h...); got.StatusCode != http.StatusForbidden {
			t.Errorf("%v: %d", h, got.StatusCode)
		}
		if got := s.do(t, "POST", "/open", "", h...); got.StatusCode != http.StatusOK {
			t.Errorf("%v at the open path: %d", h, got.StatusCode)
		}
	}
	for _, h := range [][]string{{}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}} {
		if got := s.do(t, "POST", "/", "", h...); got.StatusCode != http.StatusOK {
			t.Errorf("%v: %d", h, got.StatusCode)
		}
	}
}

func TestLimits_Bodies(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	if got := s.do(t, "POST", "/text", "t="+strings.Repeat("a", 2<<20)); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MiB: %d", got.StatusCode)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/text", io.MultiReader(strings.NewReader("t="), strings.NewReader(strings.Repeat("a", 2<<20))))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.ContentLength = -1
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MiB without a length: %d", res.StatusCode)
	}
	if got := s.do(t, "POST", "/text", "t=%zz"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a broken form: %d", got.StatusCode)
	}
}

func TestText_Table(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	for in, want := range map[string]int{"hello": 200, " hi ": 200, "": 200, "grüße": 200, "toolong": 422, "a\x00b": 400, "\xff\xfe": 400, "a\x1bb": 400} {
		got := s.do(t, "POST", "/text", url.Values{"t": {in}}.Encode())
		if got.StatusCode != want || want == 200 && got.body != strings.TrimSpace(in) {
			t.Errorf("%q: %d %q", in, got.StatusCode, got.body)
		}
	}
}

func TestTheme_IsKeptAndReturnsToLocalPages(t *testing.T) {
	s := newSite(t, "https://example.com")
	got := s.do(t, "POST", "/theme", "theme=dark&return_to=/x?y=1")
	k := got.Header.Get("Set-Cookie")
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/x?y=1" ||
		!strings.Contains(k, "theme=dark") || !strings.Contains(k, "Domain=example.com") || !strings.Contains(k, "Secure") {
		t.Errorf("%d to %q with %q", got.StatusCode, got.Header.Get("Location"), k)
	}
	if got := s.do(t, "POST", "/theme", "theme=dark&return_to=//evil.example"); got.Header.Get("Location") != "/" {
		t.Errorf("led to %q", got.Header.Get("Location"))
	}
	if got := s.do(t, "POST", "/theme", "theme=pink"); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("pink: %d", got.StatusCode)
	}
	if got := s.do(t, "GET", "/", "", "Cookie", "theme=dark"); !strings.Contains(got.body, `data-theme="dark"`) {
		t.Error("the page is not dark")
	}
	if got := s.do(t, "GET", "/", "", "Cookie", `theme="><script>`); strings.Contains(got.body, `"><script>`) {
		t.Error("the cookie stands in the page")
	}
}

func TestFlash_IsShownOnceAndNeverRaw(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	s.echo.GET("/flash", func(c echo.Context) error {
		web.Flash(c, "success", "Done & <b>dusted</b>")
		return web.SeeOther(c, "/")
	})
	set := s.do(t, "GET", "/flash", "").Cookies()
	if len(set) != 1 {
		t.Fatalf("cookies: %v", set)
	}
	got := s.do(t, "GET", "/", "", "Cookie", set[0].Name+"="+set[0].Value)
	if !strings.Contains(got.body, "Done &amp; &lt;b&gt;dusted&lt;/b&gt;") || !strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("Set-Cookie %q", got.Header.Get("Set-Cookie"))
	}
	got = s.do(t, "GET", "/", "", "Cookie", "theme=x; theme=y; theme=z; flash=x; flash=y; flash=z; theme=dark; "+set[0].Name+"="+set[0].Value)
	if !strings.Contains(got.body, "Done &amp;") || !strings.Contains(got.body, `data-theme="dark"`) {
		t.Error("cookies of the same name that mean nothing hide ours")
	}
	for _, junk := range []string{"x", "!!!", strings.Repeat("A", 5000), "bnVsbA", "W10"} {
		if got := s.do(t, "GET", "/", "", "Cookie", "flash="+junk); got.StatusCode != http.StatusOK {
			t.Errorf("flash=%.10s: %d", junk, got.StatusCode)
		}
	}
}

func TestHealth_AliveAndReadyAreTwoThings(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	s.down = fmt.Errorf("dial tcp: secret cause")
	if got := s.do(t, "GET", "/healthz", ""); got.StatusCode != http.StatusOK {
		t.Errorf("healthz: %d", got.StatusCode)
	}
	if got := s.do(t, "GET", "/readyz", ""); got.StatusCode != http.StatusServiceUnavailable || strings.Contains(got.body, "secret") {
		t.Errorf("readyz: %d %q", got.StatusCode, got.body)
	}
	s.down = nil
	if got := s.do(t, "GET", "/readyz", ""); got.StatusCode != http.StatusOK {
		t.Errorf("readyz: %d", got.StatusCode)
	}
}

func TestFavicon_IsThere(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	to := s.do(t, "GET", "/favicon.ico", "").Header.Get("Location")
	if got := s.do(t, "GET", to, ""); got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("%q: %d %q", to, got.StatusCode, got.Header.Get("Content-Type"))
	}
}

func TestClientIP_BelievesTrustedProxiesOnly(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	if got := s.do(t, "GET", "/ip", "", "X-Forwarded-For", "203.0.113.7"); got.body != "203.0.113.7" {
		t.Errorf("through a trusted proxy: %q", got.body)
	}
	if got := s.do(t, "GET", "/ip", "", "X-Forwarded-For", "10.0.0.1, 203.0.113.7"); got.body != "203.0.113.7" {
		t.Errorf("what the client claimed before the proxy is believed: %q", got.body)
	}
}

func TestEstate_Table(t *testing.T) {
	for _, bad := range []string{"", "localhost:8080", "ftp://x", "http://", "http://x/path", "http://u@x", "http://x?y", "http://%zz"} {
		if _, err := web.ParseEstate(bad); err == nil {
			t.Errorf("ParseEstate(%q) took it", bad)
		}
	}
	e, err := web.ParseEstate("https://Example.com:8443/", web.App{Key: "portal"}, web.App{Key: "shop"}, web.App{Key: "analytics", Roles: []string{"analyst", "admin"}})
	if err != nil || e.URL("shop") != "https://shop.example.com:8443" || !e.Secure() || e.Domain() != "example.com" {
		t.Errorf("%+v, %v", e, err)
	}
	keys := func(roles ...string) (s string) {
		for _, a := range e.AppsFor(roles) {
			s += a.Key + " "
		}
		return s
	}
	if keys("customer") != "portal shop " || keys("analyst") != "portal shop analytics " {
		t.Errorf("customer: %s; analyst: %s", keys("customer"), keys("analyst"))
	}
}

// The log must not hold what a query or a cookie may tell.
func TestLog_TellsNoSecrets(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	s.do(t, "GET", "/nowhere?code=topsecret&token=topsecret", "", "Cookie", "shop_session=topsecret", "Authorization", "Bearer topsecret", "Referer", "http://x/?code=topsecret")
	s.do(t, "POST", "/text", "t=x&password=topsecret")
	if strings.Contains(s.logged(), "topsecret") {
		t.Errorf("the log: %s", s.logged())
	}
}

func TestHead_IsGetWithoutABody(t *testing.T) {
	s := newSite(t, "http://localhost:8080")
	for _, path := range []string{"/", "/healthz", "/teapot"} {
		get, head := s.do(t, http.MethodGet, path, ""), s.do(t, http.MethodHead, path, "")
		if head.StatusCode != get.StatusCode || head.body != "" {
			t.Errorf("HEAD %s: %s with %q, GET %s", path, head.Status, head.body, get.Status)
		}
	}
	if got := s.do(t, http.MethodHead, "/open", ""); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD where there is only POST: %s", got.Status)
	}
}

func TestEstate_NamesItsServicesOnly(t *testing.T) {
	estate, err := web.ParseEstate("http://localhost:8080", web.App{Key: "shop", Name: "Shop"})
	if err != nil {
		t.Fatal(err)
	}
	// What is no service of the estate, such as a client from the console, has no name that people know.
	for service, want := range map[string]string{"shop": "Shop", "e2e-1234": "", "": ""} {
		if got := estate.Name(service); got != want {
			t.Errorf("%q is called %q, want %q", service, got, want)
		}
	}
}
