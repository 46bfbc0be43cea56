//go:build unix

package endings_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/alexedwards/argon2id"
	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"gatehouse.example/db"
	"gatehouse.example/fleet/balancer"
	"gatehouse.example/portal"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/tests/env"
	"gatehouse.example/web"
)

const (
	bankSecret = "bank-secret-that-is-long-and-random-0123456789"
	scope      = "accounts:read"

	toolCallback = "http://tool.localhost/callback"
)

var (
	key   = bytes.Repeat([]byte{7}, 32)
	cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
)

// house is an estate in this process: replicas of the portal behind a balancer, and
// replicas of an app, the bank, that tests ask one by one.
type house struct {
	t        testing.TB
	bound    time.Duration
	redis    *env.RedisServer
	db       *db.DB
	estate   web.Estate
	addr     string
	balancer *balancer.Balancer
	proxies  *toxiproxy.ApiServer
	loopback string // the address of the proxies, of this house alone: another program can't take the port of one that is cut
	portals  []*replica
	banks    []*replica

	toolOnce sync.Once
	toolHTTP *http.Client
}

// replica is one of either service.
type replica struct {
	name    string
	proxy   *toxiproxy.Proxy // its way to Redis
	gate    *gate
	mirror  *denylist.Mirror
	server  *httptest.Server
	handler *echo.Echo
	http    *http.Client // to it alone; see client
	stop    func()       // at once, saying goodbye to nobody
	house   *house
}

func newHouse(t testing.TB, bound time.Duration, portals, banks int) *house {
	t.Helper()
	server, err := env.StartRedis("")
	if err != nil {
		t.Fatalf("this test needs a real Redis (apt-get install redis-server): %v", err)
	}
	t.Cleanup(server.Stop)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	estate := env.Estate(t, "http://localhost:"+port)
	h := &house{t: t, bound: bound, redis: server, db: env.DB(t, "portal"), estate: estate, addr: ln.Addr().String()}
	h.loopback = fmt.Sprintf("127.0.0.%d", 2+houses.Add(1)%250)
	h.proxies = toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	if h.balancer, err = balancer.New(balancer.Options{Hosts: map[string]string{"portal.localhost": "portal"}, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	front := &httptest.Server{Listener: ln, Config: &http.Server{Handler: h.balancer, ReadHeaderTimeout: time.Minute}}
	front.Start()
	t.Cleanup(front.Close)
	for i := range portals {
		h.portals = append(h.portals, h.startPortal(fmt.Sprintf("portal-%d", i+1)))
	}
	for i := range banks {
		h.banks = append(h.banks, h.startBank(fmt.Sprintf("bank-%d", i+1)))
	}
	h.allReady()
	return h
}

var quiet = slog.New(slog.DiscardHandler)

// houses counts the houses of this process.
var houses atomic.Int32

// portalBound replaces the bound of the portals, whose way to Redis no test cuts. On a busy machine a process may not
// run for a second; a portal that answers 503 then would only make a test repeat what it asked. With a longer one a ban
// waits longer for a portal that was killed.
const portalBound = 1500 * time.Millisecond

// connect is a replica's own way to Redis.
func (h *house) connect(r *replica) *redis.Client {
	h.t.Helper()
	o, err := redis.ParseURL(h.redis.URL())
	if err != nil {
		h.t.Fatal(err)
	}
	r.proxy = toxiproxy.NewProxy(h.proxies, r.name, h.loopback+":0", o.Addr)
	if err := r.proxy.Start(); err != nil {
		h.t.Fatal(err)
	}
	o.Addr = r.proxy.Listen
	bound, timeout := h.bound, time.Second
	if strings.HasPrefix(r.name, "portal") {
		bound, timeout = portalBound, 5*time.Second
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = timeout, timeout, timeout
	o.MaxRetries, o.MinRetryBackoff, o.DialerRetries, o.ContextTimeoutEnabled = 1, -1, 1, true
	rdb := redis.NewClient(o)
	r.gate = &gate{reached: make(chan struct{}), stopped: make(chan struct{})}
	rdb.AddHook(r.gate)
	r.mirror, err = denylist.NewMirror(denylist.Options{
		Redis: rdb, Service: strings.Split(r.name, "-")[0], Replica: r.name, Logger: quiet, Bound: bound,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return rdb
}

func (h *house) startPortal(name string) *replica {
	h.t.Helper()
	r := &replica{name: name, house: h}
	rdb := h.connect(r)
	app, err := portal.New(h.t.Context(), portal.Deps{
		DB: h.db, Redis: rdb, Estate: h.estate, Replica: name, Logger: quiet, HTTPClient: h.client(), Key: key, Demo: true, Denied: r.mirror,
		Passwords: password.Options{Params: cheap}, Clients: []portal.Client{h.bankClient(), h.toolClient()},
		Lifetimes: portal.Lifetimes{ReplayWindow: time.Millisecond}, SignIns: ratelimit.SignInLimits{PerAccount: 100_000, PerAddress: 100_000},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.run(r, app.Handler(), rdb, app.Run, r.mirror.Run)
	if err := h.balancer.Add("portal", name, r.server.Listener.Addr().String()); err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) bankClient() portal.Client {
	bank := h.estate.URL("bank")
	return portal.Client{
		ID: "bank", Name: "Bank", Secret: bankSecret, RedirectURIs: []string{bank + rp.CallbackPath},
		PostLogoutRedirectURIs: []string{bank + rp.SignedOutPath},
		GrantTypes:             []string{clients.AuthorizationCode, clients.RefreshToken},
		Scopes:                 []string{"openid", "profile", "email", "roles", "offline_access", scope}, Audiences: []string{bank},
		// No back-channel logout: what the bank knows of sign-outs, it knows from the denylist alone.
	}
}

// toolClient is a program whose tokens the tests hold themselves.
func (h *house) toolClient() portal.Client {
	c := h.bankClient()
	c.ID, c.Name, c.RedirectURIs, c.PostLogoutRedirectURIs = "tool", "Tool", []string{toolCallback}, nil
	return c
}

func (h *house) startBank(name string) *replica {
	h.t.Helper()
	r := &replica{name: name, house: h}
	rdb := h.connect(r)
	auth, err := echorp.New(rp.Config{
		Issuer: h.estate.URL("portal"), ClientID: "bank", ClientSecret: bankSecret, BaseURL: h.estate.URL("bank"), Service: "bank", Keys: [][]byte{[]byte("the bank's key of 32 random bytes")},
		Redis: rdb, Denied: r.mirror, Replica: name, HTTPClient: h.client(), Logger: quiet,
		Scopes: []string{"profile", "email", "roles", "offline_access", scope},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	e, err := web.New(web.Options{Service: "bank", Replica: name, Estate: h.estate, Logger: quiet, Unavailable: func(c echo.Context) bool { return rp.Unavailable(c.Request()) }})
	if err != nil {
		h.t.Fatal(err)
	}
	auth.Mount(e)
	e.GET("/vault", func(c echo.Context) error { return c.String(http.StatusOK, rp.From(c.Request()).Subject) }, auth.Required)
	e.GET("/token", func(c echo.Context) error {
		token, err := auth.AccessToken(c.Request(), h.estate.URL("bank"))
		if err != nil {
			return web.Unavailable(err)
		}
		return c.String(http.StatusOK, token)
	}, auth.Required)
	e.GET("/api/vault", func(c echo.Context) error { return c.String(http.StatusOK, rp.Claims(c.Request()).Subject) }, auth.Bearer(scope))
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "the bank") })
	e.GET("/public", func(c echo.Context) error { return c.String(http.StatusOK, "open to all") })
	h.run(r, e, rdb, r.mirror.Run)
	return r
}

// run serves a replica until it is stopped.
func (h *house) run(r *replica, handler *echo.Echo, rdb *redis.Client, work ...func(context.Context) error) {
	h.t.Helper()
	r.handler = handler
	r.server = httptest.NewServer(handler)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, len(work))
	for _, w := range work {
		go func() { _ = w(ctx); done <- struct{}{} }()
	}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		close(r.gate.stopped)
		r.proxy.Stop() // what it would say at its end reaches nobody
		cancel()
		r.server.CloseClientConnections()
		r.server.Close()
		for range work {
			<-done
		}
		_ = rdb.Close()
	}
	h.t.Cleanup(r.stop)
}

// restart puts a new process in the place of a killed one.
func (h *house) restart(list []*replica, i int) {
	h.t.Helper()
	name := list[i].name
	list[i].stop()
	if strings.HasPrefix(name, "portal") {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		_ = h.balancer.Remove(ctx, "portal", name)
		list[i] = h.startPortal(name)
		return
	}
	list[i] = h.startBank(name)
}

// client finds *.localhost on this machine, and the portal at the balancer.
func (h *house) client() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: h.to(h.addr)}
}

func (h *house) to(addr string) *http.Transport {
	t := &http.Transport{MaxIdleConnsPerHost: 16, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	h.t.Cleanup(t.CloseIdleConnections)
	return t
}

// gate stands before the scripts that a replica sends to Redis, of which the one that
// writes the denylist is the portal's. Once shut it holds them up until the replica is
// stopped; they never get to Redis.
type gate struct {
	closed  atomic.Bool
	once    sync.Once
	reached chan struct{} // closed when the first one came
	stopped chan struct{}
}

func (g *gate) shut() { g.closed.Store(true) }

// DialHook, ProcessHook and ProcessPipelineHook implement redis.Hook.
func (g *gate) DialHook(next redis.DialHook) redis.DialHook { return next }

func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if g.closed.Load() && strings.HasPrefix(cmd.Name(), "eval") {
			g.once.Do(func() { close(g.reached) })
			<-g.stopped
			cmd.SetErr(redis.ErrClosed)
			return redis.ErrClosed
		}
		return next(ctx, cmd)
	}
}

func (g *gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Faults of one replica's way to Redis.

func (r *replica) cut() { r.proxy.Stop() }
func (r *replica) heal() {
	if err := r.proxy.Start(); err != nil {
		r.house.t.Fatalf("%s: %v", r.name, err)
	}
}

// swallow keeps the connections open and lets nothing through, as a broken network does.
func (r *replica) swallow() { r.toxic("swallow", "timeout", `{"timeout": 0}`) }

// slow makes each answer late.
func (r *replica) slow(d time.Duration) {
	r.toxic("slow", "latency", fmt.Sprintf(`{"latency": %d}`, d.Milliseconds()))
}

// narrow lets that many kilobytes a second through.
func (r *replica) narrow(kbps int) { r.toxic("narrow", "bandwidth", fmt.Sprintf(`{"rate": %d}`, kbps)) }

func (r *replica) toxic(name, kind, attributes string) {
	r.house.t.Helper()
	spec := fmt.Sprintf(`{"name": %q, "type": %q, "stream": "downstream", "attributes": %s}`, name, kind, attributes)
	if _, err := r.proxy.Toxics.AddToxicJson(strings.NewReader(spec)); err != nil {
		r.house.t.Fatal(err)
	}
}

func (r *replica) well() { r.proxy.Toxics.ResetToxics(context.Background()) }

func (r *replica) ready() bool { return r.mirror.Ready(context.Background()) == nil }

func (h *house) all() []*replica { return append(append([]*replica{}, h.portals...), h.banks...) }

func (h *house) allReady() {
	h.t.Helper()
	for _, r := range h.all() {
		h.eventually(r.name+" is ready", r.ready)
	}
}

func (h *house) eventually(what string, holds func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func body(res *http.Response) string {
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	_ = res.Body.Close()
	return string(raw)
}
