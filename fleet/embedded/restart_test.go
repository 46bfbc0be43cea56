package embedded_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/fleet/embedded"
)

// A stopped server refuses, and a restarted one has everything that it had, at the same address.
func TestRedis_StopAndRestart(t *testing.T) {
	server, rdb := start(t)
	ctx := t.Context()
	if err := rdb.Set(ctx, "kept", "v", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Set(ctx, "short", "v", 30*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	server.Stop()
	if err := rdb.Get(ctx, "kept").Err(); err == nil {
		t.Fatal("a stopped server answers")
	}
	time.Sleep(60 * time.Millisecond) // the short life ends while nobody can ask
	for range 2 {
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := rdb.Get(ctx, "kept").Result(); v != "v" || err != nil {
		t.Fatal("after the restart:", v, err)
	}
	if n, err := rdb.Exists(ctx, "short").Result(); n != 0 || err != nil {
		t.Error("a key did not expire while the server was stopped:", n, err)
	}
	server.Close()
	if err := server.Restart(); err == nil {
		t.Error("a closed server was restarted")
	}
}

// Whoever waits for something is cut off by a stop, and can wait again afterwards.
func TestRedis_BlockingAcrossARestart(t *testing.T) {
	server, rdb := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	read := func() ([]redis.XStream, error) {
		return rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{"s", "$"}, Block: 15 * time.Second}).Result()
	}
	cut := make(chan error, 1)
	go func() {
		_, err := read()
		cut <- err
	}()
	for rdb.PoolStats().TotalConns == 0 { // it is under way, or about to be
		time.Sleep(time.Millisecond)
	}
	server.Stop()
	if err := <-cut; err == nil {
		t.Fatal("a read outlived its server")
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := read()
		got <- err
	}()
	for done := false; !done; {
		if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []any{"k", "v"}}).Err(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-got:
			if err != nil {
				t.Fatal("waiting after the restart:", err)
			}
			done = true
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func start(t *testing.T) (*embedded.Redis, *redis.Client) {
	t.Helper()
	server, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	opts, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	opts.MaxRetries, opts.DialerRetries = 1, 1
	rdb := redis.NewClient(opts)
	t.Cleanup(func() { rdb.Close() })
	return server, rdb
}
