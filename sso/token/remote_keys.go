package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	maxJWKS         = 512 << 10        // bytes
	jwksInterval    = 30 * time.Second // age after which keys are fetched again, in the background
	jwksMaxAge      = time.Minute      // age after which a request waits for the fetch, unless one was tried meanwhile
	jwksMinInterval = 5 * time.Second  // minimum interval between two fetches, successful or not
	jwksTimeout     = 5 * time.Second
)

// RemoteKeys is the KeySource of a JWKS URL. It fetches the keys again every half minute, so that it knows a new key
// before it is used and drops a withdrawn one, and at once when a token names an unknown key. While the provider can't
// be reached, the last published keys stay valid.
//
// Use keeps the keys up to date without a goroutine. [RemoteKeys.Run] does so for a replica without requests, too.
type RemoteKeys struct {
	url     func(ctx context.Context) (string, error)
	client  *http.Client
	flight  singleflight.Group
	created time.Time
	lastTry atomic.Int64 // start of the last fetch in nanoseconds since created, 0 for never
	current atomic.Pointer[keySet]
}

// keySet is an immutable set of keys; a fetch replaces it.
type keySet struct {
	keys map[string]crypto.PublicKey
	at   time.Time
}

// NewRemoteKeys returns a RemoteKeys for the address that url returns.
func NewRemoteKeys(client *http.Client, url func(ctx context.Context) (string, error)) *RemoteKeys {
	r := &RemoteKeys{url: url, client: client, created: time.Now()}
	r.current.Store(&keySet{})
	return r
}

// Has reports whether a key is in the current set. It never uses the network.
func (r *RemoteKeys) Has(kid string) bool {
	_, ok := r.current.Load().keys[kid]
	return ok
}

// KIDs returns the ids of the current keys, sorted.
func (r *RemoteKeys) KIDs() []string {
	return slices.Sorted(maps.Keys(r.current.Load().keys))
}

// Key implements [KeySource].
func (r *RemoteKeys) Key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	asked := time.Now()
	current := r.current.Load()
	key, age := current.keys[kid], asked.Sub(current.at)
	switch {
	case key != nil && age < jwksInterval:
		return key, nil
	case key != nil && r.triedWithin(jwksMaxAge):
		// After a recent attempt, the next one runs in the background: a provider that is down or hangs must not delay
		// requests.
		if !r.triedWithin(jwksMinInterval) {
			r.startFetch(ctx, asked)
		}
		return key, nil
	case key == nil && len(current.keys) > 0 && r.triedWithin(jwksMinInterval):
		// Tokens with made-up kids must not cause endless fetches.
		return nil, fmt.Errorf("%w: %q", ErrUnknownKey, kid)
	}
	var err error
	select {
	case done := <-r.startFetch(ctx, asked):
		err = done.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	key = r.current.Load().keys[kid]
	switch {
	case key != nil: // a known key stays valid while the provider is unreachable
		return key, nil
	case err != nil:
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownKey, kid)
}

// Run fetches the keys at intervals until ctx ends, and returns nil then.
func (r *RemoteKeys) Run(ctx context.Context) error {
	for failed := 0; ; {
		wait := jwksInterval
		switch err := (<-r.startFetch(ctx, time.Now())).Err; {
		case err == nil:
			failed = 0
		case failed < 5: // 1 s, 2 s … 16 s: finds a provider soon that starts later than this process
			wait, failed = time.Second<<failed, failed+1
		}
		select {
		case <-ctx.Done():
			return nil
		// Spread the fetches of replicas that started together.
		case <-time.After(wait*3/4 + rand.N(wait/4)):
		}
	}
}

func (r *RemoteKeys) triedWithin(d time.Duration) bool {
	at := r.lastTry.Load()
	return at != 0 && time.Since(r.created)-time.Duration(at) < d
}

// startFetch fetches the keys once for all concurrent callers, independent of the first caller's ctx. It does nothing
// if keys were fetched since asked.
func (r *RemoteKeys) startFetch(ctx context.Context, asked time.Time) <-chan singleflight.Result {
	return r.flight.DoChan("fetch", func() (any, error) {
		if !r.current.Load().at.Before(asked) {
			return nil, nil
		}
		r.lastTry.Store(max(1, int64(time.Since(r.created))))
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jwksTimeout)
		defer cancel()
		return nil, r.fetch(ctx)
	})
}

func (r *RemoteKeys) fetch(ctx context.Context) error {
	url, err := r.url(ctx)
	if err != nil {
		return err
	}
	var set JWKS
	if err := GetJSON(ctx, r.client, url, maxJWKS, &set); err != nil {
		return err
	}
	keys := make(map[string]crypto.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		// Skip unsupported keys and use the others.
		if key, err := k.Public(); err == nil {
			keys[k.Kid] = key
		}
	}
	if len(keys) == 0 {
		return errors.New(url + " has no usable key")
	}
	r.current.Store(&keySet{keys: keys, at: time.Now()})
	return nil
}
