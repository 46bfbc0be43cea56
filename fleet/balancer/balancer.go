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

// Options configures a Balancer. Zero durations and counts mean the defaults in brackets.
type Options struct {
	Hosts     map[string]string // host name without port → name of its pool
	Redirects map[string]string // host name without port → absolute URL without a path; the request's path and query are kept
	Policy    func() Policy     // makes the policy of one pool [NewRoundRobin]
	Logger    *slog.Logger      // required

	HealthPath     string        // [/healthz]
	HealthInterval time.Duration // between two checks of a backend [1 s]
	HealthTimeout  time.Duration // for one check [2 s]
	HealthFailures int           // failed checks in a row that put a backend aside [3]; one success brings it back

	DialTimeout   time.Duration // for one connection to a backend [2 s]
	HeaderTimeout time.Duration // from a request fully sent to its answer's header [30 s]; then 504
	BodyTimeout   time.Duration // between two pieces of a request's body from the client [30 s]; then 408
	AnswerTimeout time.Duration // for the client to take one piece of an answer [60 s]; then the connection is cut
	IdleTimeout   time.Duration // of a kept connection to a backend [30 s]; a backend must keep its side open longer
	Patience      time.Duration // how long a request waits for a healthy backend before 503 [2 s]
}

// Balancer routes requests to pools of backends. It is safe for concurrent use, and backends come and go
// while it serves.
type Balancer struct {
	opts      Options
	routes    map[string]*route
	redirects map[string]string
	pools     map[string]*pool
	transport *http.Transport
	once      *http.Transport  // the same, with a connection for each request
	streams   *streamTransport // for hijacked streams
	checker   *http.Client
	log       *slog.Logger
}

// route is what one host name leads to.
type route struct {
	pool  *pool
	proxy *httputil.ReverseProxy
}

// New returns a Balancer with empty pools. It refuses a missing logger, an empty host table and a redirect
// that is not an absolute http(s) URL.
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
	b.once = newTransport(opts)
	// Not DisableKeepAlives: it asks the backend to close, and Go's server then closes over a body it has refused to
	// read, so that the reset overtakes its answer.
	b.once.MaxIdleConnsPerHost = -1
	b.streams = &streamTransport{dial: dialer(opts.DialTimeout), headerTimeout: opts.HeaderTimeout}
	b.checker = newChecker(opts)
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
		{&o.IdleTimeout, 30 * time.Second}, {&o.Patience, 2 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
}

// silenceTimeout returns how long a backend may answer neither a request nor a health check before it counts as silent.
// It exceeds the longest gap between two passed checks: a round of checks lasts up to HealthTimeout when one backend hangs.
func (o *Options) silenceTimeout() time.Duration {
	return max(o.HealthInterval, o.HealthTimeout) + o.HealthTimeout
}

// ServeHTTP routes r by its host name.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guarded := guardAnswer(w, b.opts.AnswerTimeout)
	defer guarded.extend() // the server writes what is left when we return
	w = guarded
	host := hostname(r.Host)
	to := b.routes[host]
	if to == nil { // most clients send it in lower case already
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
		// 307 keeps the method and, unlike 301, is not remembered by the browser.
		servedBy(w)
		http.Redirect(w, r, target+path, http.StatusTemporaryRedirect)
	default:
		answer(w, r, misdirected(host))
	}
}

// Add puts a backend that listens on addr (host:port) into a pool, under a name unique in it; a backend of the same name is
// replaced. It serves at once: whoever adds it has seen it ready.
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

// Remove takes a backend out of its pool and waits until every request handed to it has begun to be
// answered, or ctx is done (then it returns ctx's error; the backend is out all the same). After that no request of
// ours is lost when the backend shuts down gracefully. An unknown backend is no error.
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

// Trouble counts the requests of one pool that did not go well, since the balancer was made.
type Trouble struct {
	Repeated uint64 // sent again, since a backend refused the connection or died before it answered
	Failed   uint64 // answered by the balancer itself, with an error, since no backend did
}

// Trouble is that of each pool, by its name.
func (b *Balancer) Trouble() map[string]Trouble {
	all := make(map[string]Trouble, len(b.pools))
	for name, p := range b.pools {
		all[name] = Trouble{Repeated: p.trouble.repeated.Load(), Failed: p.trouble.failed.Load()}
	}
	return all
}

// SetPolicy lets policy choose the backends of a pool from now on. Requests under way stay where they are.
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

// Status is what the balancer thinks of one backend.
type Status struct {
	Pool, Name, Addr string
	Healthy          bool
	InFlight         int    // requests sent whose answer has not begun
	Answered         uint64 // requests answered since it was added
}

// Backends lists every backend, ordered by pool and name.
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

// hostname is a Host header without its port and without the brackets of an IPv6 address.
func hostname(hostport string) string {
	if strings.HasPrefix(hostport, "[") {
		host, _, _ := strings.Cut(hostport[1:], "]")
		return host
	}
	host, _, _ := strings.Cut(hostport, ":")
	return host
}
