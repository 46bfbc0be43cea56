package denylist_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/env"
)

// later is a clock that can be put forward.
type later struct{ by atomic.Int64 }

func (l *later) set(o *denylist.Options) {
	o.Now = func() time.Time { return time.Now().Add(time.Duration(l.by.Load())) }
}

func (l *later) pass(d time.Duration) { l.by.Add(int64(d)) }

// Memory is bounded by what still lives: a mirror gives back the room of what has expired.
func TestMirror_LetsGoOfWhatHasExpired(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		var clock later
		m := e.mirror("shop-1", clock.set)
		empty := m.Stats().Bytes
		var entries []denylist.Entry
		for i := range 500 {
			entries = append(entries, sid(fmt.Sprint("s", i)))
			entries[i].Until = time.Now().Add(10 * time.Minute)
		}
		for range 4 { // the same names take their room once
			e.write(entries...)
		}
		for i := range entries {
			entries[i].Value = fmt.Sprint("t", i)
		}
		e.write(entries...)
		e.write(sid("stays"))
		e.eventually("all are there", func() bool { return m.Stats().Entries == 1001 })
		if m.Stats().Bytes <= empty {
			t.Errorf("%d bytes hold 1001 entries, as they held none", m.Stats().Bytes)
		}
		clock.pass(11 * time.Minute)
		e.eventually("what has expired is gone", func() bool { return m.Stats().Entries == 1 && m.Stats().Bytes == empty })
		if err := m.Check("", "stays", "", signIn); !errors.Is(err, denylist.ErrDenied) {
			t.Errorf("what has not expired: %v", err)
		}
		e.eventually("what has expired is allowed", func() bool { return m.Check("", "s1", "", signIn) == nil })
	})
}

// What Redis keeps is bounded, too: the set lets go of what has expired, the log of what is old.
func TestLog_KeepsWhatMatters(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		state := func() denylist.State {
			t.Helper()
			s, err := e.log.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		var entries []denylist.Entry
		for i := range 500 {
			entries = append(entries, sid(fmt.Sprint("s", i)))
		}
		const writes = 48
		for range writes {
			e.write(entries...)
		}
		if s := state(); s.Position != writes*500 || s.Entries != 500 || s.Logged < 20_000 || s.Logged > 21_000 {
			t.Errorf("after %d entries of 500 names: %+v", writes*500, s)
		}
		short := sid("short")
		short.Until = time.Now().Add(50 * time.Millisecond)
		e.write(short)
		e.eventually("it goes with a later write", func() bool {
			e.write(sid("s1"))
			_, there, err := e.log.Find(t.Context(), denylist.SignIn, "short")
			return err == nil && !there
		})
		if s := state(); s.Entries != 500 {
			t.Errorf("%d entries are kept", s.Entries)
		}
	})
}

// The policy "stale": from memory, for as long as was agreed, and not a moment longer.
func TestMirror_StaleGoesOnForItsBoundOnly(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		var l line
		var clock later
		m := e.mirror("shop-1", e.lined(&l), clock.set, func(o *denylist.Options) { o.StaleFor = time.Minute })
		if r := e.log.Await(t.Context(), e.write(sid("out")), 20*time.Second, nil); r.Confirmed() != 1 {
			t.Fatalf("receipt: %+v", r)
		}
		l.cut.Store(true)
		clock.pass(30 * time.Second)
		if err := m.Check("alice", "s", "", signIn); err != nil {
			t.Errorf("within the stale bound: %v", err)
		}
		if err := m.Check("alice", "out", "", signIn); !errors.Is(err, denylist.ErrDenied) {
			t.Errorf("what it knew is forgotten: %v", err)
		}
		clock.pass(40 * time.Second)
		if err := m.Check("alice", "s", "", signIn); !errors.Is(err, denylist.ErrStale) {
			t.Errorf("after the stale bound: %v", err)
		}
		l.cut.Store(false)
		e.eventually("it answers again", func() bool { return m.Check("alice", "s", "", signIn) == nil })
	})
}
