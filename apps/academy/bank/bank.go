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

	"gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/balancer"
	"gatehouse.example/fleet/embedded"

	"github.com/redis/go-redis/v9"
)

// MaxBranches is the maximum number of branches of a bank.
const MaxBranches = 12

// IDs of the picture's nodes other than the branches.
const (
	You          = "you" // the learner's browser
	BalancerNode = "balancer"
	RedisNode    = "redis"
)

// pool is the name of the balancer's only pool.
const pool = "bank"

// Options configure a bank.
type Options struct {
	Bench    *lab.Bench // required: receives all reports
	Branches int        // 1 to MaxBranches
	Kind     Kind       // required
	Policy   func() balancer.Policy

	// Capacity is the number of requests that a branch serves at once; 0 is unlimited. Each request takes Service,
	// during which the branch sleeps, as a real one would wait for its database. Up to Queue more requests wait for
	// their turn; a branch answers 503 to the rest.
	Capacity int
	Service  time.Duration // default: 50 ms
	Queue    int           // default: 256

	// For Card and CardDenylist.
	Life     time.Duration           // of a card; default: 5 minutes
	Audience func(branch int) string // audience that a branch accepts and issues cards for; default: "counter" for all
	Now      func() time.Time        // the clock of the issuer and of the branches' verifiers
	Exact    bool                    // issuer and verifiers share this clock: no skew is allowed (token.Leeway)
}

// Bank is a running bank. It is safe for concurrent use.
type Bank struct {
	o     Options
	bench *lab.Bench
	log   *slog.Logger // of the parts that experiments break on purpose: discards everything

	host     string // unique host name, so that branches of other banks do not accept this bank's requests
	balancer *balancer.Balancer
	door     string // the balancer's address
	direct   *http.Transport
	straight *http.Transport // bypasses the balancer

	redis  *embedded.Redis // nil for a Kind that uses no Redis
	rdb    *redis.Client
	issuer *card.Issuer

	end  context.CancelFunc
	work sync.WaitGroup

	changing sync.Mutex // held while branches are opened, closed, killed or restarted

	mu       sync.Mutex
	branches []*branch
	browsers []*Browser
	redisUp  bool
	closed   bool
}

// Open builds a bank and starts its branches, which run until Close.
func Open(ctx context.Context, o Options) (_ *Bank, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	b := &Bank{
		o: o, bench: o.Bench, log: slog.New(slog.DiscardHandler), end: end,
		host: "bank-" + strings.ToLower(rand.Text()[:8]) + ".localhost",
	}
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
		return fmt.Errorf("bank: unknown kind %q", o.Kind)
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

// openDoor starts the balancer, without any branch yet.
func (b *Bank) openDoor(life context.Context) error {
	var err error
	b.balancer, err = balancer.New(balancer.Options{
		Hosts: map[string]string{b.host: pool}, Policy: b.o.Policy, Logger: b.log,
		HealthPath: "/healthz?bank=" + b.host, DialTimeout: time.Second, HeaderTimeout: 20 * time.Second, QueueTimeout: 500 * time.Millisecond,
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
	b.straight.DisableKeepAlives = true // Go's transport keeps connections by host name, which all branches share
	b.work.Go(func() { b.balancer.Run(life) })
	b.work.Go(func() {
		if err := balancer.Serve(life, ln, b.balancer, time.Second, b.log); err != nil && b.bench.Logger != nil {
			b.bench.Logger.Error("the bank's balancer failed", "error", err)
		}
	})
	return nil
}

// Close stops everything and waits for it. It is safe to call more than once.
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

// SetPolicy changes the balancer's load-balancing policy.
func (b *Bank) SetPolicy(p balancer.Policy) error {
	if err := b.balancer.SetPolicy(pool, p); err != nil {
		return err
	}
	b.bench.Changed()
	return nil
}

// Issuer returns the issuer of this bank's cards.
func (b *Bank) Issuer() *card.Issuer { return b.issuer }
