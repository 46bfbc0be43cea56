//go:build unix

package main

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/sso/revocation"
)

// million is what many live entries cost a new server.
type million struct {
	redis       string
	load        time.Duration // from the start of the mirror until it answers
	table, heap int64         // bytes: of the table, and by which the heap has grown
}

// check is what looking something up costs.
type check struct {
	mirror, exists testing.BenchmarkResult // the usual case, which is that nothing is denied
	cases          []checkCase
}

type checkCase struct {
	what   string
	result testing.BenchmarkResult
}

func (b *bench) million(ctx context.Context, kind, url string) error {
	rdb, err := openRedis(url)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }()
	log, err := revocation.NewLog(rdb)
	if err != nil {
		return err
	}
	if err := log.Rebuild(ctx, int64(b.entries), b.live()); err != nil {
		return err
	}
	before := heap()
	m, err := revocation.NewMirror(revocation.Options{Redis: rdb, Service: "bench", Replica: "bench-1", Logger: b.quiet})
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
	b.millions = append(b.millions, one)
	if kind == realRedis {
		return b.checks(ctx, m, rdb)
	}
	return nil
}

// live are the entries: sign-ins, people and tokens in turns, whose ends lie within a day.
func (b *bench) live() func(yield func(revocation.Entry, error) bool) {
	now := time.Now()
	return func(yield func(revocation.Entry, error) bool) {
		for i := range b.entries {
			e := revocation.Entry{
				Kind: []revocation.Kind{revocation.SignIn, revocation.Subject, revocation.Token}[i%3], Value: name("denied", i), Before: now,
				Reason: revocation.Banned, Client: "portal", At: now, Until: now.Add(time.Hour + time.Duration(i%86400)*time.Second), Seq: int64(i + 1),
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// name is as long as the names that the portal gives (130 bits in base 32).
func name(what string, i int) string { return fmt.Sprintf("%s-%0*d", what, 25-len(what), i) }

// heap is what is in use, in bytes.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// visitor is what a check is asked about.
type visitor struct{ sub, sid, jti string }

// people are asked for in turns, so many that the processor's caches do not hold what was found the last time.
const people = 1 << 14

func (b *bench) checks(ctx context.Context, m *revocation.Mirror, rdb *redis.Client) error {
	innocent, cookies, banned := make([]visitor, people), make([]visitor, people), make([]visitor, people)
	for i := range people {
		innocent[i] = visitor{name("person", i), name("sign-in", i), name("family", i) + "." + name("token", i)}
		cookies[i] = visitor{sub: innocent[i].sub, sid: innocent[i].sid}
		banned[i] = visitor{name("denied", 3*i+1), innocent[i].sid, innocent[i].jti}
	}
	at := time.Now().Add(-time.Hour)
	measure := func(all []visitor, denied bool) (testing.BenchmarkResult, error) {
		var wrong error
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				v := &all[i&(people-1)]
				if err := m.Check(v.sub, v.sid, v.jti, at); (err != nil) != denied {
					wrong = fmt.Errorf("a check said %v", err)
				}
				i++
			}
		})
		return r, wrong
	}
	for _, c := range []struct {
		what   string
		all    []visitor
		denied bool
	}{
		{"a bearer token that is not denied (sub, sid, family and jti)", innocent, false},
		{"a cookie session that is not denied (sub and sid)", cookies, false},
		{"a banned person", banned, true},
	} {
		r, err := measure(c.all, c.denied)
		if err != nil {
			return err
		}
		b.check.cases = append(b.check.cases, checkCase{c.what, r})
	}
	b.check.mirror = b.check.cases[0].result
	var failed error
	b.check.exists = testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := rdb.Exists(ctx, "gatehouse:bench:none").Err(); err != nil {
				failed = err
			}
		}
	})
	return failed
}
