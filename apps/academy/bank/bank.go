package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/apps/academy/bank/card"
	"gatehouse/apps/academy/lab"
	"gatehouse/fleet/balancer"
	"gatehouse/fleet/embedded"
	"gatehouse/sso/denylist"

	"github.com/redis/go-redis/v9"
)

// MaxBranches is how many branches a bank has at most.
const MaxBranches = 12

// Names of what stands in the picture beside the branches.
const (
	You          = "you" // the learner's browser
	BalancerNode = "balancer"
	RedisNode    = "redis"
)

// pool is the balancer's only one.
const pool = "bank"

// Options say what a bank is like.
type Options struct {
	Bench    *lab.Bench // required: what happens is reported to it
	Branches int        // 1 to MaxBranches
	Kind     Kind       // required
	Policy   func() balancer.Policy

	// Capacity is how many requests a branch serves at once; 0 is any number. Each takes
	// Service, which the branch waits, as a real one would wait for its database. Queue more
	// requests may wait for their turn, and what comes beyond that is answered 503.
	Capacity int
	Service  time.Duration // 50 ms unless told
	Queue    int           // 256 unless told

	// For Card and CardDenylist.
	Life     time.Duration           // of a card; 5 minutes unless told (Bank.SetLife)
	Audience func(branch int) string // that a branch accepts and issues for; "counter" for all unless told
	Now      func() time.Time        // the clock of the issuer and of the branches' verifiers
	Exact    bool                    // that is one clock here: branches don't forgive its being wrong (token.Leeway)
}

// Bank is a running one. It is safe for concurrent use.
type Bank struct {
	o     Options
	bench *lab.Bench
	log   *slog.Logger // of the parts that are broken on purpose here: silent

	host     string // a name of its own, so that nobody else's branch takes its requests
	balancer *balancer.Balancer
	door     string // where the balancer listens
	direct   *http.Transport
	straight *http.Transport // past the balancer

	redis  *embedded.Redis // nil for a Kind that needs none
	rdb    *redis.Client
	denied *denylist.Log
	issuer *card.Issuer
	life   duration

	end  context.CancelFunc
	work sync.WaitGroup

	changing sync.Mutex // held by who opens, closes, kills or restarts branches

	mu       sync.Mutex
	branches []*branch
	browsers []*Browser
	redisUp  bool
	closed   bool
}

// Open builds the bank and opens its branches. They live until Close.
func Open(ctx context.Context, o Options) (_ *Bank, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	b := &Bank{
		o: o, bench: o.Bench, log: slog.New(slog.DiscardHandler), end: end,
		host: "bank-" + strings.ToLower(rand.Text()[:8]) + ".localhost",
	}
	b.life.set(o.Life)
	defer func() {
		if err != nil {
			_ = b.Close()
		}
	}()
	if err := b.openDoor(life); err != nil {
		return nil, err
	}
	if b.issuer, err = card.New("bank", o.Now); err != nil {
		return nil, err
	}
	if o.Kind == Redis || o.Kind == CardDenylist {
		if err := b.openRedis(ctx); err != nil {
			return nil, err
		}
	}
	for range o.Branches {
		if _, err := b.open(ctx); err != nil {
			return nil, err
		}
	}
	b.Browser(You)
	return b, nil
}

func (o *Options) complete() error {
	switch {
	case o.Bench == nil:
		return errors.New("bank: no bench")
	case o.Branches < 1 || o.Branches > MaxBranches:
		return fmt.Errorf("bank: %d branches; it has 1 to %d", o.Branches, MaxBranches)
	case !o.Kind.known():
		return fmt.Errorf("bank: there is no kind %q", o.Kind)
	}
	if o.Policy == nil {
		o.Policy = balancer.NewRoundRobin
	}
	if o.Service <= 0 {
		o.Service = 50 * time.Millisecond
	}
	if o.Queue <= 0 {
		o.Queue = 256
	}
	if o.Life <= 0 {
		o.Life = 5 * time.Minute
	}
	if o.Audience == nil {
		o.Audience = func(int) string { return "counter" }
	}
	return nil
}

// openDoor starts the balancer, with no branch behind it yet.
func (b *Bank) openDoor(life context.Context) error {
	var err error
	b.balancer, err = balancer.New(balancer.Options{
		Hosts: map[string]string{b.host: pool}, Policy: b.o.Policy, Logger: b.log,
		HealthPath: "/healthz?bank=" + b.host, DialTimeout: time.Second, HeaderTimeout: 20 * time.Second, Patience: 500 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("bank: %w", err)
	}
	b.door = ln.Addr().String()
	b.direct = transport(func(context.Context) string { return b.door })
	b.straight = transport(func(ctx context.Context) string { addr, _ := ctx.Value(straightTo{}).(string); return addr })
	b.straight.DisableKeepAlives = true // kept connections are found by host name, which all branches share
	b.work.Go(func() { b.balancer.Run(life) })
	b.work.Go(func() {
		if err := balancer.Serve(life, ln, b.balancer, time.Second, b.log); err != nil && b.bench.Logger != nil {
			b.bench.Logger.Error("the bank's balancer failed", "error", err)
		}
	})
	return nil
}

// Close closes everything and waits for it. It may be called twice.
func (b *Bank) Close() error {
	b.changing.Lock()
	defer b.changing.Unlock()
	b.mu.Lock()
	closed, branches := b.closed, b.branches
	b.closed, b.branches = true, nil
	b.mu.Unlock()
	if closed {
		return nil
	}
	b.end()
	for _, br := range branches {
		br.kill()
	}
	b.work.Wait()
	if b.direct != nil {
		b.direct.CloseIdleConnections()
	}
	return b.closeRedis()
}

// SetPolicy changes how the balancer chooses branches.
func (b *Bank) SetPolicy(p balancer.Policy) error {
	if err := b.balancer.SetPolicy(pool, p); err != nil {
		return err
	}
	b.bench.Changed()
	return nil
}

// Kind is how this bank keeps who somebody is.
func (b *Bank) Kind() Kind { return b.o.Kind }

// Issuer makes this bank's cards.
func (b *Bank) Issuer() *card.Issuer { return b.issuer }

// SetLife changes how long cards are good that are made from now on.
func (b *Bank) SetLife(life time.Duration) { b.life.set(life) }

// Denylist is that of a bank of the Kind CardDenylist, for whoever writes to it; nil in
// others.
func (b *Bank) Denylist() *denylist.Log { return b.denied }
