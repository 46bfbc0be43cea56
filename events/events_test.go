package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/tests/env"
)

func logger(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func record(t *testing.T, d *db.DB, e events.Event) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *sqlx.Tx) error { return events.Record(t.Context(), tx, e) })
	if err != nil {
		t.Fatal(err)
	}
}

// received collects what a consumer was handed.
type received struct {
	mu        sync.Mutex
	events    map[string]events.Event
	handed    int
	malformed int
	changed   chan struct{}
}

func newReceived() *received {
	return &received{events: map[string]events.Event{}, changed: make(chan struct{}, 1)}
}

func (r *received) handle(_ context.Context, batch []events.Event, malformed []events.Malformed) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range batch {
		r.events[e.ID] = e
	}
	r.handed += len(batch)
	r.malformed += len(malformed)
	select {
	case r.changed <- struct{}{}:
	default:
	}
	return nil
}

func (r *received) wait(t *testing.T, until func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		done := until()
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-r.changed:
		case <-deadline:
			t.Fatalf("gave up with %d events and %d malformed ones", len(r.events), r.malformed)
		}
	}
}

func consume(t *testing.T, rdb redis.UniversalClient, name string, handle events.Handler) (stop func()) {
	t.Helper()
	c, err := events.NewConsumer(rdb, "test", name, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	c.SetClaimTimeout(50 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx, handle); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func TestEvents_FromTheTransactionToTheConsumer(t *testing.T) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
			got := newReceived()
			consume(t, rdb, "one", got.handle)
			relay, err := events.NewRelay(d, rdb, logger(t))
			if err != nil {
				t.Fatal(err)
			}
			sent := events.New(events.OrderPlaced, "alice", map[string]any{"order_id": "o-1", "total_cents": 1250})
			record(t, d, sent)
			for n := 1; n > 0; {
				if n, err = relay.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			got.wait(t, func() bool { return len(got.events) == 1 })
			e := got.events[sent.ID]
			if e.Type != events.OrderPlaced || e.Service != "shop" || e.Subject != "alice" || e.Data["order_id"] != "o-1" ||
				!e.At.Equal(sent.At.Truncate(time.Millisecond)) {
				t.Errorf("the event came as %+v", e)
			}
		})
	})
}

func TestRelay_ManyReplicasPublishEachEventOnce(t *testing.T) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		rdb := env.Redis(t)
		const n = 350
		for i := range n {
			record(t, d, events.New(events.VoteCast, fmt.Sprint(i), nil))
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				relay, err := events.NewRelay(d, rdb, logger(t))
				if err != nil {
					t.Error(err)
					return
				}
				for range n/100 + 2 {
					if _, err := relay.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		entries, err := rdb.XRange(t.Context(), events.Stream, "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != n {
			t.Errorf("%d entries for %d events", len(entries), n)
		}
	})
}

func TestRelay_RedisAwayLosesNothing(t *testing.T) {
	d := env.DB(t, "shop")
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = gone.Close() })
	record(t, d, events.New(events.Registered, "alice", nil))
	relay, err := events.NewRelay(d, gone, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relay.Flush(t.Context()); err == nil {
		t.Fatal("Flush succeeded without Redis")
	}
	var left int
	if err := d.GetContext(t.Context(), &left, `SELECT COUNT(*) FROM event_outbox`); err != nil || left != 1 {
		t.Errorf("%d events are left (%v), want 1", left, err)
	}
}

func TestConsumer_AnotherTakesOverFromOneThatDied(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		d := env.DB(t, "shop")
		relay, err := events.NewRelay(d, rdb, logger(t))
		if err != nil {
			t.Fatal(err)
		}
		record(t, d, events.New(events.Registered, "alice", nil))
		if _, err := relay.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		read := make(chan struct{})
		once := sync.OnceFunc(func() { close(read) })
		stop := consume(t, rdb, "doomed", func(context.Context, []events.Event, []events.Malformed) error {
			once()
			return errors.New("killed before it could finish")
		})
		<-read
		stop()
		got := newReceived()
		consume(t, rdb, "heir", got.handle)
		got.wait(t, func() bool { return len(got.events) == 1 })
	})
}

func TestConsumer_MalformedEntriesBlockNothing(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, v := range [][]any{{"x", "y"}, {"event", "{"}, {"event", "{}"}, {"event", `{"id":1}`}, {"event", "\xff"}} {
			if err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: events.Stream, Values: v}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		d := env.DB(t, "shop")
		record(t, d, events.New(events.Registered, "alice", nil))
		relay, err := events.NewRelay(d, rdb, logger(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := relay.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := newReceived()
		consume(t, rdb, "one", got.handle)
		got.wait(t, func() bool { return len(got.events) == 1 && got.malformed == 5 })
	})
}

// What every group has confirmed leaves the stream; what one has yet to read, or to confirm, stays.
func TestTrim_RemovesOnlyWhatEveryGroupHasConfirmed(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		ctx := t.Context()
		const all = 2000
		pipe := rdb.Pipeline()
		for i := range all {
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: events.Stream, Values: []any{"event", fmt.Sprint(i)}})
		}
		added, err := pipe.Exec(ctx)
		if err != nil {
			t.Fatal(err)
		}
		id := func(i int) string { return added[i].(*redis.StringCmd).Val() }
		left := func() int {
			t.Helper()
			if err := events.Trim(ctx, rdb); err != nil {
				t.Fatal(err)
			}
			n, err := rdb.XLen(ctx, events.Stream).Result()
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
		if n := left(); n != all {
			t.Errorf("%d left without a group", n)
		}
		read := func(group string, n int) {
			t.Helper()
			if err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: group, Consumer: "one", Streams: []string{events.Stream, ">"}, Count: int64(n), Block: -1}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		for _, group := range []string{"quick", "slow"} {
			if err := rdb.XGroupCreate(ctx, events.Stream, group, "0").Err(); err != nil {
				t.Fatal(err)
			}
		}
		read("quick", all)
		for i := range all {
			if i != 1500 { // one is not confirmed
				rdb.XAck(ctx, events.Stream, "quick", id(i))
			}
		}
		if n := left(); n != all {
			t.Errorf("%d left, and the slow group has read nothing", n)
		}
		read("slow", 1000)
		for i := range 1000 {
			rdb.XAck(ctx, events.Stream, "slow", id(i))
		}
		if n := left(); n < 1000 || n > 1200 {
			t.Errorf("%d left of the 1000 that the slow group has yet to read", n)
		}
		read("slow", all)
		for i := range all {
			rdb.XAck(ctx, events.Stream, "slow", id(i))
		}
		if n := left(); n < 500 || n > 700 {
			t.Errorf("%d left, of which one is not confirmed", n)
		}
		if found, err := rdb.XRange(ctx, events.Stream, id(1500), id(1500)).Result(); err != nil || len(found) != 1 {
			t.Errorf("the one that is not confirmed is gone: %v, %v", found, err)
		}
	})
}

// A version is published when it starts for the first time, not by further replicas or restarts.
func TestAnnounceVersion_OncePerVersion(t *testing.T) {
	rdb := env.MiniRedis(t)
	for _, version := range []string{"v1", "v1", "v2", "v1"} {
		events.AnnounceVersion(t.Context(), rdb, "shop", version, logger(t))
	}
	if n := rdb.XLen(t.Context(), events.Stream).Val(); n != 2 {
		t.Errorf("%d events", n)
	}
}
