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

	"gatehouse.example/apps/forum/store"
)

const (
	buyersTimeout = time.Second      // how long a page waits for its badges
	buyerTTL      = time.Minute      // cache time for a buyer, who may cancel the order
	nonBuyerTTL   = 10 * time.Second // cache time for a user who is no buyer yet: a purchase may follow at any time
	retryInterval = 3 * time.Second  // pause after a failure, so that not every page waits for buyersTimeout
	maxCached     = 20_000           // about 2 MB
)

// buyerCache tells which authors bought a product, from its cache or from the shop.
type buyerCache struct {
	shop  Shop
	now   func() time.Time
	log   *slog.Logger
	calls singleflight.Group

	mu      sync.Mutex
	cached  map[purchase]answer
	retryAt time.Time // do not call the shop before this time
}

type purchase struct{ product, sub string }

type answer struct {
	bought bool
	until  time.Time
}

func newBuyerCache(shop Shop, now func() time.Time, log *slog.Logger) *buyerCache {
	return &buyerCache{shop: shop, now: now, log: log, cached: make(map[purchase]answer)}
}

// Among returns the authors of posts who bought product. If the shop cannot be asked, whole is false and buyers has
// only those found in the cache.
func (v *buyerCache) Among(ctx context.Context, product string, posts []store.Post) (buyers map[string]bool, whole bool) {
	buyers, unknown, quiet := v.lookUp(product, posts)
	if len(unknown) == 0 {
		return buyers, true
	}
	if quiet {
		return buyers, false
	}
	// Concurrent requests for one thread share one call, which continues when one of them is cancelled.
	found, err, _ := v.calls.Do(product+" "+strings.Join(unknown, " "), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), buyersTimeout)
		defer cancel()
		found, err := v.shop.Buyers(ctx, product, unknown)
		if errors.Is(err, ErrNoProduct) { // no longer sold: no badges
			found, err = nil, nil
		}
		v.record(product, unknown, found, err)
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

func (v *buyerCache) lookUp(product string, posts []store.Post) (buyers map[string]bool, unknown []string, quiet bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	buyers = make(map[string]bool)
	for _, p := range posts {
		switch a, ok := v.cached[purchase{product, p.AuthorSub}]; {
		case !ok || now.After(a.until):
			unknown = append(unknown, p.AuthorSub)
		case a.bought:
			buyers[p.AuthorSub] = true
		}
	}
	slices.Sort(unknown)
	return buyers, slices.Compact(unknown), now.Before(v.retryAt)
}

func (v *buyerCache) record(product string, asked []string, buyers map[string]bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	if err != nil {
		v.retryAt = now.Add(retryInterval)
		return
	}
	if len(v.cached)+len(asked) > maxCached {
		clear(v.cached) // happens rarely, and the shop can be asked again
	}
	for _, sub := range asked {
		until := now.Add(nonBuyerTTL)
		if buyers[sub] {
			until = now.Add(buyerTTL)
		}
		v.cached[purchase{product, sub}] = answer{buyers[sub], until}
	}
}
