package forum

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"gatehouse/apps/forum/store"
)

const (
	askFor      = time.Second      // how long a page waits for its badges
	knowBuyer   = time.Minute      // cache time for a buyer: a purchase is final
	knowNoBuyer = 10 * time.Second // cache time for a user who is no buyer yet: a purchase may follow at any time
	askAgain    = 3 * time.Second  // pause after a failure, so that not every page waits for askFor
	maxKnown    = 20_000           // about 2 MB
)

// verified tells which authors bought a product, from its cache or from the shop.
type verified struct {
	shop  Shop
	now   func() time.Time
	log   *slog.Logger
	calls singleflight.Group

	mu    sync.Mutex
	known map[purchase]answer
	quiet time.Time // do not call the shop before this time
}

type purchase struct{ product, sub string }

type answer struct {
	bought bool
	until  time.Time
}

func newVerified(shop Shop, now func() time.Time, log *slog.Logger) *verified {
	return &verified{shop: shop, now: now, log: log, known: make(map[purchase]answer)}
}

// Of returns the authors of posts who bought product. If the shop cannot be asked, whole is false and buyers has only
// those found in the cache.
func (v *verified) Of(ctx context.Context, product string, posts []store.Post) (buyers map[string]bool, whole bool) {
	buyers, unknown, quiet := v.remember(product, posts)
	if len(unknown) == 0 {
		return buyers, true
	}
	if quiet {
		return buyers, false
	}
	// Concurrent requests for one thread share one call, which continues when one of them is cancelled.
	found, err, _ := v.calls.Do(product+" "+strings.Join(unknown, " "), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
		defer cancel()
		found, err := v.shop.Buyers(ctx, product, unknown)
		if errors.Is(err, ErrNoProduct) { // no longer sold: no badges
			found, err = nil, nil
		}
		v.learn(product, unknown, found, err)
		return found, err
	})
	if err != nil {
		v.log.WarnContext(ctx, "cannot ask the shop who bought a product", "product", product, "error", err)
		return buyers, false
	}
	told, _ := found.(map[string]bool)
	for _, sub := range unknown {
		if told[sub] {
			buyers[sub] = true
		}
	}
	return buyers, true
}

func (v *verified) remember(product string, posts []store.Post) (buyers map[string]bool, unknown []string, quiet bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	buyers = make(map[string]bool)
	for _, p := range posts {
		switch a, ok := v.known[purchase{product, p.AuthorSub}]; {
		case !ok || now.After(a.until):
			unknown = append(unknown, p.AuthorSub)
		case a.bought:
			buyers[p.AuthorSub] = true
		}
	}
	slices.Sort(unknown)
	return buyers, slices.Compact(unknown), now.Before(v.quiet)
}

func (v *verified) learn(product string, asked []string, buyers map[string]bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	if err != nil {
		v.quiet = now.Add(askAgain)
		return
	}
	if len(v.known)+len(asked) > maxKnown {
		clear(v.known) // happens rarely, and the shop can be asked again
	}
	for _, sub := range asked {
		until := now.Add(knowNoBuyer)
		if buyers[sub] {
			until = now.Add(knowBuyer)
		}
		v.known[purchase{product, sub}] = answer{buyers[sub], until}
	}
}
