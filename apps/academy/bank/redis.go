package bank

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/embedded"
	"gatehouse.example/sso/denylist"
)

// openRedis starts the bank's own Redis and, for the kind CardDenylist, creates an empty denylist in it.
func (b *Bank) openRedis(ctx context.Context) error {
	var err error
	if b.redis, err = embedded.StartRedis(); err != nil {
		return err
	}
	b.redisUp = true
	b.rdb = b.client()
	if b.o.Kind != CardDenylist {
		return nil
	}
	denied, err := denylist.NewLog(b.rdb)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := denied.Rebuild(ctx, 0, func(func(denylist.Entry, error) bool) {}); err != nil {
		return fmt.Errorf("bank: an empty denylist: %w", err)
	}
	return nil
}

// client returns a new client of the bank's Redis. The caller closes it.
func (b *Bank) client() *redis.Client {
	o := b.redis.ClientOptions()
	o.PoolSize = 16
	return redis.NewClient(o)
}

// newKeeper returns a branch's keeper, by the bank's kind.
func (b *Bank) newKeeper(ctx context.Context, br *branch) (k keeper, err error) {
	switch b.o.Kind {
	case Memory:
		return newMemory(), nil
	case Card:
		return newCards(b, b.o.Audience(br.number), nil)
	}
	rdb := b.client()
	defer func() {
		if err != nil {
			_ = rdb.Close()
		}
	}()
	if b.o.Kind == Redis {
		return newNotebook(rdb)
	}
	d, err := newEndedCards(rdb, br.id, b.log)
	if err != nil {
		return nil, err
	}
	if b.RedisUp() { // without Redis, a branch opens all the same and refuses until its mirror is up to date
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_ = d.ready(ctx)
	}
	if k, err = newCards(b, b.o.Audience(br.number), d); err != nil {
		d.close()
	}
	return k, err
}

// RedisUp reports whether this bank has a Redis that runs.
func (b *Bank) RedisUp() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.redisUp
}

// StopRedis stops the bank's Redis: its listener and all connections are closed. It keeps its data. It returns a
// Refusal if there is no Redis or if it is stopped already.
func (b *Bank) StopRedis(context.Context) error {
	if b.redis == nil {
		return lab.Refusal("This bank has no Redis.")
	}
	if !b.RedisUp() {
		return lab.Refusal("Redis is stopped already.")
	}
	b.setRedis(false)
	b.redis.Stop()
	b.bench.Log(lab.Bad, "Redis was stopped. No branch can read the shared notebook.")
	return nil
}

// StartRedis starts a stopped Redis again, with its data, and waits until the branches have reached it.
func (b *Bank) StartRedis(ctx context.Context) error {
	if b.redis == nil {
		return lab.Refusal("This bank has no Redis.")
	}
	if b.RedisUp() {
		return lab.Refusal("Redis runs already.")
	}
	b.changing.Lock() // no branch closes meanwhile
	defer b.changing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	for b.redis.Restart() != nil { // a short-lived outgoing connection may hold its port for a moment
		select {
		case <-ctx.Done():
			return lab.Refusal("Redis could not be started at its address. Please try again in a moment.")
		case <-time.After(50 * time.Millisecond):
		}
	}
	b.setRedis(true)
	if err := b.ready(ctx); err != nil {
		return lab.Refusal("Redis was started, but not every branch has reached it yet.")
	}
	b.bench.Log(lab.Good, "Redis was started again, and still holds what it held.")
	return nil
}

// ready waits until every branch that is up can recognise sessions.
func (b *Bank) ready(ctx context.Context) error {
	b.mu.Lock()
	branches := slices.Clone(b.branches)
	b.mu.Unlock()
	for _, br := range branches {
		br.mu.Lock()
		o := br.open
		br.mu.Unlock()
		if o == nil {
			continue
		}
		if err := o.keeper.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bank) setRedis(up bool) {
	b.mu.Lock()
	b.redisUp = up
	b.mu.Unlock()
}

func (b *Bank) closeRedis() error {
	if b.redis == nil {
		return nil
	}
	var err error
	if b.rdb != nil {
		err = b.rdb.Close()
	}
	b.redis.Close()
	return err
}
