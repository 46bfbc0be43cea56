package keys

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/seal"
)

// reloadInterval is the longest interval between two reloads, and so the delay until a replica notices a change.
const reloadInterval = 2 * time.Second

// Manager holds a replica's copy of the keys. It applies changes by other replicas, and activates the next key when it
// is due. It is safe for concurrent use.
type Manager struct {
	Deps
	sealer *seal.Sealer

	reloading sync.Mutex
	rows      []store.SigningKey // of the last reload
	current   atomic.Pointer[snapshot]
}

// Active returns the key that signs with alg, or an error if there is none.
func (m *Manager) Active(alg string) (Key, error) {
	k, ok := m.current.Load().active[alg]
	if !ok {
		return Key{}, fmt.Errorf("keys: there is no active %s key", alg)
	}
	return k, nil
}

// ByKID returns the published key with this id.
func (m *Manager) ByKID(kid string) (Key, bool) {
	k, ok := m.current.Load().byKID[kid]
	return k, ok
}

// Recognised returns the published or retired key with this id, for ID tokens that identify a user as a hint but
// grant nothing.
func (m *Manager) Recognised(kid string) (Key, bool) {
	k, ok := m.current.Load().recognised[kid]
	return k, ok
}

// KIDs returns the ids of the published keys, sorted.
func (m *Manager) KIDs() []string { return slices.Sorted(maps.Keys(m.current.Load().byKID)) }

// JWKS returns the published JWK Set as JSON (RFC 7517 §5).
func (m *Manager) JWKS() []byte { return m.current.Load().jwks }

// Run reloads the keys until ctx ends. Then it returns nil. While the database does not answer, the keys do not
// change.
func (m *Manager) Run(ctx context.Context) error {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reloadInterval/2 + rand.N(reloadInterval/2)):
		}
		err := m.Reload(ctx)
		switch {
		case err != nil && !failing && ctx.Err() == nil:
			m.Logger.Warn("cannot reload the signing keys; using those in memory", "error", err)
		case err == nil && failing:
			m.Logger.Info("reloading the signing keys works again")
		}
		failing = err != nil
	}
}

// Reload loads the keys, activates a next key that is due, and deletes keys that are no longer accepted as hints.
func (m *Manager) Reload(ctx context.Context) error {
	m.reloading.Lock()
	defer m.reloading.Unlock()
	if err := m.load(ctx); err != nil {
		return err
	}
	now, acted := m.Now(), false
	for _, row := range m.rows {
		switch {
		case !row.ActivatesAt.IsZero() && !row.ActivatesAt.After(now):
			err := m.Records.Apply(ctx, store.ActivateKey(row.KID, row.Algorithm, now, m.publishedUntil(now)))
			if err != nil && !errors.Is(err, store.ErrKeyChanged) { // another replica was faster
				return err
			}
			if err == nil {
				m.Logger.Info("signing key activated", "kid", row.KID, "alg", row.Algorithm)
			}
			acted = true
		case !row.NotAfter.IsZero() && row.NotAfter.Add(m.HintLife).Before(now):
			if err := m.Records.PurgeKeys(ctx, now.Add(-m.HintLife)); err != nil {
				return err
			}
			acted = true
		}
	}
	if !acted {
		return nil
	}
	return m.load(ctx)
}

func (m *Manager) load(ctx context.Context) error {
	rows, err := m.Records.SigningKeys(ctx)
	if err != nil {
		return err
	}
	next, err := newSnapshot(m.sealer, rows, m.current.Load(), m.Now())
	if err != nil {
		return err
	}
	m.rows = rows
	m.current.Store(next)
	return nil
}

// publishedUntil returns until when a key that stops signing at now has to stay published.
func (m *Manager) publishedUntil(now time.Time) time.Time { return now.Add(m.TokenLife + ExpiryMargin) }
