// Package join_test runs the app of docs/join.md, as it stands there, against an
// OpenID Connect provider that is not ours.
package join_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"

	"gatehouse.example/tests/env"
)

func TestJoin_TheDocumentedAppWorksWithAnotherProvider(t *testing.T) {
	app := build(t, 0)
	listen, release := reserveAddr(t)
	base := "http://" + listen
	issuer := otherProvider(t, base+"/auth/callback")
	redisURL := env.RedisURL(t)
	release()
	start(t, app, listen, map[string]string{
		"REDIS_URL": redisURL, "LISTEN": listen, "BASE_URL": base,
		"ISSUER": issuer, "CLIENT_ID": "bank", "CLIENT_SECRET": "a long secret", "KEY": "a long random key, of 32 bytes or more",
	})

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	if got := get(t, browser, base+"/"); got != "Good day, stranger.\n" {
		t.Errorf("a guest is told %q", got)
	}

	// A deep link: to the provider, through its form, and back to the very page.
	login := get(t, browser, base+"/account")
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(login)
	if id == nil {
		t.Fatalf("no sign-in form of the provider: %.300s", login)
	}
	res, err := browser.PostForm(issuer+"login/username", url.Values{
		"id": {id[1]}, "username": {"test-user@localhost"}, "password": {"verysecure"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if body := read(t, res); body != "The account of test-user@zitadel.ch.\n" || res.Request.URL.String() != base+"/account" {
		t.Fatalf("after sign-in at %s: %q", res.Request.URL, body)
	}
	if got := get(t, browser, base+"/"); got != "Good day, Test User.\n" {
		t.Errorf("signed in, one is told %q", got)
	}

	// This provider knows no roles.
	res, err = browser.Get(base + "/vault")
	if err != nil {
		t.Fatal(err)
	}
	if body := read(t, res); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "need the role admin") {
		t.Errorf("the vault answered %d %q", res.StatusCode, body)
	}

	// Out here and at the provider: the next visit asks for the password again.
	res, err = browser.PostForm(base+"/auth/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got := get(t, browser, base+"/"); got != "Good day, stranger.\n" {
		t.Errorf("signed out, one is told %q", got)
	}
}

// build makes the app of a sample of the document, counted from 0, as the document says, in a module of its own.
func build(t *testing.T, sample int) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, "docs", "join.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(doc, -1)
	if len(code) <= sample {
		t.Fatalf("docs/join.md shows %d apps", len(code))
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), code[sample][1])
	for _, args := range [][]string{
		{"mod", "init", "bank"},
		{"mod", "edit", "-require", "gatehouse.example/sso@v0.0.0", "-replace", "gatehouse.example/sso=" + filepath.Join(root, "sso")},
		{"mod", "edit", "-require", "github.com/rbcervilla/redisstore/v9@v9.0.0"},
		{"mod", "tidy"},
		{"build", "-o", "bank", "."},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return filepath.Join(dir, "bank")
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs the app until the test ends and waits until it listens.
func start(t *testing.T, app, listen string, settings map[string]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), app)
	cmd.Env = os.Environ()
	for k, v := range settings {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listen)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the app does not listen: ", err)
		}
	}
}

// otherProvider runs zitadel's example provider with one client, and returns its issuer.
func otherProvider(t *testing.T, redirectURI string) string {
	t.Helper()
	var handler http.Handler
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	// The example's users and its issuer belong to the name "localhost".
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	issuer := "http://localhost:" + port + "/"
	storage.RegisterClients(storage.WebClient("bank", "a long secret", redirectURI))
	handler = exampleop.SetupServer(issuer, storage.NewStorage(storage.NewUserStore(issuer)), nil, false)
	srv.Start()
	t.Cleanup(srv.Close)
	return issuer
}

// reserveAddr returns a loopback address, and keeps it from all other programs until release is called.
func reserveAddr(t *testing.T) (addr string, release func()) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	release = func() { _ = ln.Close() }
	t.Cleanup(release)
	return ln.Addr().String(), release
}

func get(t *testing.T, browser *http.Client, address string) string {
	t.Helper()
	res, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

func read(t *testing.T, res *http.Response) string {
	t.Helper()
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
