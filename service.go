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

// openTimeout is how long a database may take to answer and to be migrated.
const openTimeout = time.Minute

// service is what a replica runs.
type service interface {
	Handler() *echo.Echo
	// Run works in the background until ctx ends.
	Run(ctx context.Context) error
}

// parts are what main gives to every service.
type parts struct {
	serviceConfig
	db     *db.DB
	rdb    redis.UniversalClient
	log    *slog.Logger
	denied *denylist.Mirror
	client *http.Client // to sibling services
}

// runService is the life of one replica: open, migrate, build, serve, drain.
func runService(ctx context.Context, name string, c serviceConfig, open func(context.Context, parts) (service, error)) error {
	if c.Replica == "" {
		host, _ := os.Hostname()
		c.Replica = name + "-" + host
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: web.CutLogValue})).With("service", name, "replica", c.Replica)
	redis.SetLogger(redisLog{log})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // a replica without its supervisor has nobody to stop it
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
	// The denylist is followed until the last request is answered: who is not on its
	// list any more must not let anybody in.
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

// denylistPatience is how long a replica that is otherwise ready waits for its
// denylist before it takes requests: those of guests need none.
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

// serveMetrics serves them on an address of their own, if there is one.
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

// siblingClient is for calls from service to service.
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

// migrate brings all databases up to date.
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

// healthcheck is for container images that have no curl.
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
