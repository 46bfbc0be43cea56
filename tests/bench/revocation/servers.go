//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/tests/bench/setting"
)

// Audience and scope of the tokens.
const (
	audience = "http://bench.example.com"
	scope    = "bench:read"
)

// server is one replica of an app: a mirror, and an API that checks bearer tokens.
type server struct {
	name   string
	rdb    *redis.Client
	mirror *denylist.Mirror
	http   *http.Server
	addr   string
	client connection
}

// servers are all running servers.
type servers struct {
	all    []*server
	stop   context.CancelFunc
	mirror sync.WaitGroup
}

func startServers(ctx context.Context, n int, url, issuer string, quiet *slog.Logger) (*servers, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &servers{stop: cancel}
	for i := range n {
		one, err := startServer(fmt.Sprintf("bench-%d", i+1), url, issuer, quiet)
		if err != nil {
			s.close()
			return nil, err
		}
		s.all = append(s.all, one)
		s.mirror.Go(func() { _ = one.mirror.Run(ctx) })
	}
	for _, one := range s.all {
		if err := until(ctx, func() bool { return one.mirror.Ready(ctx) == nil }); err != nil {
			s.close()
			return nil, fmt.Errorf("%s is not ready: %w", one.name, err)
		}
	}
	return s, nil
}

func startServer(name, url, issuer string, quiet *slog.Logger) (*server, error) {
	rdb, err := setting.OpenRedis(url)
	if err != nil {
		return nil, err
	}
	s := &server{name: name, rdb: rdb}
	s.mirror, err = denylist.NewMirror(denylist.Options{Redis: rdb, Service: "bench", Replica: name, Version: "bench", Logger: quiet})
	if err != nil {
		return nil, err
	}
	auth, err := echorp.New(rp.Config{
		Issuer: issuer, ClientID: "bench", ClientSecret: "of no use here", BaseURL: audience, Service: "bench", Replica: name, Keys: [][]byte{[]byte("of no use here either, 32 bytes")},
		Redis: rdb, Denied: s.mirror, Logger: quiet,
	})
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.GET("/api", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]string{"sub": rp.Claims(c.Request()).Subject})
	}, auth.Bearer(scope))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.addr = ln.Addr().String()
	s.http = &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.http.Serve(ln) }()
	return s, nil
}

func (s *servers) close() {
	s.stop()
	s.mirror.Wait()
	for _, one := range s.all {
		one.client.close()
		_ = one.http.Close()
		_ = one.rdb.Close()
	}
}

// until polls is until it returns true, for at most a minute.
func until(ctx context.Context, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !is() {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), context.Cause(ctx))
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}
