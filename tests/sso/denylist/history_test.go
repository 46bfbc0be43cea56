package denylist_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/env"
)

// line is a connection to Redis that can be cut, and that takes its time with what was read of a stream.
type line struct {
	cut  atomic.Bool
	slow atomic.Int64 // nanoseconds
}

var errCut = errors.New("the line is cut")

func (l *line) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *line) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if l.cut.Load() { // also what was under way
			cmd.SetErr(errCut)
			return errCut
		}
		if read, ok := cmd.(*redis.XStreamSliceCmd); ok && len(read.Val()) > 0 {
			time.Sleep(time.Duration(l.slow.Load()))
		}
		return err
	}
}

func (l *line) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if l.cut.Load() {
			for _, cmd := range cmds {
				cmd.SetErr(errCut)
			}
			return errCut
		}
		return next(ctx, cmds)
	}
}

func (e *estate) lined(l *line) func(*denylist.Options) {
	own := redis.NewClient(e.rdb.(*redis.Client).Options())
	own.AddHook(l)
	e.t.Cleanup(func() { _ = own.Close() })
	return func(o *denylist.Options) { o.Redis = own }
}

// A server that was behind takes over, and has as many entries as before when a replica comes back to it: positions
// alone would say that the replica knows them all.
func TestMirror_NoticesThatTheLogHasAnotherPast(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, more := range []int{1, 2, 5} { // as far as it was, and further
			// Each in a test of its own, which stops its mirror: one of before would register itself again.
			t.Run(fmt.Sprint(more), func(t *testing.T) {
				rdb.FlushDB(t.Context())
				e := newEstate(t, rdb)
				e.write(sid("one"))
				var l line
				m := e.mirror("shop-1", e.lined(&l))
				w := e.write(sid("two"), sid("lost"))
				if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
					t.Fatalf("receipt: %+v", r)
				}
				l.cut.Store(true)
				e.goBack(1, "sid:lost")
				for i := range more {
					w = e.write(sid(fmt.Sprint("banned-", i)))
				}
				l.cut.Store(false)
				r := e.log.Await(t.Context(), w, 20*time.Second, nil)
				if r.Confirmed() != 1 {
					t.Errorf("receipt: %+v", r)
				}
				for i := range more {
					if err := m.Check("", fmt.Sprint("banned-", i), "", signIn); !errors.Is(err, denylist.ErrDenied) {
						t.Errorf("what was written to the other server is let in after its confirmation: %v", err)
					}
				}
				if err := m.Check("", "lost", "", signIn); !errors.Is(err, denylist.ErrDenied) {
					t.Errorf("what a replica knew is forgotten: %v", err)
				}
			})
		}
	})
}

// goBack takes the last n entries from the log, and these fields from the set.
func (e *estate) goBack(n int, fields ...string) {
	e.t.Helper()
	const log = "gatehouse:{denied}:log"
	ctx := e.t.Context()
	all, err := e.rdb.XRange(ctx, log, "-", "+").Result()
	if err != nil {
		e.t.Fatal(err)
	}
	_, err = e.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, log)
		for _, m := range all[:len(all)-n] {
			p.XAdd(ctx, &redis.XAddArgs{Stream: log, ID: m.ID, Values: m.Values})
		}
		p.DecrBy(ctx, "gatehouse:{denied}:position", int64(n))
		p.HDel(ctx, "gatehouse:{denied}:set", fields...)
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// A replica whose line is slow, with more to read than comes at once, must not take what it has read for all there is.
func TestMirror_RefusesWhenItFallsBehind(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		var l line
		const bound = 400 * time.Millisecond
		m := e.mirror("shop-1", e.lined(&l), func(o *denylist.Options) { o.Bound = bound })
		l.slow.Store(int64(bound / 2))
		const writes, each = 10, 500
		for i := range writes {
			var entries []denylist.Entry
			for j := range each {
				entries = append(entries, sid(fmt.Sprint("s", i*each+j)))
			}
			e.write(entries...)
		}
		written := time.Now()
		last := fmt.Sprint("s", writes*each-1)
		for late := false; ; {
			asked := time.Now()
			err := m.Check("", last, "", signIn)
			if errors.Is(err, denylist.ErrDenied) {
				break
			}
			if late = asked.Sub(written) > bound; late && err == nil {
				t.Fatalf("%v after the write, an entry that was not read yet is let in", asked.Sub(written))
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// With the policy "stale" a replica that is cut off may be wrong for long: no receipt may leave it out meanwhile, even
// if another process has its name by now.
func TestLog_ExpectsWhoMayStillAnswer(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		var l line
		stale := func(o *denylist.Options) { o.Bound, o.StaleFor = 100*time.Millisecond, 10*time.Minute }
		cut := e.mirror("shop-1", e.lined(&l), stale)
		infos, err := rdb.Keys(t.Context(), "gatehouse:{denied}:info:shop-1#*").Result()
		if err != nil || len(infos) != 1 {
			t.Fatal(infos, err)
		}
		if kept := rdb.PTTL(t.Context(), infos[0]).Val(); kept <= 10*time.Minute {
			t.Errorf("it is forgotten after %v", kept)
		}
		l.cut.Store(true)
		e.mirror("shop-1", stale)
		e.eventually("the first one is silent", func() bool {
			all, err := e.log.Replicas(t.Context())
			return err == nil && len(all) == 2 && all[0].Silent != all[1].Silent
		})
		w := e.write(sid("s1"))
		r := e.log.Await(t.Context(), w, time.Second, nil)
		if missing := r.Missing(); r.Confirmed() != 1 || len(missing) != 1 || missing[0].Refusing || !missing[0].WrongUntil.Equal(w.At.Add(10*time.Minute)) {
			t.Errorf("receipt: %+v", r)
		}
		if err := cut.Check("", "s1", "", signIn); err != nil {
			t.Errorf("the one that was cut off says %v; the receipt is right to name it", err)
		}
	})
}

// Two servers whose clocks differ signed a person out: what a rebuilt set denies must reach as far as the further one.
func TestLog_RebuildKeepsWhatReachesFurthest(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		rdb.FlushDB(t.Context())
		now := time.Now().Truncate(time.Second)
		e.rebuild(sub("alice", now), sub("bob", now), sub("alice", now.Add(-3*time.Second)), sub("bob", now.Add(5*time.Second)))
		m := e.mirror("shop-1")
		for who, since := range map[string]time.Time{"alice": now, "bob": now.Add(5 * time.Second)} {
			if err := m.Check(who, "", "", since.Add(-time.Second)); !errors.Is(err, denylist.ErrDenied) {
				t.Errorf("%s of before: %v", who, err)
			}
			if err := m.Check(who, "", "", since); err != nil {
				t.Errorf("%s of after: %v", who, err)
			}
		}
	})
}
