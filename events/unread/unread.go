package unread

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	keyPrefix = "gatehouse:unread:"
	channel   = "gatehouse:unread"
	keyTTL    = 30 * 24 * time.Hour
	// getTimeout is how long a page waits for its number.
	getTimeout = 100 * time.Millisecond
	loadBatch  = 500
	// maxRequests is how many new tabs wait for their number; others get it with the next change.
	maxRequests = 1000
)

// Counts reads, writes and watches the numbers. It is safe for concurrent use.
type Counts struct {
	rdb redis.UniversalClient
	log *slog.Logger

	mu       sync.Mutex
	watchers map[string]map[*watcher]struct{} // by sub
	requests chan string                      // subs of new watchers; a subscription has its own
	stop     context.CancelFunc               // ends the subscription; nil without watchers
}

// watcher is an open tab. Its channel holds the newest number only.
type watcher struct{ numbers chan int }

// New returns the numbers in rdb, or an error if an argument is nil.
func New(rdb redis.UniversalClient, log *slog.Logger) (*Counts, error) {
	if rdb == nil || log == nil {
		return nil, errors.New("unread: Redis or the logger is missing")
	}
	return &Counts{rdb: rdb, log: log, watchers: map[string]map[*watcher]struct{}{}}, nil
}

// Set stores the numbers of some people, by sub, and publishes them.
func (c *Counts) Set(ctx context.Context, numbers map[string]int) error {
	_, err := c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for sub, n := range numbers {
			if n == 0 {
				p.Del(ctx, keyPrefix+sub)
			} else {
				p.Set(ctx, keyPrefix+sub, n, keyTTL)
			}
			p.Publish(ctx, channel, strconv.Itoa(n)+" "+sub)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("unread: %w", err)
	}
	return nil
}

// Get returns the number of a person, or 0 if it is unknown or Redis does not answer at once.
func (c *Counts) Get(ctx context.Context, sub string) int {
	ctx, cancel := context.WithTimeout(ctx, getTimeout)
	defer cancel()
	n, _ := c.rdb.Get(ctx, keyPrefix+sub).Int()
	return max(0, n)
}

// Watch returns a channel that receives the number of a person when it changes, and soon after the call. A number that
// was not received is replaced by the next. The caller must call stop.
func (c *Counts) Watch(sub string) (numbers <-chan int, stop func()) {
	w := &watcher{make(chan int, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watchers[sub] == nil {
		c.watchers[sub] = map[*watcher]struct{}{}
	}
	c.watchers[sub][w] = struct{}{}
	if c.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		c.stop, c.requests = cancel, make(chan string, maxRequests)
		go c.follow(ctx, c.requests)
	} else {
		select {
		case c.requests <- sub:
		default:
		}
	}
	return w.numbers, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if delete(c.watchers[sub], w); len(c.watchers[sub]) == 0 {
			delete(c.watchers, sub)
		}
		if len(c.watchers) == 0 && c.stop != nil {
			c.stop()
			c.stop = nil
		}
	}
}

// follow passes on published numbers until ctx ends. After each interruption it loads the numbers that it may have
// missed.
func (c *Counts) follow(ctx context.Context, requests <-chan string) {
	sub := c.rdb.Subscribe(ctx, channel)
	defer func() { _ = sub.Close() }()
	messages := sub.ChannelWithSubscriptions()
	for {
		select {
		case <-ctx.Done():
			return
		case sub := <-requests:
			c.load(ctx, []string{sub})
		case m, ok := <-messages:
			if !ok {
				return
			}
			switch m := m.(type) {
			case *redis.Subscription:
				c.load(ctx, c.watched())
			case *redis.Message:
				number, sub, _ := strings.Cut(m.Payload, " ")
				if n, err := strconv.Atoi(number); err == nil {
					c.pass(sub, n)
				}
			}
		}
	}
}

func (c *Counts) watched() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	subs := make([]string, 0, len(c.watchers))
	for sub := range c.watchers {
		subs = append(subs, sub)
	}
	return subs
}

// load reads the numbers of some people and passes them on.
func (c *Counts) load(ctx context.Context, subs []string) {
	for len(subs) > 0 {
		batch := subs[:min(len(subs), loadBatch)]
		subs = subs[len(batch):]
		batchCtx, cancel := context.WithTimeout(ctx, time.Second)
		got := make([]*redis.StringCmd, len(batch))
		_, err := c.rdb.Pipelined(batchCtx, func(p redis.Pipeliner) error {
			for i, sub := range batch {
				got[i] = p.Get(batchCtx, keyPrefix+sub)
			}
			return nil
		})
		cancel()
		if err != nil && !errors.Is(err, redis.Nil) {
			if ctx.Err() != nil {
				return
			}
			c.log.Warn("cannot load the numbers of unread notifications", "error", err)
			return
		}
		for i, sub := range batch {
			n, _ := got[i].Int()
			c.pass(sub, max(0, n))
		}
	}
}

// pass gives a number to a person's tabs, in place of one that they have not received. Only follow calls it, so that
// the numbers stay in order.
func (c *Counts) pass(sub string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.watchers[sub] {
		select {
		case <-w.numbers:
		default:
		}
		w.numbers <- n
	}
}
