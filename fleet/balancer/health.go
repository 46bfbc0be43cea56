package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// newHealthClient returns the client of the health checks. It makes a connection for each check: a reused one would not
// prove that a new one can be made.
func newHealthClient(opts Options) *http.Client {
	return &http.Client{
		Timeout: opts.HealthTimeout,
		Transport: &http.Transport{
			DisableKeepAlives: true, ResponseHeaderTimeout: opts.HealthTimeout,
			DialContext: dialer(opts.DialTimeout), MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Run checks the health of every backend at the configured interval until ctx is done, then closes the idle
// connections.
func (b *Balancer) Run(ctx context.Context) {
	defer b.transport.CloseIdleConnections()
	tick := time.NewTicker(b.opts.HealthInterval)
	defer tick.Stop()
	for {
		b.checkAll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// checkAll checks every backend concurrently, so that one that hangs does not delay the results of others.
func (b *Balancer) checkAll(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range b.pools {
		for _, be := range p.members() {
			all.Go(func() { b.recordCheck(p, be, b.check(ctx, be)) })
		}
	}
	all.Wait()
}

func (b *Balancer) check(ctx context.Context, be *Backend) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+be.addr+b.opts.HealthPath, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "gatehouse-balancer")
	res, err := b.checker.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.CopyN(io.Discard, res.Body, 16<<10); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("health check answered %s", res.Status)
	}
	return nil
}

func (b *Balancer) recordCheck(p *pool, be *Backend, err error) {
	if be.draining.Load() || errors.Is(err, context.Canceled) {
		return
	}
	if err == nil {
		be.failures = 0
		be.heardAt.Store(time.Now().UnixNano())
		if p.setHealthy(be, true) {
			b.log.Info("backend is healthy again", "pool", p.name, "backend", be.name)
		}
		return
	}
	be.heardAt.CompareAndSwap(0, time.Now().UnixNano())
	be.failures++
	if be.failures >= b.opts.HealthFailures && p.setHealthy(be, false) {
		b.log.Warn("backend marked unhealthy: health check failed", "pool", p.name, "backend", be.name, "error", err)
	}
}
