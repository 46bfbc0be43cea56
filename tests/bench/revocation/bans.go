//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/tests/bench/setting"
)

// run holds the results of one configuration.
type run struct {
	redis   string
	servers int
	bans    int

	confirmations []float64 // milliseconds from the write to each confirmation, of all bans
	slowest       []float64 // the slowest confirmation of each ban
	whole         []float64 // milliseconds of the portal's whole ban
	missing       int       // servers that did not confirm, of all bans

	requests, refused, accepted, innocentRefused, failed, unsure int64
	first                                                        string // first failure
}

// innocents is the number of users who are not banned.
const innocents = 20

func (b *bench) run(ctx context.Context, kind, url string, n int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rdb, err := setting.OpenRedis(url)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }()
	p, err := openPortal(ctx, rdb, b.quiet)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.revoker.Sync(ctx); err != nil { // creates an empty denylist, so that the servers can start
		return err
	}
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { _ = p.revoker.Run(ctx) })
	all, err := startServers(ctx, n, url, p.issuer.URL(), b.quiet)
	if err != nil {
		return err
	}
	defer all.close()
	t := &traffic{servers: all, start: time.Now(), rate: b.rate}
	for range innocents {
		one, err := p.join(ctx)
		if err != nil {
			return err
		}
		t.innocent = append(t.innocent, one)
	}
	for _, s := range all.all { // warm up: fetch the provider's keys, open the connections
		t.askInnocent(s, t.innocent[0])
	}
	background.Go(func() { t.run(ctx) })
	r := &run{redis: kind, servers: n, bans: b.bans}
	for i := range warmUp + b.bans {
		if err := r.one(ctx, p, t, i >= warmUp); err != nil {
			return err
		}
	}
	cancel()
	background.Wait()
	r.requests, r.refused, r.unsure = t.requests.Load(), t.refusedInTime.Load(), t.unsure.Load()
	r.accepted, r.innocentRefused, r.failed = t.accepted.Load(), t.innocentRefused.Load(), t.failed.Load()
	if first := t.first.Load(); first != nil {
		r.first = *first
	}
	b.runs = append(b.runs, r)
	say("confirmed by all: median ban %.0f ms, p99 %.0f ms; the whole act: median %.1f ms", quantile(r.slowest, 0.5), quantile(r.slowest, 0.99), quantile(r.whole, 0.5))
	return nil
}

// warmUp is the number of bans at the start whose times are not reported. Wrongly accepted requests count from the
// first ban.
const warmUp = 3

// one bans a user whose token every server has accepted.
func (r *run) one(ctx context.Context, p *portal, t *traffic, counts bool) error {
	who, err := p.join(ctx)
	if err != nil {
		return err
	}
	v := &victim{person: who}
	t.everywhere(v)
	t.victim.Store(v)
	// A random time of steady traffic: bans should not be synchronous with what servers do once a second.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
	}
	began := time.Now()
	v.begun.Store(int64(began.Sub(t.start)))
	done, err := p.ban(ctx, who)
	if err != nil {
		return err
	}
	ended := time.Now()
	v.done.Store(int64(ended.Sub(t.start)))
	t.everywhere(v)
	r.missing += len(done.Denylist.Missing())
	if got := len(done.Denylist.All); got != r.servers {
		return fmt.Errorf("the receipt names %d servers", got)
	}
	if counts {
		r.add(done.Denylist, ended.Sub(began))
	}
	return nil
}

func (r *run) add(receipt denylist.Confirmations, whole time.Duration) {
	for _, c := range receipt.All {
		if c.Confirmed {
			r.confirmations = append(r.confirmations, millis(c.Took))
		}
	}
	slowest := receipt.Slowest()
	if len(receipt.Missing()) > 0 {
		slowest = receipt.Took // the time that the portal waited
	}
	r.slowest = append(r.slowest, millis(slowest))
	r.whole = append(r.whole, millis(whole))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quantile returns the value that the fraction q of values (0.5: half of them) does not exceed.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
