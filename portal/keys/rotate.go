package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/portal/store"
)

var (
	// ErrAlgorithm says that keys of such an algorithm are not made here.
	ErrAlgorithm = errors.New("keys: the algorithm is not known")
	// ErrPending says that the next key has been made already.
	ErrPending = store.ErrKeyPending
	// ErrChanged says that the key is not, or not any more, what it would have to be for this.
	ErrChanged = store.ErrKeyChanged
)

// State is where in its life a key is.
type State string

// The states, in the order of a key's life.
const (
	Next      State = "next"
	Active    State = "active"
	Old       State = "old"
	Retired   State = "retired"
	Withdrawn State = "withdrawn"
)

// Info is what may be shown of a key. Times that don't apply are zero.
type Info struct {
	KID         string
	Algorithm   string
	State       State
	CreatedAt   time.Time
	ActivatesAt time.Time // when it will sign
	ActivatedAt time.Time // when it began to sign; zero for the first keys
	NotAfter    time.Time // until when it is, or was, published
	HintsUntil  time.Time // until when its ID tokens are recognised as hints
	WithdrawnAt time.Time
}

// A Note is stored in the transaction of what was done to a key: a line of the audit.
type Note func(k Info) store.Change

// List are all keys that are kept, the newest first.
func (r *Rotor) List(ctx context.Context) ([]Info, error) {
	rows, err := r.Records.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Info, len(rows))
	for i, row := range rows {
		list[len(rows)-1-i] = r.info(row)
	}
	return list, nil
}

// Find is the key of this id; ErrChanged says that there is none.
func (r *Rotor) Find(ctx context.Context, kid string) (Info, error) {
	list, err := r.List(ctx)
	if err != nil {
		return Info{}, err
	}
	i := slices.IndexFunc(list, func(k Info) bool { return k.KID == kid })
	if i < 0 {
		return Info{}, ErrChanged
	}
	return list[i], nil
}

func (r *Rotor) info(row store.SigningKey) Info {
	k := Info{
		KID: row.KID, Algorithm: row.Algorithm, CreatedAt: row.CreatedAt, ActivatesAt: row.ActivatesAt,
		ActivatedAt: row.ActivatedAt, NotAfter: row.NotAfter, WithdrawnAt: row.WithdrawnAt,
	}
	switch now := r.Now(); {
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
		k.HintsUntil = k.NotAfter.Add(r.HintLife)
	}
	return k
}

// Rotate makes and publishes the next key of alg, which signs from now + Ahead on.
// ErrPending says that there is one already: of replicas that rotate at once, one does.
func (r *Rotor) Rotate(ctx context.Context, alg string, note Note) (Info, error) {
	if !slices.Contains(Algorithms, alg) {
		return Info{}, fmt.Errorf("%w: %q", ErrAlgorithm, alg)
	}
	list, err := r.List(ctx)
	if err != nil {
		return Info{}, err
	}
	for _, k := range list {
		if k.Algorithm == alg && k.State == Next {
			return k, ErrPending
		}
	}
	row, err := generate(r.sealer, alg, r.Now())
	if err != nil {
		return Info{}, err
	}
	row.ActivatesAt = row.CreatedAt.Add(Ahead)
	return r.apply(ctx, r.info(row), note, store.AddKey(row))
}

// Activate makes a next key sign at once. Whoever has not seen it yet refuses what
// it signs until they have. ErrChanged says that kid is not a next key.
func (r *Rotor) Activate(ctx context.Context, kid string, note Note) (Info, error) {
	k, err := r.Find(ctx, kid)
	if err != nil {
		return Info{}, err
	}
	if k.State != Next {
		return k, ErrChanged
	}
	now := r.Now()
	k.State, k.ActivatesAt, k.ActivatedAt = Active, time.Time{}, now
	return r.apply(ctx, k, note, store.ActivateKey(kid, k.Algorithm, now, r.lastUse(now)))
}

// Withdraw ends a key at once: nothing that it signed is believed any more, as soon
// as verifiers notice. In the place of an active key comes the next one, or a new
// one. ErrChanged says that kid is no key that could be withdrawn.
func (r *Rotor) Withdraw(ctx context.Context, kid string, note Note) (Info, error) {
	list, err := r.List(ctx)
	if err != nil {
		return Info{}, err
	}
	i := slices.IndexFunc(list, func(k Info) bool { return k.KID == kid && k.State != Withdrawn })
	if i < 0 {
		return Info{}, ErrChanged
	}
	k, now := list[i], r.Now()
	changes := []store.Change{store.WithdrawKey(kid, k.State == Active, now)}
	if k.State == Active {
		next := slices.IndexFunc(list, func(n Info) bool { return n.Algorithm == k.Algorithm && n.State == Next })
		if next >= 0 {
			changes = append(changes, store.ActivateKey(list[next].KID, k.Algorithm, now, r.lastUse(now)))
		} else {
			row, err := generate(r.sealer, k.Algorithm, now)
			if err != nil {
				return Info{}, err
			}
			row.Active, row.ActivatedAt = true, now
			changes = append(changes, store.AddKey(row))
		}
	}
	k.State, k.WithdrawnAt, k.NotAfter, k.ActivatesAt, k.HintsUntil = Withdrawn, now, now, time.Time{}, time.Time{}
	return r.apply(ctx, k, note, changes...)
}

// apply stores what was done to k, and brings this replica up to date. That the
// reload fails is no failure of what was done: Run repeats it.
func (r *Rotor) apply(ctx context.Context, k Info, note Note, changes ...store.Change) (Info, error) {
	if note != nil {
		changes = append(changes, note(k))
	}
	if err := r.Records.Apply(ctx, changes...); err != nil {
		return k, err
	}
	if err := r.Reload(ctx); err != nil && ctx.Err() == nil {
		r.Logger.Warn("the signing keys were not reloaded after a change", "error", err)
	}
	return k, nil
}
