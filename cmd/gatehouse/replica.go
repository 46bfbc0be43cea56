package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/metrics"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/fleet"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/loopback"
	"gatehouse.example/web"
)

// openTimeout bounds opening a database, migrating it and creating the service.
const openTimeout = time.Minute

// service is what a replica runs: the portal or an app.
type service interface {
	Handler() *echo.Echo
	// Run does the service's background work until ctx ends.
	Run(ctx context.Context) error
}

// replica is the flags of a service, of which a replica is made.
type replica interface {
	common() *serviceConfig
	newService(context.Context, dependencies) (service, error)
}

// dependencies are what every replica opens before its service is made.
type dependencies struct {
	db     *db.DB
	rdb    redis.UniversalClient
	log    *slog.Logger
	denied *denylist.Mirror
	client *http.Client // for requests to sibling services
}

// runReplica opens what a replica of the service needs, brings its database up to date, and serves requests until ctx
// ends and those under way are answered.
func runReplica(ctx context.Context, name string, flags replica) error {
	c := flags.common()
	if c.Replica == "" {
		host, _ := os.Hostname()
		c.Replica = name + "-" + host
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: web.CutLogValue})).With("service", name, "replica", c.Replica)
	redis.SetLogger(redisLog{log})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // without its supervisor nothing else would stop the replica
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
	s, err := flags.newService(opening, dependencies{db: d, rdb: rdb, log: log, denied: denied, client: siblingClient(c)})
	if err != nil {
		return err
	}

	group, ctx := errgroup.WithContext(ctx)
	// The denylist is followed until the last request is answered, so that none is answered by an old list.
	following, served := context.WithCancel(context.WithoutCancel(ctx))
	defer served()
	group.Go(func() error { return denied.Run(following) })
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { events.AnnounceVersion(ctx, rdb, name, version(), log); return nil })
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

// denylistTimeout bounds how long a replica that is otherwise ready waits for its denylist before it takes requests:
// those of guests need none.
const denylistTimeout = 3 * time.Second

func awaitDenylist(ctx context.Context, denied *denylist.Mirror, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, denylistTimeout)
	defer cancel()
	for denied.Ready(ctx) != nil {
		select {
		case <-ctx.Done():
			log.Warn("the denylist is not loaded yet; signed-in requests get 503 until it is")
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// serveMetrics serves metrics on addr, unless that is empty, and returns the address that it listens on.
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

// siblingClient returns a client for calls from service to service.
func siblingClient(c *serviceConfig) *http.Client {
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

// memoryInUse returns the memory that the process has from the system, in bytes.
func memoryInUse() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
