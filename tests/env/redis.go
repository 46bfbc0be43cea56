//go:build unix

package env

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// RedisServer is a dedicated redis-server, for tests that stop and restart it.
type RedisServer struct {
	port     int
	password string
	append   string // folder of the append-only file; "" for none
	mu       sync.Mutex
	process  *process
}

// StartRedis starts a redis-server on a free loopback port, with 1,024 numbered databases and a random password.
// appendOnly is a folder for the append-only file, so that the data survives a restart; with "" it is lost.
func StartRedis(appendOnly string) (*RedisServer, error) {
	var err error
	for range 5 { // another process may take the free port in between
		s := &RedisServer{password: secret(), append: appendOnly}
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.Start(); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("redis-server: %w", err)
}

// Start starts the server again after Stop, with the same port and password.
func (s *RedisServer) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	program, err := find("redis-server")
	if err != nil {
		return err
	}
	dir, err := folder("gatehouse-redis-", nil)
	if err != nil {
		return err
	}
	argv := []string{program, "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--requirepass", s.password,
		"--databases", "1024", "--save", ""}
	if s.append != "" {
		argv = append(argv, "--dir", s.append, "--appendonly", "yes", "--appendfsync", "everysec")
	}
	if s.process, err = spawn(dir, "TERM", nil, argv); err != nil {
		return err
	}
	rdb := client(s.URL())
	defer rdb.Close()
	return s.process.await(func() error { return rdb.Ping(context.Background()).Err() })
}

// Stop stops the server; without an append-only file its data is lost.
func (s *RedisServer) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.stop()
		s.process = nil
	}
}

// URL returns the server's URL with its password and database 0.
func (s *RedisServer) URL() string {
	return fmt.Sprintf("redis://:%s@127.0.0.1:%d/0", s.password, s.port)
}

// sharedRedis returns the URL of the server that this process's tests share.
var sharedRedis = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("GATEHOUSE_TEST_REDIS_URL"); given != "" {
		return given, nil
	}
	s, err := StartRedis("")
	if err != nil {
		return "", err
	}
	return s.URL(), nil
})

// RedisURL returns the URL of an empty database of a real redis-server. No other test uses that database until the test
// ends; but publish and subscribe ignore databases, so use unique channel names.
func RedisURL(t testing.TB) string {
	t.Helper()
	shared, err := sharedRedis()
	if err != nil {
		t.Fatalf("these tests need a real Redis: %v", err)
	}
	leases := client(shared)
	t.Cleanup(func() { leases.Close() })
	n, err := lease(t.Context(), leases)
	if err != nil {
		t.Fatalf("no empty Redis database to test on: %v", err)
	}
	u, err := url.Parse(shared)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + strconv.Itoa(n)
	own := client(u.String())
	empty := func() {
		if err := own.FlushDB(context.Background()).Err(); err != nil {
			t.Errorf("emptying Redis database %d: %v", n, err)
		}
	}
	empty()
	t.Cleanup(func() {
		empty()
		own.Close()
		leases.Del(context.Background(), leaseKey(n))
	})
	return u.String()
}

// lease takes the number of an unused database, and waits for one if all are in use. The lease of a killed test process
// expires.
func lease(ctx context.Context, rdb *redis.Client) (int, error) {
	config, err := rdb.ConfigGet(ctx, "databases").Result()
	if err != nil {
		return 0, err
	}
	databases, err := strconv.Atoi(config["databases"])
	if err != nil || databases < 2 {
		return 0, fmt.Errorf("the server has %q databases, tests need two or more", config["databases"])
	}
	for range 600 {
		next, err := rdb.Incr(ctx, "gatehouse:test:next").Result()
		if err != nil {
			return 0, err
		}
		for i := range databases - 1 {
			n := 1 + (int(next)+i)%(databases-1)
			err := rdb.SetArgs(ctx, leaseKey(n), os.Getpid(), redis.SetArgs{Mode: "NX", TTL: time.Hour}).Err()
			if err == nil {
				return n, nil
			}
			if !errors.Is(err, redis.Nil) {
				return 0, err
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, fmt.Errorf("all %d databases are in use", databases)
}

func leaseKey(n int) string { return "gatehouse:test:lease:" + strconv.Itoa(n) }

// Redis returns a client of RedisURL, closed when the test ends.
func Redis(t testing.TB) redis.UniversalClient {
	t.Helper()
	rdb := client(RedisURL(t))
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// OwnRedis returns a real Redis of the test's own, which it may stop and restart, and a client of it; both are closed
// when the test ends. appendOnly is that of StartRedis.
func OwnRedis(t testing.TB, appendOnly string, changes ...func(*redis.Options)) (*RedisServer, *redis.Client) {
	t.Helper()
	server, err := StartRedis(appendOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(options)
	}
	rdb := redis.NewClient(options)
	t.Cleanup(func() { _ = rdb.Close() })
	return server, rdb
}

// MiniRedis returns a client of an embedded Redis of the test's own, like that of `gatehouse up`.
func MiniRedis(t testing.TB) redis.UniversalClient {
	t.Helper()
	rdb := client(MiniRedisURL(t))
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// MiniRedisURL returns the URL of an embedded Redis of the test's own. Its keys expire in real time.
func MiniRedisURL(t testing.TB) string {
	t.Helper()
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var clock sync.WaitGroup
	clock.Go(func() { // miniredis does not expire keys by itself
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				server.FastForward(now.Sub(last))
				last = now
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		clock.Wait()
		server.Close()
	})
	return "redis://" + server.Addr() + "/0"
}

// EachRedis runs the test on both kinds of Redis that Gatehouse supports, as subtests "embedded" and "redis".
func EachRedis(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, MiniRedis(t)) })
	t.Run("redis", func(t *testing.T) { test(t, Redis(t)) })
}

// client returns a client for a URL, and panics if the URL is invalid.
func client(rawURL string) *redis.Client {
	options, err := redis.ParseURL(rawURL)
	if err != nil {
		panic(fmt.Sprintf("env: %v", err))
	}
	return redis.NewClient(options)
}
