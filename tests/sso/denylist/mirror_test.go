package denylist_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/env"
)

// estate is a log and some mirrors of it that run.
type estate struct {
	t   *testing.T
	rdb redis.UniversalClient
	log *denylist.Log
}

func newEstate(t *testing.T, rdb redis.UniversalClient) *estate {
	t.Helper()
	log, err := denylist.NewLog(rdb)
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{t, rdb, log}
	e.rebuild()
	return e
}

func (e *estate) rebuild(entries ...denylist.Entry) {
	e.t.Helper()
	err := e.log.Rebuild(e.t.Context(), 0, func(yield func(denylist.Entry, error) bool) {
		for _, one := range entries {
			if !yield(one, nil) {
				return
			}
		}
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// mirror starts one and waits until it knows where it stands.
func (e *estate) mirror(name string, change ...func(*denylist.Options)) *denylist.Mirror {
	e.t.Helper()
	m := e.start(name, change...)
	e.eventually(name+" is ready", func() bool { return m.Ready(e.t.Context()) == nil })
	return m
}

func (e *estate) start(name string, change ...func(*denylist.Options)) *denylist.Mirror {
	e.t.Helper()
	// A connection pool of its own, as every process has: a mirror keeps one connection busy.
	own := redis.NewClient(e.rdb.(*redis.Client).Options())
	o := denylist.Options{Redis: own, Service: "shop", Replica: name, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	m, err := denylist.NewMirror(o)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	e.t.Cleanup(func() { cancel(); <-done; _ = own.Close() })
	return m
}

func (e *estate) write(entries ...denylist.Entry) denylist.Written {
	e.t.Helper()
	w, err := e.log.Write(e.t.Context(), entries...)
	if err != nil {
		e.t.Fatal(err)
	}
	return w
}

func (e *estate) eventually(what string, is func() bool) {
	e.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf("not within 20 s: %s", what)
		}
	}
}

var (
	long   = time.Now().Add(time.Hour)
	signIn = time.Now().Add(-time.Hour)
)

func sid(value string) denylist.Entry {
	return denylist.Entry{Kind: denylist.SignIn, Value: value, Reason: denylist.SignedOut, At: time.Now(), Until: long}
}

func sub(value string, before time.Time) denylist.Entry {
	return denylist.Entry{Kind: denylist.Subject, Value: value, Before: before, Reason: denylist.Banned, At: time.Now(), Until: long}
}

func jti(value string) denylist.Entry {
	return denylist.Entry{Kind: denylist.Token, Value: value, Reason: denylist.TokenRevoked, At: time.Now(), Until: long}
}

func TestMirror_EveryReplicaKnowsAndConfirms(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		var mirrors []*denylist.Mirror
		for i := range 20 {
			// How late a replica may be is not what this is about: a busy machine may be later than the default.
			mirrors = append(mirrors, e.mirror(fmt.Sprintf("shop-%d", i+1), func(o *denylist.Options) { o.Bound = 20 * time.Second }))
		}
		for round := range 30 {
			value := fmt.Sprint("sign-in-", round)
			for _, m := range mirrors {
				if err := m.Check("alice", value, "", signIn); err != nil {
					t.Fatalf("before: %v", err)
				}
			}
			w := e.write(sid(value))
			told := 0
			receipt := e.log.Await(t.Context(), w, 20*time.Second, func(denylist.Confirmation) { told++ })
			if receipt.Confirmed() != 20 || told != 20 || len(receipt.Missing()) != 0 || receipt.Position != w.Position {
				t.Fatalf("confirmed by %d, told of %d: %+v", receipt.Confirmed(), told, receipt.Missing())
			}
			for _, m := range mirrors {
				if err := m.Check("alice", value, "", signIn); !errors.Is(err, denylist.ErrDenied) {
					t.Fatalf("a replica that has confirmed says %v", err)
				}
			}
		}
	})
}

func TestMirror_DeniesWhatWasSaidAndNothingElse(t *testing.T) {
	e := newEstate(t, env.MiniRedis(t))
	m := e.mirror("shop-1")
	at := time.Unix(1_800_000_000, 0)
	w := e.write(sub("bob", at), sid("s1"), jti("family"), jti("one.token"))
	if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
		t.Fatal("not confirmed")
	}
	for _, c := range []struct {
		sub, sid, jti string
		at            time.Time
		denied        bool
	}{
		{"alice", "s2", "", at, false},
		{"alice", "s1", "", at, true},
		{"", "s1", "x.y", at, true},
		{"bob", "s2", "", at.Add(-time.Second), true},
		{"bob", "s2", "", time.Time{}, true},
		{"bob", "s2", "", at, false},
		{"bob", "s2", "", at.Add(time.Hour), false},
		{"alice", "s2", "family.a", at, true},
		{"alice", "s2", "family", at, true},
		{"alice", "s2", "one.token", at, true},
		{"alice", "s2", "one.other", at, false},
		{"s1", "bob", "", at.Add(-time.Hour), false}, // kinds are apart
		{"", "", "", time.Time{}, false},
		{"family", "family", ".family", at, false},
	} {
		want := error(nil)
		if c.denied {
			want = denylist.ErrDenied
		}
		if err := m.Check(c.sub, c.sid, c.jti, c.at); !errors.Is(err, want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	// A person who is revoked again is denied up to the later instant, in whatever order it comes.
	w = e.write(sub("bob", at.Add(time.Hour)), sub("bob", at.Add(-time.Hour)))
	e.log.Await(t.Context(), w, 20*time.Second, nil)
	if err := m.Check("bob", "", "", at.Add(time.Minute)); !errors.Is(err, denylist.ErrDenied) {
		t.Errorf("the earlier revocation took back the later one: %v", err)
	}
	late := e.mirror("shop-2")
	if err := late.Check("bob", "", "", at.Add(time.Minute)); !errors.Is(err, denylist.ErrDenied) {
		t.Errorf("in the set the earlier revocation took back the later one: %v", err)
	}
}

func TestMirror_NewReplicaLoadsWhatWasDeniedBefore(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		for i := range 40 {
			var some []denylist.Entry
			for j := range 100 {
				some = append(some, sid(fmt.Sprintf("s%d", i*100+j)))
			}
			e.write(some...)
		}
		m := e.mirror("shop-9")
		for i := range 4000 {
			if err := m.Check("", fmt.Sprintf("s%d", i), "", signIn); !errors.Is(err, denylist.ErrDenied) {
				t.Fatalf("s%d: %v", i, err)
			}
		}
		if s := m.Stats(); s.Entries != 4000 || s.Position != 4000 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestMirror_BehindTheTrimmedLogLoadsAgain(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		m := e.mirror("shop-1")
		for what, harm := range map[string]func() error{
			"trimmed": func() error { return rdb.XTrimMaxLen(t.Context(), "gatehouse:{denied}:log", 0).Err() },
			"removed": func() error { return rdb.Del(t.Context(), "gatehouse:{denied}:log").Err() },
		} {
			// All in one transaction, so that the mirror sees nothing in between.
			e.write(sid("before-" + what))
			w := e.write(sid(what))
			if err := harm(); err != nil {
				t.Fatal(err)
			}
			e.eventually("the mirror knows what was "+what, func() bool {
				return errors.Is(m.Check("", what, "", signIn), denylist.ErrDenied) && m.Ready(t.Context()) == nil
			})
			if m.Stats().Position < w.Position {
				t.Errorf("%s: it stands at %d", what, m.Stats().Position)
			}
			w = e.write(sid("after-" + what))
			if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
				t.Errorf("%s: what came after is not confirmed", what)
			}
		}
	})
}

func TestMirror_RefusesUntilAnEmptyRedisWasRebuilt(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		m := e.mirror("shop-1")
		e.write(sid("s1"))
		rdb.FlushDB(t.Context())
		e.eventually("it refuses", func() bool { return errors.Is(m.Check("", "s2", "", signIn), denylist.ErrStale) })
		if _, err := e.log.Write(t.Context(), sid("s3")); !errors.Is(err, denylist.ErrEmpty) {
			t.Errorf("Write to an incomplete set = %v, want ErrEmpty", err)
		}
		e.rebuild(sid("s1"), sub("bob", time.Now()), sid("s4"))
		e.eventually("it lets in again", func() bool { return m.Check("", "s2", "", signIn) == nil })
		for _, denied := range []string{"s1", "s4"} {
			if err := m.Check("", denied, "", signIn); !errors.Is(err, denylist.ErrDenied) {
				t.Errorf("%s after the rebuild: %v", denied, err)
			}
		}
		w := e.write(sid("s5"))
		if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
			t.Errorf("after the rebuild: %+v", r)
		}
	})
}

func TestMirror_UnreadableEntriesDenyWhatTheyName(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		e.write(sid("good"))
		for field, text := range map[string]string{
			"sid:spoilt": "garbage", "sub:carol": "", "jti:half": "0000000000|17", "nothing": "at all", "xyz:what": "{}", ":": "\xff",
		} {
			rdb.HSet(t.Context(), "gatehouse:{denied}:set", field, text)
		}
		m := e.mirror("shop-1")
		check := func(when string) {
			t.Helper()
			for _, c := range [][3]string{{"", "good", ""}, {"", "spoilt", ""}, {"carol", "", ""}, {"", "", "half.x"}} {
				if err := m.Check(c[0], c[1], c[2], signIn); !errors.Is(err, denylist.ErrDenied) {
					t.Errorf("%s: %v is let in: %v", when, c, err)
				}
			}
			if err := m.Check("alice", "other", "x", signIn); err != nil {
				t.Errorf("%s: an innocent one gets %v", when, err)
			}
		}
		check("in the set")
		if m.Stats().Unreadable != 6 {
			t.Errorf("%d reported, want 6", m.Stats().Unreadable)
		}
		// The same in the log, under way.
		position, err := rdb.Incr(t.Context(), "gatehouse:{denied}:position").Result()
		if err != nil {
			t.Fatal(err)
		}
		rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "gatehouse:{denied}:log", ID: fmt.Sprintf("%d-0", position), Values: []any{"k", "sid:logged", "e", "?"}})
		e.eventually("the unreadable entry of the log denies", func() bool {
			return errors.Is(m.Check("", "logged", "", signIn), denylist.ErrDenied)
		})
		w := e.write(sid("later"))
		if r := e.log.Await(t.Context(), w, 20*time.Second, nil); r.Confirmed() != 1 {
			t.Error("the log does not go on after an unreadable entry")
		}
		check("in the log")
	})
}

func TestMirror_SomethingElseUnderOurKeys(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, key := range []string{"set", "log", "until", "position", "replicas", "epoch"} {
			t.Run(key, func(t *testing.T) { // its mirror stops before the next one
				rdb.FlushDB(t.Context())
				e := newEstate(t, rdb)
				full := "gatehouse:{denied}:" + key
				rdb.Del(t.Context(), full)
				if key == "set" || key == "until" || key == "log" {
					rdb.Set(t.Context(), full, "somebody else's", 0)
				} else {
					rdb.RPush(t.Context(), full, "somebody else's")
				}
				m := e.start("shop-1")
				if _, err := e.log.Write(t.Context(), sid("s")); !errors.Is(err, denylist.ErrForeign) && !errors.Is(err, denylist.ErrEmpty) && key != "epoch" {
					t.Errorf("Write = %v, want ErrForeign", err)
				}
				if key != "until" && key != "epoch" {
					if err := m.Check("", "s", "", signIn); !errors.Is(err, denylist.ErrStale) && !errors.Is(err, denylist.ErrDenied) {
						t.Errorf("Check = %v", err)
					}
				}
				if got := rdb.Type(t.Context(), full).Val(); got != "string" && got != "list" {
					t.Errorf("somebody else's data has become a %s", got)
				}
			})
		}
	})
}

func TestMirror_WatchTellsWhoIsConcerned(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		m := e.mirror("shop-1")
		alice, stop1 := m.Watch("alice", "s1", signIn)
		phone, stop2 := m.Watch("alice", "s2", signIn)
		bob, stop3 := m.Watch("bob", "s3", signIn)
		defer stop1()
		defer stop2()
		defer stop3()
		e.write(sid("s1"))
		if got := <-alice; got.Kind != denylist.SignIn || got.Reason != denylist.SignedOut {
			t.Errorf("told of %+v", got)
		}
		e.write(sub("alice", time.Now()))
		if got := <-phone; got.Kind != denylist.Subject || got.Reason != denylist.Banned {
			t.Errorf("told of %+v", got)
		}
		again, stop4 := m.Watch("alice", "s2", signIn)
		defer stop4()
		if got := <-again; got.Reason != denylist.Banned {
			t.Errorf("who comes too late is told of %+v", got)
		}
		select {
		case got := <-bob:
			t.Errorf("somebody else is told of %+v", got)
		default:
		}
	})
}

func TestLog_ReceiptNamesWhoIsMissing(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEstate(t, rdb)
		e.mirror("shop-1")
		// One that has registered, but does not get on: its connections are cut after the first beat.
		gone := redis.NewClient(rdb.(*redis.Client).Options())
		cut := e.mirror("shop-2", func(o *denylist.Options) { o.Redis = gone })
		_ = gone.Close()
		w := e.write(sid("s1"))
		r := e.log.Await(t.Context(), w, denylist.DefaultBound, nil)
		missing := r.Missing()
		if r.Confirmed() != 1 || len(missing) != 1 || missing[0].Replica != "shop-2" {
			t.Fatalf("receipt: %+v", r)
		}
		if until := missing[0].WrongUntil; until.Sub(w.At) != denylist.DefaultBound {
			t.Errorf("it can be wrong until %s after the write", until.Sub(w.At))
		}
		if err := cut.Check("", "s1", "", signIn); !errors.Is(err, denylist.ErrStale) {
			t.Errorf("after the bound the one that was cut off says %v", err)
		}
		// When it has been silent for long, nobody waits for it any more, and it is said to refuse.
		e.eventually("shop-2 is silent", func() bool {
			all, err := e.log.Replicas(t.Context())
			return err == nil && len(all) == 2 && all[1].Silent
		})
		r = e.log.Await(t.Context(), e.write(sid("s2")), 20*time.Second, nil)
		if missing := r.Missing(); r.Confirmed() != 1 || len(missing) != 1 || !missing[0].Refusing || !missing[0].WrongUntil.IsZero() {
			t.Errorf("receipt: %+v", r)
		}
	})
}

func TestLog_RefusesBadEntries(t *testing.T) {
	e := newEstate(t, env.MiniRedis(t))
	bad := map[string]func(*denylist.Entry){
		"unknown kind": func(e *denylist.Entry) { e.Kind = "all" },
		"no value":     func(e *denylist.Entry) { e.Value = "" },
		"long value":   func(e *denylist.Entry) { e.Value = string(make([]byte, 5000)) },
		"not UTF-8":    func(e *denylist.Entry) { e.Value = "\xff" },
		"no end":       func(e *denylist.Entry) { e.Until = time.Time{} },
		"a long note":  func(e *denylist.Entry) { e.Note = string(make([]byte, 5000)) },
		"no instant":   func(e *denylist.Entry) { e.Kind, e.Before = denylist.Subject, time.Time{} },
	}
	for what, spoil := range bad {
		one := sid("s")
		spoil(&one)
		if _, err := e.log.Write(t.Context(), sid("good"), one); !errors.Is(err, denylist.ErrEntry) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if s, err := e.log.State(t.Context()); err != nil || s.Position != 0 || s.Entries != 0 {
		t.Errorf("something was written: %+v, %v", s, err)
	}
	// One that is over already does no harm.
	past := sid("past")
	past.Until = time.Now().Add(-time.Hour)
	e.write(past)
	if s, _ := e.log.State(t.Context()); s.Position != 1 {
		t.Errorf("the log stands at %d", s.Position)
	}
}
