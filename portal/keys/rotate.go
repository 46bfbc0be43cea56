package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse.example/portal/store"
)

var (
	// ErrAlgorithm means that the portal creates no keys for this algorithm.
	ErrAlgorithm = errors.New("keys: the algorithm is not known")
	// ErrPending means that there is a next key already.
	ErrPending = store.ErrKeyPending
	// ErrChanged means that there is no such key in the state that the operation needs.
	ErrChanged = store.ErrKeyChanged
)

// State is a state in the life cycle of a key.
type State string

// The states, in the order of a key's life cycle.
const (
	Next      State = "next"
	Active    State = "active"
	Old       State = "old"
	Retired   State = "retired"
	Withdrawn State = "withdrawn"
)

// Info is the public information about a key. Times that don't apply are zero.
type Info struct {
	KID         string
	Algorithm   string
	State       State
	CreatedAt   time.Time
	ActivatesAt time.Time // when it will sign
	ActivatedAt time.Time // when it began to sign; zero for the first keys
	NotAfter    time.Time // until when it is, or was, published
	HintsUntil  time.Time // until when its ID tokens are accepted as hints
	WithdrawnAt time.Time
}

// AuditFunc returns the audit row that is stored in the transaction of a change of a key.
type AuditFunc func(k Info) store.Change

// List returns all stored keys, the newest first.
func (m *Manager) List(ctx context.Context) ([]Info, error) {
	rows, err := m.Records.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Info, len(rows))
	for i, row := range rows {
		list[len(rows)-1-i] = m.infoOf(row)
	}
	return list, nil
}

// Find returns the key with this id, or ErrChanged if there is none.
func (m *Manager) Find(ctx context.Context, kid string) (Info, error) {
	list, err := m.List(ctx)
	if err != nil {
		return Info{}, err
	}
	i := slices.IndexFunc(list, func(k Info) bool { return k.KID == kid })
	if i < 0 {
		return Info{}, ErrChanged
	}
	return list[i], nil
}

func (m *Manager) infoOf(row store.SigningKey) Info {
	k := Info{
		KID: row.KID, Algorithm: row.Algorithm, CreatedAt: row.CreatedAt, ActivatesAt: row.ActivatesAt,
		ActivatedAt: row.ActivatedAt, NotAfter: row.NotAfter, WithdrawnAt: row.WithdrawnAt,
	}
	switch now := m.Now(); {
	case !row.WithdrawnAt.IsZero():
		k.State = Withdrawn
	case row.Active:
		k.State = Active
	case !row.ActivatesAt.IsZero():
		k.State = Next
	case row.NotAfter.After(now):
		k.State = Old
	default:
		k.State = Retired
	}
	if (k.State == Old || k.State == Retired) && k.Algorithm == RS256 {
		k.HintsUntil = k.NotAfter.Add(m.HintLife)
	}
	return k
}

// Rotate creates and publishes the next key of alg, which signs from now + PublishAhead on. It returns ErrAlgorithm, or
// ErrPending if there is a next key already: of concurrent calls, one succeeds.
func (m *Manager) Rotate(ctx context.Context, alg string, note AuditFunc) (Info, error) {
	if !slices.Contains(Algorithms, alg) {
		return Info{}, fmt.Errorf("%w: %q", ErrAlgorithm, alg)
	}
	list, err := m.List(ctx)
	if err != nil {
		return Info{}, err
	}
	for _, k := range list {
		if k.Algorithm == alg && k.State == Next {
			return k, ErrPending
		}
	}
	row, err := generateKey(m.sealer, alg, m.Now())
	if err != nil {
		return Info{}, err
	}
	row.ActivatesAt = row.CreatedAt.Add(PublishAhead)
	return m.storeChange(ctx, m.infoOf(row), note, store.AddKey(row))
}

// Activate makes a next key sign immediately. Verifiers that have not fetched it yet refuse its tokens until they
// do. It returns ErrChanged if kid is not a next key.
func (m *Manager) Activate(ctx context.Context, kid string, note AuditFunc) (Info, error) {
	k, err := m.Find(ctx, kid)
	if err != nil {
		return Info{}, err
	}
	if k.State != Next {
		return k, ErrChanged
	}
	now := m.Now()
	k.State, k.ActivatesAt, k.ActivatedAt = Active, time.Time{}, now
	return m.storeChange(ctx, k, note, store.ActivateKey(kid, k.Algorithm, now, m.publishedUntil(now)))
}

// Withdraw makes a key invalid immediately: verifiers refuse its tokens as soon as they fetch the keys. An active
// key is replaced by the next key, or by a new one. It returns ErrChanged if there is no such key, or it is
// withdrawn already.
func (m *Manager) Withdraw(ctx context.Context, kid string, note AuditFunc) (Info, error) {
	list, err := m.List(ctx)
	if err != nil {
		return Info{}, err
	}
	i := slices.IndexFunc(list, func(k Info) bool { return k.KID == kid && k.State != Withdrawn })
	if i < 0 {
		return Info{}, ErrChanged
	}
	k, now := list[i], m.Now()
	changes := []store.Change{store.WithdrawKey(kid, k.State == Active, now)}
	if k.State == Active {
		next := slices.IndexFunc(list, func(n Info) bool { return n.Algorithm == k.Algorithm && n.State == Next })
		if next >= 0 {
			changes = append(changes, store.ActivateKey(list[next].KID, k.Algorithm, now, m.publishedUntil(now)))
		} else {
			row, err := generateKey(m.sealer, k.Algorithm, now)
			if err != nil {
				return Info{}, err
			}
			row.Active, row.ActivatedAt = true, now
			changes = append(changes, store.AddKey(row))
		}
	}
	k.State, k.WithdrawnAt, k.NotAfter, k.ActivatesAt, k.HintsUntil = Withdrawn, now, now, time.Time{}, time.Time{}
	return m.storeChange(ctx, k, note, changes...)
}

// storeChange stores the changes to k and the audit row, and reloads the keys of this replica. A failed reload is only
// logged: Run repeats it.
func (m *Manager) storeChange(ctx context.Context, k Info, note AuditFunc, changes ...store.Change) (Info, error) {
	if note != nil {
		changes = append(changes, note(k))
	}
	if err := m.Records.Apply(ctx, changes...); err != nil {
		return k, err
	}
	if err := m.Reload(ctx); err != nil && ctx.Err() == nil {
		m.Logger.Warn("cannot reload the signing keys after a change", "error", err)
	}
	return k, nil
}
