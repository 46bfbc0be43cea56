package env

import (
	"context"
	"iter"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
)

// Denied returns a mirror of the denylist for a replica of service ("portal-1"), which follows rdb until the test ends,
// and is up to date when it is returned. It creates an empty denylist if rdb holds none.
func Denied(t testing.TB, rdb redis.UniversalClient, service string) *denylist.Mirror {
	t.Helper()
	log, err := denylist.NewLog(rdb)
	if err != nil {
		t.Fatal(err)
	}
	var none iter.Seq2[denylist.Entry, error] = func(func(denylist.Entry, error) bool) {}
	if err := log.Rebuild(t.Context(), 0, none); err != nil {
		t.Fatal(err)
	}
	m, err := denylist.NewMirror(denylist.Options{
		Redis: rdb, Service: service, Replica: service + "-1", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	for deadline := time.Now().Add(10 * time.Second); m.Ready(ctx) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the denylist is not followed")
		}
	}
	return m
}
