package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"gatehouse/db"
	"gatehouse/fleet"
	"gatehouse/sso/denylist"
	"gatehouse/sso/loopback"
	"gatehouse/web"
)

// openTimeout bounds opening a database, migrating it and creating the service.
const openTimeout = time.Minute

// service is what a replica runs: the portal or an app.
type service interface {
	Handler() *echo.Echo
	// Run does the service's background work until ctx ends.
	Run(ctx context.Context) error
}

// parts are the dependencies that runService passes to every service.
type parts struct {
	serviceConfig
	db     *db.DB
	rdb    redis.UniversalClient
	log    *slog.Logger
	denied *denylist.Mirror
	client *http.Client // for requests to sibling services
}

// runService runs one replica until ctx ends or a part fails: it opens and migrates the database, creates the service,
// serves requests, and drains them on shutdown.
func runService(ctx context.Context, name string, c serviceConfig, open func(context.Context, parts) (service, error)) error {
	if c.Replica == "" {
		host, _ := os.Hostname()
		c.Replica = name + "-" + host
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("service", name, "replica", c.Replica)
	redis.SetLogger(redisLog{log})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // stop when the parent process, the supervisor, has gone
		select {
		case <-fleet.ParentGone():
			cancel()
		case <-ctx.Done():
		}
	}()

	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return listenError(c.Addr, err)
	}
	defer func() { _ = ln.Close() }()
	opening, opened := context.WithTimeout(ctx, openTimeout)
	defer opened()
	d, err := db.Open(opening, c.DatabaseURL, name)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(opening); err != nil {
		return err
	}
	rdb, err := openRedis(c.RedisURL)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }()
	denied, err := c.mirror(name, rdb, log)
	if err != nil {
		return err
	}
	s, err := open(opening, parts{serviceConfig: c, db: d, rdb: rdb, log: log, denied: denied, client: siblingClient(c)})
	if err != nil {
		return err
	}

	group, ctx := errgroup.WithContext(ctx)
	// The mirror follows the denylist until the last request has been answered: once unregistered, it is not waited for
	// when an entry is written, so it must not admit requests.
	following, served := context.WithCancel(context.WithoutCancel(ctx))
	defer served()
	group.Go(func() error { return denied.Run(following) })
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { defer served(); return web.Serve(ctx, ln, s.Handler(), log, c.Grace) })
	metrics, err := serveMetrics(ctx, group, c.MetricsAddr, log)
	if err != nil {
		return err
	}
	awaitDenylist(ctx, denied, log)
	if err := fleet.Announce(ln.Addr().String(), metrics); err != nil {
		return err
	}
	log.Info("ready", "addr", ln.Addr().String(), "metrics", metrics)
	err = group.Wait()
	log.Info("stopped", "error", err)
	return err
}

// denylistPatience is how long a replica that is otherwise ready waits for its copy of the denylist before it accepts
// requests. Guests' requests don't need it.
const denylistPatience = 3 * time.Second

func awaitDenylist(ctx context.Context, denied *denylist.Mirror, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, denylistPatience)
	defer cancel()
	for denied.Ready(ctx) != nil {
		select {
		case <-ctx.Done():
			log.Warn("the denylist is not there yet; signed-in people are put off until it is")
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// serveMetrics serves metrics on addr, and returns the address, or "" if addr is empty.
func serveMetrics(ctx context.Context, group *errgroup.Group, addr string, log *slog.Logger) (string, error) {
	if addr == "" {
		return "", nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", listenError(addr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", web.MetricsHandler())
	group.Go(func() error { return web.Serve(ctx, ln, mux, log, time.Second) })
	return ln.Addr().String(), nil
}

// siblingClient returns an HTTP client for requests from service to service.
func siblingClient(c serviceConfig) *http.Client {
	t := &http.Transport{
		MaxIdleConns: 64, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
	}
	if c.DialLoopback {
		t.DialContext = loopback.Dial(c.estate.Domain())
	}
	return &http.Client{Transport: t, Timeout: 10 * time.Second}
}

func listenError(addr string, err error) error {
	if errors.Is(err, errAddrInUse) {
		return fmt.Errorf("%s is in use by another program; stop it, or choose another address with --addr", addr)
	}
	return fmt.Errorf("can't listen on %s: %w", addr, err)
}

// migrate runs the pending migrations of all services' databases.
func migrate(ctx context.Context, c migrateConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for _, name := range services {
		d, err := db.Open(ctx, c.DatabaseURL, name)
		if err != nil {
			return err
		}
		err = d.Migrate(ctx)
		_ = d.Close()
		if err != nil {
			return err
		}
		fmt.Println(name + ": up to date")
	}
	return nil
}

// healthcheck requests c.URL and returns an error unless the status is 200. It serves container images without curl.
func healthcheck(ctx context.Context, c healthConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return fmt.Errorf("%q is no address", c.URL)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", c.URL, res.Status)
	}
	return nil
}
