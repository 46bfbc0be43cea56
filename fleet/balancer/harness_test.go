package balancer_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse.example/fleet/balancer"
)

// estate is a balancer that listens for real, with a client that keeps no answer to itself.
type estate struct {
	*balancer.Balancer
	addr   string
	client *http.Client
}

func newEstate(t testing.TB, change func(*balancer.Options)) *estate {
	t.Helper()
	opts := balancer.Options{
		Hosts:        map[string]string{"shop.localhost": "shop", "forum.localhost": "forum"},
		Redirects:    map[string]string{"localhost": "http://portal.localhost:8080"},
		Logger:       slog.New(slog.DiscardHandler),
		QueueTimeout: 50 * time.Millisecond, HealthInterval: 10 * time.Millisecond,
	}
	if change != nil {
		change(&opts)
	}
	b, err := balancer.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- balancer.Serve(ctx, ln, b, time.Second, opts.Logger) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error("serving:", err)
		}
	})
	return &estate{Balancer: b, addr: ln.Addr().String(), client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// watch runs the health checks until the test ends.
func (e *estate) watch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func (e *estate) request(t testing.TB, method, host, path string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+e.addr+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	return req
}

func (e *estate) do(t testing.TB, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func (e *estate) get(t testing.TB, host, path string) (*http.Response, string) {
	t.Helper()
	return e.do(t, e.request(t, http.MethodGet, host, path, nil))
}

func (e *estate) post(t testing.TB, host, path, body string) (*http.Response, string) {
	t.Helper()
	return e.do(t, e.request(t, http.MethodPost, host, path, strings.NewReader(body)))
}

// backend serves handler and joins a pool.
func (e *estate) backend(t testing.TB, pool, name string, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	if err := e.Add(pool, name, s.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return s
}

// refused is an address where nobody listens.
func refused(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// breaking reads a request and then resets the connection: received, and never answered.
func breaking(received chan<- string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		received <- r.Method
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

var discard = slog.New(slog.DiscardHandler)

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text) }
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = w.Write(body)
}
