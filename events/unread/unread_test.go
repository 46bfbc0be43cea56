package unread_test

import (
	"log/slog"
	"testing"
	"time"

	"gatehouse.example/events/unread"
	"gatehouse.example/tests/env"
)

func TestWatch_HearsWhatIsSetAnywhere(t *testing.T) {
	rdb := env.MiniRedis(t)
	var replicas [2]*unread.Counts
	for i := range replicas {
		c, err := unread.New(rdb, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		replicas[i] = c
	}
	set := func(n int) {
		t.Helper()
		if err := replicas[0].Set(t.Context(), map[string]int{"ann": n, "bob": 7}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(numbers <-chan int, n int) {
		t.Helper()
		for got := -1; got != n; { // older numbers may come first
			select {
			case got = <-numbers:
			case <-time.After(10 * time.Second):
				t.Fatalf("%d, want %d", got, n)
			}
		}
	}
	set(2)
	for range 2 { // the subscription ends with the last watcher, and begins anew
		first, stopFirst := replicas[1].Watch("ann")
		want(first, 2)
		second, stopSecond := replicas[1].Watch("ann")
		want(second, 2)
		set(3)
		want(first, 3)
		want(second, 3)
		stopFirst()
		set(2)
		want(second, 2)
		stopSecond()
	}
	set(0)
	if n, other := replicas[1].Get(t.Context(), "ann"), replicas[1].Get(t.Context(), "bob"); n != 0 || other != 7 || rdb.Exists(t.Context(), "gatehouse:unread:ann").Val() != 0 {
		t.Error(n, other)
	}
	if ttl := rdb.TTL(t.Context(), "gatehouse:unread:bob").Val(); ttl <= 0 || ttl > 31*24*time.Hour {
		t.Errorf("it stays for %s", ttl)
	}
	if _, err := unread.New(nil, nil); err == nil {
		t.Error("New accepts nil")
	}
}
