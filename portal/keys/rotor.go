package keys

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/seal"
)

// reloadEvery is the longest interval between two reloads, and so the delay until a replica notices a change.
const reloadEvery = 2 * time.Second

// Rotor holds a replica's copy of the keys. It applies changes by other replicas, and activates the next key when it
// is due. It is safe for concurrent use.
type Rotor struct {
	Deps
	sealer *seal.Sealer

	reloading sync.Mutex
	rows      []store.SigningKey // of the last reload
	ring      atomic.Pointer[Ring]
}

// Ring returns the current keys.
func (r *Rotor) Ring() *Ring { return r.ring.Load() }

// Active returns the key that signs with alg, or an error if there is none.
func (r *Rotor) Active(alg string) (Key, error) { return r.Ring().Active(alg) }

// ByKID returns the published key with this id.
func (r *Rotor) ByKID(kid string) (Key, bool) { return r.Ring().ByKID(kid) }

// Recognised calls [Ring.Recognised].
func (r *Rotor) Recognised(kid string) (Key, bool) { return r.Ring().Recognised(kid) }

// KIDs returns the ids of the published keys, sorted.
func (r *Rotor) KIDs() []string { return r.Ring().KIDs() }

// JWKS returns the published JWK Set as JSON (RFC 7517 §5).
func (r *Rotor) JWKS() []byte { return r.Ring().JWKS() }

// Run reloads the keys until ctx ends. Then it returns nil. While the database does not answer, the keys do not
// change.
func (r *Rotor) Run(ctx context.Context) error {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reloadEvery/2 + rand.N(reloadEvery/2)):
		}
		err := r.Reload(ctx)
		switch {
		case err != nil && !failing && ctx.Err() == nil:
			r.Logger.Warn("cannot reload the signing keys; using those in memory", "error", err)
		case err == nil && failing:
			r.Logger.Info("reloading the signing keys works again")
		}
		failing = err != nil
	}
}

// Reload loads the keys, activates a next key that is due, and deletes keys that are no longer accepted as hints.
func (r *Rotor) Reload(ctx context.Context) error {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	if err := r.load(ctx); err != nil {
		return err
	}
	now, acted := r.Now(), false
	for _, row := range r.rows {
		switch {
		case !row.ActivatesAt.IsZero() && !row.ActivatesAt.After(now):
			err := r.Records.Apply(ctx, store.ActivateKey(row.KID, row.Algorithm, now, r.lastUse(now)))
			if err != nil && !errors.Is(err, store.ErrKeyChanged) { // another replica was faster
				return err
			}
			if err == nil {
				r.Logger.Info("signing key activated", "kid", row.KID, "alg", row.Algorithm)
			}
			acted = true
		case !row.NotAfter.IsZero() && row.NotAfter.Add(r.HintLife).Before(now):
			if err := r.Records.PurgeKeys(ctx, now.Add(-r.HintLife)); err != nil {
				return err
			}
			acted = true
		}
	}
	if !acted {
		return nil
	}
	return r.load(ctx)
}

func (r *Rotor) load(ctx context.Context) error {
	rows, err := r.Records.SigningKeys(ctx)
	if err != nil {
		return err
	}
	ring, err := newRing(r.sealer, rows, r.ring.Load(), r.Now())
	if err != nil {
		return err
	}
	r.rows = rows
	r.ring.Store(ring)
	return nil
}

// lastUse returns until when a key that stops signing at now has to stay published.
func (r *Rotor) lastUse(now time.Time) time.Time { return now.Add(r.TokenLife + Margin) }
