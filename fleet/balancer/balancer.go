package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options configures a Balancer. Defaults for zero values are in brackets.
type Options struct {
	Hosts     map[string]string // host name without port → name of its pool
	Redirects map[string]string // host name without port → absolute URL without a path; keeps the request's path and query
	Policy    func() Policy     // returns a new policy for one pool [NewRoundRobin]
	Logger    *slog.Logger      // required

	HealthPath     string        // [/healthz]
	HealthInterval time.Duration // between two checks of a backend [1 s]
	HealthTimeout  time.Duration // for one check [2 s]
	HealthFailures int           // failed checks in a row until unhealthy [3]; one success makes it healthy

	DialTimeout   time.Duration // of a connection to a backend [2 s]
	HeaderTimeout time.Duration // from the end of a request to the header of its response [30 s]; then 504
	BodyTimeout   time.Duration // between two reads of a request's body from the client [30 s]; then 408
	AnswerTimeout time.Duration // of one write of a response to the client [60 s]; then the connection is closed
	IdleTimeout   time.Duration // of an idle connection to a backend [30 s]; the backend's must be longer
	QueueTimeout  time.Duration // how long a request waits for a healthy backend before 503 [2 s]
}

// Balancer routes requests to pools of backends. It is safe for concurrent use, and backends can be added and removed
// while it serves.
type Balancer struct {
	opts      Options
	routes    map[string]*route
	redirects map[string]string
	pools     map[string]*pool
	transport *http.Transport
	unpooled  *http.Transport  // the same, with a connection for each request
	streams   *streamTransport // for hijacked streams
	checker   *http.Client
	log       *slog.Logger
}

// route is the pool of one host name and its proxy.
type route struct {
	pool  *pool
	proxy *httputil.ReverseProxy
}

// New returns a Balancer with empty pools, or an error for a missing logger, an empty host table or a redirect that is
// not an absolute http(s) URL.
func New(opts Options) (*Balancer, error) {
	if opts.Logger == nil {
		return nil, errors.New("balancer: no logger")
	}
	if len(opts.Hosts) == 0 {
		return nil, errors.New("balancer: no hosts to route")
	}
	opts.defaults()
	b := &Balancer{
		opts: opts, log: opts.Logger,
		routes: map[string]*route{}, redirects: map[string]string{}, pools: map[string]*pool{},
		transport: newTransport(opts),
	}
	b.unpooled = newTransport(opts)
	// Not DisableKeepAlives: it asks the backend to close, and Go's server then closes while a refused body is unread,
	// so that the reset overtakes its response.
	b.unpooled.MaxIdleConnsPerHost = -1
	b.streams = &streamTransport{dial: dialer(opts.DialTimeout), headerTimeout: opts.HeaderTimeout}
	b.checker = newHealthClient(opts)
	proxies := map[string]*httputil.ReverseProxy{}
	for host, name := range opts.Hosts {
		if b.pools[name] == nil {
			b.pools[name] = newPool(name, opts.Policy())
			proxies[name] = b.newProxy(b.pools[name])
		}
		b.routes[strings.ToLower(host)] = &route{pool: b.pools[name], proxy: proxies[name]}
	}
	for host, target := range opts.Redirects {
		u, err := url.Parse(target)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return nil, fmt.Errorf("balancer: redirect of %s to %q: not an absolute http URL", host, target)
		}
		b.redirects[strings.ToLower(host)] = strings.TrimRight(target, "/")
	}
	return b, nil
}

func (o *Options) defaults() {
	if o.Policy == nil {
		o.Policy = NewRoundRobin
	}
	if o.HealthPath == "" {
		o.HealthPath = "/healthz"
	}
	if o.HealthFailures <= 0 {
		o.HealthFailures = 3
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&o.HealthInterval, time.Second}, {&o.HealthTimeout, 2 * time.Second},
		{&o.DialTimeout, 2 * time.Second}, {&o.HeaderTimeout, 30 * time.Second}, {&o.BodyTimeout, 30 * time.Second},
		{&o.AnswerTimeout, time.Minute},
		{&o.IdleTimeout, 30 * time.Second}, {&o.QueueTimeout, 2 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
}

// silenceTimeout returns how long a backend may answer neither a request nor a health check before it counts as silent.
// It exceeds the longest interval between two passed checks: a round of checks takes up to HealthTimeout if a backend
// hangs.
func (o *Options) silenceTimeout() time.Duration {
	return max(o.HealthInterval, o.HealthTimeout) + o.HealthTimeout
}

// ServeHTTP routes r by its host name: to a backend, to a redirect, or to a 421 page.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guarded := guardAnswer(w, b.opts.AnswerTimeout)
	defer guarded.extend() // for what the server writes after we return
	w = guarded
	host := hostname(r.Host)
	to := b.routes[host]
	if to == nil { // most clients send lower case
		host = strings.ToLower(host)
		to = b.routes[host]
	}
	switch target, redirected := b.redirects[host]; {
	case to != nil:
		if r.ContentLength != 0 {
			r = guardBody(w, r, b.opts.BodyTimeout)
		}
		if mayHijack(guarded.ResponseWriter, r) {
			serveStream(to.proxy, w, r, b.opts.AnswerTimeout)
			return
		}
		to.proxy.ServeHTTP(w, r)
	case redirected:
		path := r.URL.EscapedPath()
		if !strings.HasPrefix(path, "/") {
			path = "/"
		}
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		// 307 keeps the method and, unlike 301, is not cached by the browser.
		servedBy(w)
		http.Redirect(w, r, target+path, http.StatusTemporaryRedirect)
	default:
		writePage(w, r, misdirected(host))
	}
}

// Add adds a backend that listens on addr (host:port) to a pool, under a name unique in it; it replaces a backend of
// the same name. The backend must be ready: it receives requests at once. Add returns an error for an unknown pool or
// an invalid address.
func (b *Balancer) Add(poolName, name, addr string) error {
	p := b.pools[poolName]
	if p == nil {
		return fmt.Errorf("balancer: no pool %q", poolName)
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("balancer: address of %s: %w", name, err)
	}
	p.add(&Backend{name: name, addr: addr, drained: make(chan struct{})})
	b.log.Debug("backend added", "pool", poolName, "backend", name, "addr", addr)
	return nil
}

// Remove removes a backend from its pool and waits until every request sent to it has a response header. If ctx ends
// first, it returns ctx's error; the backend is removed nevertheless. Afterwards no request is lost if the backend
// shuts down gracefully. It returns nil for an unknown backend and an error for an unknown pool.
func (b *Balancer) Remove(ctx context.Context, poolName, name string) error {
	p := b.pools[poolName]
	if p == nil {
		return fmt.Errorf("balancer: no pool %q", poolName)
	}
	gone := p.remove(name)
	if gone == nil {
		return nil
	}
	b.log.Debug("backend removed", "pool", poolName, "backend", name)
	select {
	case <-gone.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("balancer: draining %s: %w", name, ctx.Err())
	}
}

// Trouble counts the failed and repeated requests of one pool since the balancer was created.
type Trouble struct {
	Repeated uint64 // sent again because a backend refused the connection or failed before it responded
	Failed   uint64 // answered by the balancer with an error because no backend responded
}

// Trouble returns the counts of each pool, by its name.
func (b *Balancer) Trouble() map[string]Trouble {
	all := make(map[string]Trouble, len(b.pools))
	for name, p := range b.pools {
		all[name] = Trouble{Repeated: p.trouble.repeated.Load(), Failed: p.trouble.failed.Load()}
	}
	return all
}

// SetPolicy sets the policy of a pool for new requests. It returns an error for an unknown pool or a nil policy.
func (b *Balancer) SetPolicy(poolName string, policy Policy) error {
	p := b.pools[poolName]
	if p == nil {
		return fmt.Errorf("balancer: no pool %q", poolName)
	}
	if policy == nil {
		return errors.New("balancer: no policy")
	}
	p.rule.Store(newRule(policy))
	return nil
}

// Status is the state of one backend in the balancer.
type Status struct {
	Pool, Name, Addr string
	Healthy          bool
	InFlight         int    // requests sent whose response has not begun
	Answered         uint64 // requests answered since it was added
}

// Backends returns the status of every backend, ordered by pool and name.
func (b *Balancer) Backends() []Status {
	var list []Status
	for _, p := range b.pools {
		for _, be := range p.members() {
			list = append(list, Status{Pool: p.name, Name: be.name, Addr: be.addr, Healthy: be.healthy.Load(), InFlight: be.InFlight(), Answered: be.Answered()})
		}
	}
	slices.SortFunc(list, func(x, y Status) int {
		return strings.Compare(x.Pool+"\x00"+x.Name, y.Pool+"\x00"+y.Name)
	})
	return list
}

// hostname returns a Host header without its port and without the brackets of an IPv6 address.
func hostname(hostport string) string {
	if strings.HasPrefix(hostport, "[") {
		host, _, _ := strings.Cut(hostport[1:], "]")
		return host
	}
	host, _, _ := strings.Cut(hostport, ":")
	return host
}
