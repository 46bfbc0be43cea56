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
	jwksLimit    = 512 << 10        // bytes
	jwksFresh    = 30 * time.Second // after which keys are fetched anew, in the background
	jwksBelieved = time.Minute      // after which a request waits for that, if nobody has tried meanwhile
	jwksPause    = 5 * time.Second  // between two fetches, whatever came of the first
	jwksTimeout  = 5 * time.Second
)

// RemoteKeys are keys published at a URL. They are fetched again every half minute,
// so that a new key is known before it signs and a dropped one is not believed any
// more, and at once when a token names one that is not known yet. While the
// provider is away, the keys that it last published stay good.
//
// Nothing needs to run for that: use keeps them fresh. [RemoteKeys.Run] does so
// for a replica that nobody uses, too.
type RemoteKeys struct {
	url    func(ctx context.Context) (string, error)
	client *http.Client
	flight singleflight.Group
	began  time.Time
	tried  atomic.Int64 // when they were last asked for: nanoseconds since began, 0 for never
	held   atomic.Pointer[heldKeys]
}

// heldKeys do not change: a fetch replaces them.
type heldKeys struct {
	keys map[string]crypto.PublicKey
	at   time.Time
}

// NewRemoteKeys fetches from the address that url tells.
func NewRemoteKeys(client *http.Client, url func(ctx context.Context) (string, error)) *RemoteKeys {
	r := &RemoteKeys{url: url, client: client, began: time.Now()}
	r.held.Store(&heldKeys{})
	return r
}

// Has reports whether a key is among those that are believed now. It costs a look
// into memory and never the network.
func (r *RemoteKeys) Has(kid string) bool {
	_, ok := r.held.Load().keys[kid]
	return ok
}

// KIDs are the ids of the keys that are believed now, sorted.
func (r *RemoteKeys) KIDs() []string {
	return slices.Sorted(maps.Keys(r.held.Load().keys))
}

// Key implements [KeySource].
func (r *RemoteKeys) Key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	asked := time.Now()
	held := r.held.Load()
	key, age := held.keys[kid], asked.Sub(held.at)
	switch {
	case key != nil && age < jwksFresh:
		return key, nil
	case key != nil && r.triedWithin(jwksBelieved):
		// What was tried lately is tried again beside the requests and holds none up:
		// a provider that is away or hangs does not cost them time.
		if !r.triedWithin(jwksPause) {
			r.start(ctx, asked)
		}
		return key, nil
	case key == nil && len(held.keys) > 0 && r.triedWithin(jwksPause):
		// Tokens with made-up kids must not make us fetch without end.
		return nil, fmt.Errorf("%w: %q", ErrUnknownKey, kid)
	}
	var err error
	select {
	case done := <-r.start(ctx, asked):
		err = done.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	key = r.held.Load().keys[kid]
	switch {
	case key != nil: // a known key stays good while the provider is away
		return key, nil
	case err != nil:
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownKey, kid)
}

// Run keeps the keys fresh until ctx ends.
func (r *RemoteKeys) Run(ctx context.Context) error {
	for failed := 0; ; {
		wait := jwksFresh
		switch err := (<-r.start(ctx, time.Now())).Err; {
		case err == nil:
			failed = 0
		case failed < 5: // 1 s, 2 s … 16 s: a provider that starts after us is found soon
			wait, failed = time.Second<<failed, failed+1
		}
		select {
		case <-ctx.Done():
			return nil
		// Replicas that were started together don't come together for ever.
		case <-time.After(wait*3/4 + rand.N(wait/4)):
		}
	}
}

func (r *RemoteKeys) triedWithin(d time.Duration) bool {
	at := r.tried.Load()
	return at != 0 && time.Since(r.began)-time.Duration(at) < d
}

// start fetches, once for all who ask meanwhile: it serves everyone, not only the
// one who asked first and may have gone. Keys that came since asked serve as well.
func (r *RemoteKeys) start(ctx context.Context, asked time.Time) <-chan singleflight.Result {
	return r.flight.DoChan("fetch", func() (any, error) {
		if !r.held.Load().at.Before(asked) {
			return nil, nil
		}
		r.tried.Store(max(1, int64(time.Since(r.began))))
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
	if err := GetJSON(ctx, r.client, url, jwksLimit, &set); err != nil {
		return err
	}
	keys := make(map[string]crypto.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		// A kind of key that we don't know is no reason to refuse the others.
		if key, err := k.Public(); err == nil {
			keys[k.Kid] = key
		}
	}
	if len(keys) == 0 {
		return errors.New(url + " holds no key that can be used")
	}
	r.held.Store(&heldKeys{keys: keys, at: time.Now()})
	return nil
}
