//go:build unix

package estate

import (
	"cmp"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/tests/env"
)

// Options configure an estate.
type Options struct {
	RedisURL    string        // "" for the embedded one
	DatabaseURL string        // "" for SQLite in the data folder
	Clients     any           // declarations of further clients, encoded as JSON for --clients; nil for none
	Bound       time.Duration // of the denylist; default 3 s: on a busy machine a process may not run for 1 s
	Args        []string      // further arguments of `gatehouse up`
}

// Estate is a running `gatehouse up`.
type Estate struct {
	Base string // http://localhost:PORT
	Data string // the data folder

	t    testing.TB
	out  *journal
	end  func()
	once sync.Once
	gone chan error // receives the error with which it ended
}

// Start runs `gatehouse up` and returns once it prints that it is ready.
func Start(t testing.TB, o Options) *Estate {
	t.Helper()
	e := &Estate{Data: t.TempDir(), t: t, out: &journal{}}
	args := []string{"up", "--addr", "127.0.0.1:0", "--data", e.Data}
	if o.Clients != nil {
		file := filepath.Join(t.TempDir(), "clients.json")
		text, err := json.Marshal(o.Clients)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--clients", file)
	}
	if o.RedisURL != "" {
		args = append(args, "--redis-url", o.RedisURL)
	}
	if o.DatabaseURL != "" {
		args = append(args, "--database-url", o.DatabaseURL)
	}
	// Many tests sign in as the same user.
	args = append(args, "--sign-ins-per-account", "100000", "--sign-ins-per-address", "100000")
	args = append(args, "--denylist-bound", cmp.Or(o.Bound, 3*time.Second).String())
	cmd, end, err := env.Watched("TERM", append([]string{Binary(t)}, append(args, o.Args...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), e.out, e.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e.end, e.gone = end, make(chan error, 1)
	go func() { e.gone <- cmd.Wait() }()
	t.Cleanup(e.Stop)
	e.awaitReady()
	return e
}

// environment returns our environment without the variables that set the program's flags.
func environment() []string {
	var kept []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GATEHOUSE_") && !strings.HasPrefix(v, "REDIS_URL=") && !strings.HasPrefix(v, "DATABASE_URL=") {
			kept = append(kept, v)
		}
	}
	return kept
}

var portalURL = regexp.MustCompile(`http://portal\.(localhost:\d+)`)

func (e *Estate) awaitReady() {
	e.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		if at := portalURL.FindStringSubmatch(e.out.String()); at != nil {
			e.Base = "http://" + at[1]
			return
		}
		select {
		case err := <-e.gone:
			e.gone <- err
			e.t.Fatalf("gatehouse up ended before it was ready (%v):\n%s", err, e.out)
		case <-deadline:
			e.t.Fatalf("gatehouse up is not ready after a minute:\n%s", e.out)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Stop stops the estate, as Ctrl-C does, and waits for its end. It is also called when the test ends.
func (e *Estate) Stop() {
	e.once.Do(func() {
		e.end()
		select {
		case err := <-e.gone:
			if err != nil {
				e.t.Errorf("gatehouse up ended with %v", err)
			}
		case <-time.After(60 * time.Second):
			e.t.Error("gatehouse up did not end within a minute of SIGTERM")
		}
		if e.t.Failed() {
			e.t.Logf("what gatehouse up said:\n%s", e.out)
		}
	})
}

// Said returns what the estate has printed so far, on both outputs.
func (e *Estate) Said() string { return e.out.String() }

// URL returns the origin of a service: http://shop.localhost:PORT.
func (e *Estate) URL(service string) string {
	return strings.Replace(e.Base, "://", "://"+service+".", 1)
}

// Browser returns a client with a cookie jar of its own that resolves *.localhost to the loopback address.
func (e *Estate) Browser() *http.Client { return Browser() }

// Browser returns a client with a cookie jar of its own, which finds *.localhost on the loopback address.
func Browser() *http.Client { return browser(&net.Dialer{Timeout: 5 * time.Second}) }

// BrowserAt returns a Browser at a loopback address of its own (127.0.1.1, say), so that limits for one address are met
// by it alone.
func BrowserAt(address string) *http.Client {
	return browser(&net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}})
}

func browser(dialer *net.Dialer) *http.Client {
	jar, _ := cookiejar.New(nil) // cannot fail without options
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")) {
			addr = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, addr)
	}
	return &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second,
	}}
}

// SignIn signs a user in with the portal's form, as a browser without JavaScript does, and returns the final response.
// It starts at page, any URL that requires a sign-in.
func SignIn(t testing.TB, browser *http.Client, page, email, password string) *http.Response {
	t.Helper()
	answer, err := browser.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	form := answer.Request.URL
	if answer.StatusCode != http.StatusOK || form.Path != "/sign-in" {
		t.Fatalf("%s led to %s with %s; want the sign-in page", page, form, answer.Status)
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, form.String(), strings.NewReader(url.Values{
		"email": {email}, "password": {password}, "return_to": {form.Query().Get("return_to")},
	}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("Origin", form.Scheme+"://"+form.Host)
	post.Header.Set("Sec-Fetch-Site", "same-origin")
	if answer, err = browser.Do(post); err != nil {
		t.Fatal(err)
	}
	return answer
}

// Password is the password of every demo account.
const Password = "gatehouse-demo"

// journal stores a program's output.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
