//go:build unix

package main

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/bench/setting"
)

// million holds what many entries cost a new server.
type million struct {
	redis       string
	load        time.Duration // from the start of the mirror until it is ready
	table, heap int64         // bytes: of the table, and of the heap's growth
	write       time.Duration // time to write one more entry and confirm it
}

// check holds the cost of a check.
type check struct {
	cases  []checkCase // the usual case first
	exists float64     // nanoseconds of one EXISTS
}

type checkCase struct {
	what        string
	nanoseconds float64
	allocations float64
}

func (b *bench) million(ctx context.Context, kind, url string) error {
	rdb, err := setting.OpenRedis(url)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }()
	log, err := denylist.NewLog(rdb.WithTimeout(time.Minute)) // an embedded Redis is slow with so many entries
	if err != nil {
		return err
	}
	if err := log.Rebuild(ctx, int64(b.entries), b.live()); err != nil {
		return err
	}
	before := heap()
	m, err := denylist.NewMirror(denylist.Options{Redis: rdb, Service: "bench", Replica: "bench-1", Logger: b.quiet})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	began := time.Now()
	go func() { defer close(ended); _ = m.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if err := until(ctx, func() bool { return m.Ready(ctx) == nil }); err != nil {
		return err
	}
	one := million{redis: kind, load: time.Since(began), table: m.Stats().Bytes}
	one.heap = heap() - before
	if got := m.Stats().Entries; got != int64(b.entries) {
		return fmt.Errorf("the mirror has %d entries", got)
	}
	began = time.Now()
	w, err := log.Write(ctx, denylist.Entry{Kind: denylist.SignIn, Value: "one more", Reason: denylist.Banned, At: began, Until: began.Add(time.Hour)})
	if err != nil {
		return err
	}
	if r := log.Await(ctx, w, patience, nil); r.Confirmed() != 1 {
		return fmt.Errorf("one more entry was not confirmed within %s", patience)
	}
	one.write = time.Since(began)
	b.millions = append(b.millions, one)
	if kind == realRedis {
		return b.checks(ctx, m, rdb)
	}
	return nil
}

// live returns the entries: sign-ins, users and tokens in turn, which expire within a day.
func (b *bench) live() func(yield func(denylist.Entry, error) bool) {
	now := time.Now()
	return func(yield func(denylist.Entry, error) bool) {
		for i := range b.entries {
			e := denylist.Entry{
				Kind: []denylist.Kind{denylist.SignIn, denylist.Subject, denylist.Token}[i%3], Value: name("denied", i), Before: now,
				Reason: denylist.Banned, Client: "portal", At: now, Until: now.Add(time.Hour + time.Duration(i%86400)*time.Second), Seq: int64(i + 1),
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// name returns an id as long as the portal's (130 bits in base 32).
func name(what string, i int) string { return fmt.Sprintf("%s-%0*d", what, 25-len(what), i) }

// heap returns the allocated heap after a garbage collection, in bytes.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// visitor is the identity of a check.
type visitor struct{ sub, sid, jti string }

// Numbers of identities that are checked in turn: as many users as a busy replica serves within a second, and so many
// that the processor's caches no longer contain the data of the previous check of the same one.
const (
	many  = 1 << 10
	crowd = 1 << 14
)

func (b *bench) checks(ctx context.Context, m *denylist.Mirror, rdb *redis.Client) error {
	innocent, cookies, banned := make([]visitor, crowd), make([]visitor, crowd), make([]visitor, crowd)
	for i := range crowd {
		innocent[i] = visitor{name("person", i), name("sign-in", i), name("family", i) + "." + name("token", i)}
		cookies[i] = visitor{sub: innocent[i].sub, sid: innocent[i].sid}
		banned[i] = visitor{name("denied", 3*i+1), innocent[i].sid, innocent[i].jti}
	}
	for _, c := range []struct {
		what   string
		all    []visitor
		denied bool
	}{
		{"a bearer token that is not denied (sub, sid, family and jti)", innocent[:many], false},
		{"a cookie session that is not denied (sub and sid)", cookies[:many], false},
		{"a banned person", banned[:many], true},
		{"a bearer token that is not denied, of 16,384 in turns", innocent, false},
	} {
		one, err := measure(m, c.all, c.denied)
		if err != nil {
			return err
		}
		one.what = c.what
		b.check.cases = append(b.check.cases, one)
	}
	var failed error
	b.check.exists = each(20, func(int) {
		if err := rdb.Exists(ctx, "gatehouse:bench:none").Err(); err != nil {
			failed = err
		}
	})
	return failed
}

func measure(m *denylist.Mirror, all []visitor, denied bool) (c checkCase, wrong error) {
	at := time.Now().Add(-time.Hour)
	one := func(i int) {
		v := &all[i&(len(all)-1)]
		if err := m.Check(v.sub, v.sid, v.jti, at); (err != nil) != denied {
			wrong = fmt.Errorf("a check said %v", err)
		}
	}
	c.nanoseconds = each(1000, one)
	c.allocations = testing.AllocsPerRun(1000, func() { one(0) })
	return c, wrong
}

// each returns the time of a call in nanoseconds: the median of many rounds of so many calls. A round is shorter than
// the time slice of a process on a busy machine.
func each(calls int, f func(i int)) float64 {
	const rounds = 1001
	took := make([]float64, rounds)
	i := 0
	for r := range took {
		began := time.Now()
		for range calls {
			f(i)
			i++
		}
		took[r] = float64(time.Since(began)) / float64(calls)
	}
	return quantile(took, 0.5)
}
