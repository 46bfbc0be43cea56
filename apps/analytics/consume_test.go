package analytics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/analytics"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/tests/env"
)

// everywhere runs the test on both databases and both Redises.
func everywhere(t *testing.T, test func(t *testing.T, d *db.DB, rdb redis.UniversalClient)) {
	t.Helper()
	t.Parallel() // they mostly wait for Redis
	open := map[string]func(testing.TB, string) *db.DB{"sqlite": env.DB, "postgres": env.Postgres}
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) { test(t, open[name](t, analytics.Service), rdb) })
		})
	}
}

func publish(t *testing.T, rdb redis.UniversalClient, event string) {
	t.Helper()
	if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: events.Stream, Values: []any{"event", event}}).Err(); err != nil {
		t.Fatal(err)
	}
}

func signIn(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"sign_in","service":"portal","at":%q,"sub":"demo-alice","data":{"client_id":"shop","method":"sso"}}`,
		id, now.Add(-time.Minute).Format(time.RFC3339))
}

func pending(t *testing.T, rdb redis.UniversalClient) int64 {
	t.Helper()
	p, err := rdb.XPending(t.Context(), events.Stream, analytics.Service).Result()
	if err != nil {
		return -1 // the group is not there yet
	}
	return p.Count
}

const counted = `SELECT CAST(COALESCE(SUM(total), 0) AS BIGINT) FROM hourly`

func TestRun_CountsWhatComes(t *testing.T) {
	everywhere(t, func(t *testing.T, d *db.DB, rdb redis.UniversalClient) {
		a := start(t, d, rdb, nil)
		publish(t, rdb, signIn("before"))
		a.run(t)
		publish(t, rdb, signIn("after"))
		publish(t, rdb, signIn("after")) // published twice
		eventually(t, "two counted, all confirmed", func() bool { return a.scan(t, counted) == 2 && pending(t, rdb) == 0 })
	})
}

// Whatever nobody can count is kept apart, and what comes after it is counted.
func TestRun_NothingBlocksTheStream(t *testing.T) {
	everywhere(t, func(t *testing.T, d *db.DB, rdb redis.UniversalClient) {
		a := start(t, d, rdb, nil)
		for _, event := range []string{
			``, `{`, `null`, `[]`, `"x"`, `{"id":1}`, "\xff\x00", `{"id":"","type":"sign_in"}`,
			`{"id":"u","type":"cat_petted","service":"portal","at":"2026-11-23T10:00:00Z"}`,
			`{"id":"n","type":"registered","service":"portal","sub":"a\u0000b","at":"2026-11-23T10:00:00Z"}`,
			`{"id":"f","type":"registered","service":"portal","at":"9999-01-01T00:00:00Z"}`,
			`{"id":"o","type":"order_placed","service":"shop","at":"2026-11-23T10:00:00Z","data":{"total_cents":"; DROP TABLE events","items":7}}`,
		} {
			publish(t, rdb, event)
		}
		if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: events.Stream, Values: []any{"other", "field"}}).Err(); err != nil {
			t.Fatal(err)
		}
		publish(t, rdb, signIn("good"))
		a.run(t)
		eventually(t, "the good one counted, all confirmed", func() bool { return a.scan(t, counted) == 1 && pending(t, rdb) == 0 })
		if n := a.scan(t, `SELECT CAST(SUM(total) AS BIGINT) FROM skipped`); n != 13 {
			t.Errorf("%d skipped of 13", n)
		}
		if n := a.scan(t, `SELECT COUNT(*) FROM rejects`); n != 13 {
			t.Errorf("%d kept of 13", n)
		}
	})
}

// errKilled stands for a SIGKILL: what is held is lost, what was committed or read stays so.
var errKilled = errors.New("killed")

// die is a consumer that reads a batch as another replica and is gone before it confirms.
func die(t *testing.T, rdb redis.UniversalClient, handle events.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := events.NewConsumer(rdb, analytics.Service, "analytics-2", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Run(ctx, func(hctx context.Context, batch []events.Event, malformed []events.Malformed) error {
		defer cancel()
		if handle != nil {
			if err := handle(hctx, batch, malformed); err != nil {
				t.Error(err)
			}
		}
		return errKilled
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRun_KilledAfterCommitBeforeConfirming(t *testing.T) {
	killed(t, true)
}

func TestRun_KilledAfterReadingBeforeCommit(t *testing.T) {
	killed(t, false)
}

func killed(t *testing.T, committed bool) {
	everywhere(t, func(t *testing.T, d *db.DB, rdb redis.UniversalClient) {
		victim := start(t, d, rdb, func(deps *analytics.Deps) { deps.Replica = "analytics-2" })
		for i := range 5 {
			publish(t, rdb, signIn(fmt.Sprintf("e%d", i)))
		}
		publish(t, rdb, `{`)
		want := int64(0)
		if committed {
			die(t, rdb, victim.HandleEvents)
			want = 5
		} else {
			die(t, rdb, nil)
		}
		if n, p := victim.scan(t, counted), pending(t, rdb); n != want || p != 6 {
			t.Fatalf("after the kill %d are counted and %d unconfirmed", n, p)
		}
		victim.run(t) // restarted under its name, it gets what it had not confirmed
		publish(t, rdb, signIn("later"))
		eventually(t, "each counted once, all confirmed", func() bool { return victim.scan(t, counted) == 6 && pending(t, rdb) == 0 })
		if n := victim.scan(t, `SELECT CAST(SUM(total) AS BIGINT) FROM skipped`); n != 1 {
			t.Errorf("%d skipped, want 1", n)
		}
	})
}

// A replica that never comes back leaves its batch to the others.
func TestTake_AnotherReplicaTakesOver(t *testing.T) {
	everywhere(t, func(t *testing.T, d *db.DB, rdb redis.UniversalClient) {
		other := start(t, d, rdb, nil)
		publish(t, rdb, signIn("left"))
		die(t, rdb, nil)
		c, err := events.NewConsumer(rdb, analytics.Service, "analytics-1", slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		c.SetClaimTimeout(10 * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = c.Run(ctx, other.HandleEvents) }()
		eventually(t, "taken over and confirmed", func() bool { return other.scan(t, counted) == 1 && pending(t, rdb) == 0 })
		cancel()
		<-done
	})
}

// While the database is away nothing is confirmed, and nothing is lost.
func TestTake_FailsWithoutDatabase(t *testing.T) {
	d := env.DB(t, analytics.Service)
	a := start(t, d, env.MiniRedis(t), nil)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	e := events.New(events.Registered, "x", nil)
	e.Service, e.At = "portal", now
	if err := a.HandleEvents(t.Context(), []events.Event{e}, nil); err == nil {
		t.Error("confirmed what was not stored")
	}
}
