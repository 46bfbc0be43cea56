package denylist_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/env"
)

func TestCheck_AllocatesNothing(t *testing.T) {
	e := newEstate(t, env.MiniRedis(t))
	m := e.mirror("shop-1", func(o *denylist.Options) { o.Bound = time.Hour })
	w := e.write(sid("s1"), sub("bob", time.Now()), jti("family"))
	if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
		t.Fatal("not confirmed")
	}
	for _, c := range []struct {
		sub, sid, jti string
		want          error
	}{
		{"alice", "s2", "other.token", nil},
		{"alice", "s1", "", denylist.ErrDenied},
		{"bob", "s2", "", denylist.ErrDenied},
		{"alice", "s2", "family.token", denylist.ErrDenied},
	} {
		var got error
		if n := testing.AllocsPerRun(1000, func() { got = m.Check(c.sub, c.sid, c.jti, signIn) }); n != 0 {
			t.Errorf("%+v allocates %g times", c, n)
		}
		if !errors.Is(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// A clock that jumps is what a machine sees that has slept, on its wall clock.
func TestCheck_RefusesAfterTheBoundByTheClockThatIsAhead(t *testing.T) {
	e := newEstate(t, env.MiniRedis(t))
	var ahead atomic.Int64
	m := e.mirror("shop-1", func(o *denylist.Options) {
		o.Bound = time.Minute
		o.Now = func() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) }
	})
	ahead.Store(int64(61 * time.Second))
	if err := m.Check("alice", "s", "", signIn); !errors.Is(err, denylist.ErrStale) {
		t.Errorf("a minute later: %v", err)
	}
	ahead.Store(0)
	if err := m.Check("alice", "s", "", signIn); err != nil {
		t.Errorf("the clock is right again: %v", err)
	}
}

// What was put into the table is found while the table grows under who looks, and nothing else is.
func TestCheck_WhileTheTableGrows(t *testing.T) {
	e := newEstate(t, env.MiniRedis(t))
	m := e.mirror("shop-1", func(o *denylist.Options) { o.Bound = time.Hour })
	const all = 6000
	var written atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if n%1000 == 0 {
					time.Sleep(time.Millisecond) // the writer needs the processor, too
				}
				if have := written.Load(); have > 0 {
					i := rand.Int64N(have)
					if err := m.Check("", fmt.Sprint("s", i), "", signIn); !errors.Is(err, denylist.ErrDenied) {
						t.Errorf("s%d: %v", i, err)
						return
					}
				}
				if err := m.Check(fmt.Sprint("s", rand.Int64N(all)), fmt.Sprint("other", rand.Int64N(all)), "", signIn); err != nil {
					t.Errorf("an innocent one: %v", err)
					return
				}
			}
		})
	}
	for i := 0; i < all; i += 100 {
		var some []denylist.Entry
		for j := range 100 {
			some = append(some, sid(fmt.Sprint("s", i+j)))
		}
		if r := e.log.Await(t.Context(), e.write(some...), 20*time.Second, nil); r.Confirmed() != 1 {
			t.Fatalf("receipt: %+v", r)
		}
		written.Store(int64(i + 100))
	}
	stop()
	readers.Wait()
}

// A denial of a person may leave out one sign-in, in the log and in the set that is loaded later; a later denial that
// leaves out none denies that one too.
func TestCheck_DenialOfAPersonLeavesOutOneSignIn(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		cutoff := time.Now().Truncate(time.Second)
		others := sub("alice", cutoff)
		others.Except = "s1"
		check := func(when string, m *denylist.Mirror, want map[string]bool) {
			t.Helper()
			for sid, denied := range want {
				if err := m.Check("alice", sid, "", signIn); errors.Is(err, denylist.ErrDenied) != denied {
					t.Errorf("%s: %q: %v", when, sid, err)
				}
			}
		}
		m := e.mirror("shop-1")
		hit, stop := m.Watch("alice", "s1", signIn)
		defer stop()
		w := e.write(others)
		if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
			t.Fatalf("receipt: %+v", r)
		}
		check("from the log", m, map[string]bool{"s1": false, "s2": true, "": true})
		check("from the set", e.mirror("shop-2"), map[string]bool{"s1": false, "s2": true, "": true})
		found, ok, err := e.log.Find(t.Context(), denylist.Subject, "alice")
		if err != nil || !ok || found.Except != "s1" || !found.Before.Equal(cutoff) || found.Reason != others.Reason {
			t.Errorf("Find = %+v, %v, %v", found, ok, err)
		}
		w = e.write(sub("alice", cutoff.Add(time.Second)))
		if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 2 {
			t.Fatalf("receipt: %+v", r)
		}
		check("after a denial of all", m, map[string]bool{"s1": true, "s2": true})
		if got := <-hit; !got.Before.Equal(cutoff.Add(time.Second)) {
			t.Errorf("the exempt sign-in was told of %+v", got)
		}
	})
}

func TestEntry_ExceptThatCannotBeWritten(t *testing.T) {
	for _, except := range []string{"a|b", "{", strings.Repeat("x", 300), "\xff"} {
		e := sub("alice", time.Now())
		if e.Except = except; !errors.Is(e.Check(), denylist.ErrEntry) {
			t.Errorf("%.10q is accepted", except)
		}
	}
	e := sid("s1")
	if e.Except = "s2"; !errors.Is(e.Check(), denylist.ErrEntry) {
		t.Error("a sign-in with an exemption is accepted")
	}
}
