package denylist_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/env"
)

func TestConfirm_OfAnotherSetDoesNotCount(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		own := redis.NewClient(rdb.(*redis.Client).Options())
		e.mirror("shop-1", func(o *denylist.Options) { o.Redis = own })
		_ = own.Close() // it is registered, and will not confirm by itself
		instance := rdb.SMembers(t.Context(), "gatehouse:{denied}:replicas").Val()[0]
		confirm := func(epoch string, position int64) {
			t.Helper()
			err := rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "gatehouse:{denied}:acks", Values: []any{"r", instance, "p", position, "e", epoch}}).Err()
			if err != nil {
				t.Fatal(err)
			}
		}
		epoch := rdb.Get(t.Context(), "gatehouse:{denied}:epoch").Val()
		w := e.write(sid("s1"))
		confirm("of-a-redis-that-was-emptied", w.Position+100)
		confirm(epoch, w.Position-1)
		if r := e.log.Await(t.Context(), w, 100*time.Millisecond, nil); r.Confirmed() != 0 || len(r.Missing()) != 1 {
			t.Errorf("a position in another set was taken for a confirmation: %+v", r)
		}
		confirm(epoch, w.Position)
		if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
			t.Errorf("receipt: %+v", r)
		}
	})
}

func TestConfirm_IsMadeUpForWhenRedisRefusedIt(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		m := e.mirror("shop-1")
		const acks = "gatehouse:{denied}:acks"
		rdb.Set(t.Context(), acks, "somebody else's", 0)
		w := e.write(sid("s1"))
		e.eventually("it is applied", func() bool { return errors.Is(m.Check("", "s1", "", signIn), denylist.ErrDenied) })
		rdb.Del(t.Context(), acks)
		if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
			t.Errorf("receipt: %+v", r)
		}
	})
}

func TestLog_ExpectsWhoIsThereNow(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		names := func() string {
			t.Helper()
			w := e.write(sid("s"))
			all := ""
			for _, r := range w.Expected {
				all += fmt.Sprintf("%s of %s %s %s %t;", r.Name, r.Service, r.Bound, r.StaleFor, r.Silent)
			}
			if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != len(w.Expected) {
				t.Errorf("receipt: %+v", r)
			}
			return all
		}
		want := func(want string) {
			t.Helper()
			for range 2 { // from what they tell, and from what is remembered of it
				if got := names(); got != want {
					t.Errorf("expected are %s, want %s", got, want)
				}
			}
		}
		want("")
		e.mirror("shop-1")
		want("shop-1 of shop 1s 0s false;")
		ctx, stop := context.WithCancel(t.Context())
		m, err := denylist.NewMirror(denylist.Options{
			Redis: redis.NewClient(rdb.(*redis.Client).Options()), Service: "forum", Replica: "forum-1", Bound: 2 * time.Second, StaleFor: time.Minute,
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); _ = m.Run(ctx) }()
		e.eventually("forum-1 is ready", func() bool { return m.Ready(t.Context()) == nil })
		want("forum-1 of forum 2s 1m0s false;shop-1 of shop 1s 0s false;")
		stop()
		<-ended
		want("shop-1 of shop 1s 0s false;")
	})
}

// A mirror that has entries to apply all the time must not forget to say that it lives, and to ask whether its set is
// still the one.
func TestMirror_StaysFreshWhileEntriesKeepComing(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		m := e.mirror("shop-1", func(o *denylist.Options) { o.Bound = 3 * time.Second }) // a beat each 1.2 s without entries
		quick := e.mirror("shop-2", func(o *denylist.Options) { o.Bound = 200 * time.Millisecond })
		ctx, stop := context.WithCancel(t.Context())
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, _ = e.log.Write(ctx, sid(fmt.Sprint("s", i%100)))
			}
		})
		defer writer.Wait()
		defer stop()
		heard := func(m *denylist.Mirror) func() bool {
			n, last := 0, m.Stats().Age
			return func() bool {
				age := m.Stats().Age
				if age < last {
					n++
				}
				last = age
				return n >= 2
			}
		}
		e.eventually("the slow one has heard twice", heard(m))
		e.eventually("the quick one has heard twice", heard(quick))
	})
}

func TestMirror_WatchTellsOfWhatWasMissedInTheLog(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		m := e.mirror("shop-1")
		alice, stop1 := m.Watch("alice", "s1", signIn)
		bob, stop2 := m.Watch("bob", "s2", signIn)
		defer stop1()
		defer stop2()
		// In the set, and not in the log, as if that had been trimmed while the mirror was away.
		rdb.HSet(t.Context(), "gatehouse:{denied}:set", "sid:s1", fmt.Sprintf(`4294967295|%013d|{"reason":"banned"}`, long.UnixMilli()))
		rdb.Incr(t.Context(), "gatehouse:{denied}:position")
		if got := <-alice; got.Value != "s1" || got.Reason != denylist.Banned {
			t.Errorf("told of %+v", got)
		}
		select {
		case got := <-bob:
			t.Errorf("somebody else is told of %+v", got)
		default:
		}
	})
}

// A Redis whose memory is full refuses to write, but not what is denied, who confirms it and who is there.
func TestLog_WritesAndConfirmsWhileRedisIsFull(t *testing.T) {
	_, rdb := env.OwnRedis(t, "")
	e := newEstate(t, rdb)
	first := e.mirror("shop-1")
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Set(t.Context(), "any", "v", 0).Err(); err == nil {
		t.Fatal("Redis is not full")
	}
	second := e.mirror("shop-2") // one that starts now
	for i := range 3 {           // for longer than a beat lasts
		w := e.write(sid(fmt.Sprint("s", i)))
		if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 2 || len(r.Missing()) != 0 {
			t.Errorf("receipt: %+v", r)
		}
		for _, m := range []*denylist.Mirror{first, second} {
			if err := m.Check("", fmt.Sprint("s", i), "", signIn); !errors.Is(err, denylist.ErrDenied) {
				t.Errorf("what is confirmed is let in: %v", err)
			}
		}
		position := first.Stats().Position
		e.eventually("both are told of as alive after another beat", func() bool {
			all, err := e.log.Replicas(t.Context())
			return err == nil && len(all) == 2 && !all[0].Silent && !all[1].Silent && all[0].Position >= position
		})
	}
	if err := second.Check("", "innocent", "", signIn); err != nil {
		t.Errorf("an innocent one: %v", err)
	}
}
