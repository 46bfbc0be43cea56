package flows_test

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/events"
	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

// maxSignIn is how many bytes of Redis a sign-in at the portal and one app may take.
const maxSignIn = 4 << 10

func TestSignIn_TakesAtMostFourKilobytesOfRedis(t *testing.T) {
	server, rdb := env.OwnRedis(t, "")
	e := estate.Start(t, estate.Options{RedisURL: server.URL()})
	signIn := func() {
		page := estate.SignIn(t, estate.Browser(), e.URL("shop")+"/orders", "alice@example.com", estate.Password)
		page.Body.Close()
		if page.StatusCode != http.StatusOK || page.Request.URL.Path != "/orders" {
			t.Fatalf("ended at %s with %s", page.Request.URL, page.Status)
		}
	}
	signIn() // what is there once, whoever signs in
	before := memory(t, rdb)
	const signIns = 20
	for range signIns {
		signIn()
	}
	after := memory(t, rdb)
	delete(after, events.Stream) // it is trimmed, so its memory is not a sign-in's, and it grows in steps of many entries
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(after)) {
		bytes := (after[kind] - before[kind]) / signIns
		total += bytes
		t.Logf("%6d bytes: %s", bytes, kind)
	}
	t.Logf("%6d bytes in all", total)
	if total > maxSignIn || total < 500 {
		t.Errorf("a sign-in takes %d bytes, want at most %d", total, maxSignIn)
	}
}

// random matches the parts of a key that differ from one sign-in to the next.
var random = regexp.MustCompile(`[A-Z2-7]{16,}|[0-9a-f]{16,}|[A-Za-z0-9_-]{22,}`)

// memory returns the bytes of each kind of keys once nothing is written any longer.
func memory(t *testing.T, rdb *redis.Client) map[string]int {
	t.Helper()
	var last map[string]int
	for ctx := t.Context(); ; time.Sleep(250 * time.Millisecond) {
		now := sizes(ctx, t, rdb)
		if maps.Equal(now, last) {
			return now
		}
		last = now
	}
}

func sizes(ctx context.Context, t *testing.T, rdb *redis.Client) map[string]int {
	t.Helper()
	found := map[string]int{}
	keys := rdb.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		bytes, err := rdb.MemoryUsage(ctx, keys.Val(), 0).Result()
		if err != nil && err != redis.Nil { //nolint:errorlint // go-redis returns it bare
			t.Fatal(err)
		}
		found[random.ReplaceAllString(keys.Val(), "…")] += int(bytes)
	}
	if err := keys.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
