//go:build unix

package flows_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/tests/estate"
)

func TestNginx_ServesTheWholeSignInFromEveryReplica(t *testing.T) {
	b := startBehindNginx(t)
	browser := estate.Browser()

	answer, err := browser.Get(b.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.Request.URL.Host; !strings.HasPrefix(got, "portal.localhost:") {
		t.Errorf("localhost leads to %s; want the portal", got)
	}

	page := b.url("shop") + "/orders"
	answer = estate.SignIn(t, browser, page, "alice@example.com", estate.Password)
	body := text(t, answer)
	if answer.StatusCode != http.StatusOK || answer.Request.URL.String() != page || !strings.Contains(body, "Alice Demo") {
		t.Fatalf("after the sign-in: %s at %s; want alice's orders", answer.Status, answer.Request.URL)
	}

	checkLongRequest(t, b, browser)
	for service, path := range map[string]string{"portal": "/", "shop": "/orders", "forum": "/mine"} {
		served := map[string]bool{}
		for range 20 {
			answer, err := browser.Get(b.url(service) + path)
			if err != nil {
				t.Fatal(err)
			}
			if body := text(t, answer); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Alice Demo") {
				t.Fatalf("%s by %s: %s, and alice is not signed in", service, answer.Header.Get("X-Served-By"), answer.Status)
			}
			served[answer.Header.Get("X-Served-By")] = true
		}
		if !served[service+"-1"] || !served[service+"-2"] {
			t.Errorf("twenty pages of %s came from %v only", service, served)
		}
	}

	answer, err = browser.Get(b.url("analytics") + "/")
	if err != nil {
		t.Fatal(err)
	}
	if body := text(t, answer); answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "analyst") {
		t.Errorf("alice at analytics: %s; want 403 and the role it takes", answer.Status)
	}
}

func TestNginx_KilledReplicaCostsNothing(t *testing.T) {
	b := startBehindNginx(t)
	browser := estate.Browser()
	text(t, estate.SignIn(t, browser, b.url("forum")+"/mine", "bob@example.com", estate.Password))
	for _, victim := range []string{"forum-1", "portal-2"} {
		// The group: the shell that watches over the replica, and the replica.
		if err := syscall.Kill(-b.replicas[victim].pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		answer, err := browser.Get(b.url("forum") + "/mine")
		if err != nil {
			t.Fatal(err)
		}
		if body := text(t, answer); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Bob Demo") {
			t.Fatalf("%s by %s, and bob is not signed in", answer.Status, answer.Header.Get("X-Served-By"))
		}
	}
	// The shop has not seen this browser: it asks the portal, half of which is gone.
	answer, err := browser.Get(b.url("shop") + "/orders")
	if err != nil {
		t.Fatal(err)
	}
	if body := text(t, answer); answer.StatusCode != http.StatusOK || !strings.Contains(body, "Bob Demo") {
		t.Errorf("first visit to the shop: %s at %s", answer.Status, answer.Request.URL)
	}
}

// What a client says about itself in headers ends at nginx.
func TestNginx_SetsForwardedHeadersItself(t *testing.T) {
	heard := make(chan http.Header, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	site := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h := r.Header.Clone()
		h.Set("Host", r.Host)
		select {
		case heard <- h:
		default: // the check that nginx is up
		}
	})}
	go site.Serve(ln)
	t.Cleanup(func() { site.Close() })

	port := freePort(t)
	b := &behindNginx{base: fmt.Sprintf("http://localhost:%d", port), replicas: map[string]*replica{}}
	for _, name := range []string{"portal-1", "portal-2", "shop-1", "shop-2", "forum-1", "forum-2", "analytics-1", "academy-1"} {
		b.replicas[name] = &replica{addr: ln.Addr().String()}
	}
	b.startNginx(t, port)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url("shop")+"/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded", "X-Real-IP", "X-Request-Id"} {
		request.Header.Set(name, "evil")
	}
	answer, err := estate.Browser().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text(t, answer)
	host := fmt.Sprintf("shop.localhost:%d", port)
	got := <-heard
	for name, want := range map[string]string{
		"Host": host, "X-Forwarded-Host": host, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
		"X-Forwarded-Port": fmt.Sprint(port), "Forwarded": "", "X-Real-Ip": "", "X-Request-Id": "",
	} {
		if value := strings.Join(got.Values(name), ","); value != want {
			t.Errorf("%s: %q; want %q", name, value, want)
		}
	}
	if strings.Contains(answer.Header.Get("Server"), "/") {
		t.Errorf("Server: %s tells the version", answer.Header.Get("Server"))
	}

	for _, host := range []string{"shop.evil.example", "evil.example", "127.0.0.1"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", port), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		text(t, answer)
		if answer.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("host %s: %s; want 421", host, answer.Status)
		}
	}
}

// With every replica of a service gone there is still a page, and it says when to come back.
func TestNginx_NoReplicaIsA503(t *testing.T) {
	port := freePort(t)
	b := &behindNginx{base: fmt.Sprintf("http://localhost:%d", port), replicas: map[string]*replica{}}
	for _, name := range []string{"portal-1", "portal-2", "shop-1", "shop-2", "forum-1", "forum-2", "analytics-1", "academy-1"} {
		b.replicas[name] = &replica{addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))} // nobody listens there
	}
	b.startNginx(t, port)
	for _, service := range []string{"portal", "shop", "forum", "analytics", "academy"} {
		answer, err := estate.Browser().Get(b.url(service) + "/orders?code=secret")
		if err != nil {
			t.Fatal(err)
		}
		page := text(t, answer)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" ||
			answer.Header.Get("Cache-Control") != "no-store" || !strings.Contains(page, "<h1>") ||
			!strings.Contains(page, "Try again</a>") || strings.Contains(page, "whether your change was saved") {
			t.Errorf("%s: %s, %v: %s", service, answer.Status, answer.Header, page)
		}
		answer, err = estate.Browser().Post(b.url(service)+"/login", "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if page := text(t, answer); strings.Contains(page, "Try again</a>") || !strings.Contains(page, "whether your change was saved") {
			t.Errorf("POST to %s: %s: %s", service, answer.Status, page)
		}
	}
	for strings.Count(b.nginx.String(), `"path":"/orders"`) < 5 { // nginx logs after it has answered
		time.Sleep(5 * time.Millisecond)
	}
	if said := b.nginx.String(); strings.Contains(said, "secret") {
		t.Errorf("nginx logs a query:\n%s", said)
	}
}

// checkLongRequest sends the longest authorization request that the portal accepts, by GET and POST: by a guest, who
// comes to the sign-in page with it, and by browser, which is signed in and gets the state back.
func checkLongRequest(t *testing.T, b *behindNginx, browser *http.Client) {
	t.Helper()
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	guest, member := estate.Browser(), *browser
	guest.CheckRedirect, member.CheckRedirect = stay, stay
	opaque := strings.Repeat("€", 1333) + "b" // 4,000 bytes, each of which a URL makes three, and a URL within a URL five
	form := url.Values{
		"client_id": {"shop"}, "redirect_uri": {b.url("shop") + "/auth/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"state": {opaque}, "nonce": {opaque}, "code_challenge_method": {"S256"}, "code_challenge": {strings.Repeat("c", 43)},
	}
	follow := func(client *http.Client, answer *http.Response, err error) *http.Response {
		t.Helper()
		if err == nil {
			text(t, answer)
			if to, err := answer.Location(); err == nil && strings.HasPrefix(to.Host, "portal.") {
				answer, err := client.Get(to.String())
				if err != nil {
					t.Fatal(err)
				}
				text(t, answer)
				return answer
			}
			return answer
		}
		t.Fatal(err)
		return nil
	}
	endpoint := b.url("portal") + "/oauth/authorize"
	answer, err := guest.Get(endpoint + "?" + form.Encode())
	if page := follow(guest, answer, err); page.StatusCode != http.StatusOK || page.Request.URL.Path != "/sign-in" {
		t.Errorf("a guest: %s at %s", page.Status, page.Request.URL.Path)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if method == http.MethodGet {
			answer, err = member.Get(endpoint + "?" + form.Encode())
		} else {
			answer, err = member.PostForm(endpoint, form)
		}
		to, err := follow(&member, answer, err).Location()
		if err != nil || to.Query().Get("state") != opaque || to.Query().Get("code") == "" {
			t.Errorf("by %s: %v, %.200v", method, err, to)
		}
	}
}
