// Package denylist keeps the denylist in Redis as the portal's database says it must
// be. The database is the truth: an ending writes its revocations there, in the
// transaction that ends the sign-ins, and then to Redis. Whatever happens in between
// or afterwards, a keeper in each replica of the portal mends:
//
//	portal killed between the two writes   → any replica publishes what is pending
//	Redis away                             → it waits, and publishes when it is back
//	Redis restarted empty (no epoch)       → the set is rebuilt before anyone is let in
//	Redis behind (a failover lost writes)  → what it lost is written again
//
// To write an entry twice does no harm, so replicas need not take turns.
package denylist

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
)

const (
	// atOnce is how many revocations go to Redis together.
	atOnce = 500
	// page is how many are read from the database at a time.
	page = 2000
	// patience bounds one exchange with Redis, so that nobody waits for one that hangs.
	patience = 2 * time.Second
	// retry is after how long a write is tried again that waits for another replica.
	retry = 20 * time.Millisecond
)

// Records is the part of the store that a keeper needs.
type Records interface {
	PendingRevocations(ctx context.Context, now time.Time, limit int) ([]store.Revocation, error)
	LivingRevocations(ctx context.Context, after int64, now time.Time, published bool, limit int) ([]store.Revocation, error)
	RevocationsPublished(ctx context.Context, seqs []int64, now time.Time) error
	HighestRevocation(ctx context.Context, now time.Time) (int64, error)
	PurgeRevocations(ctx context.Context, now time.Time) error
}

// Log is the denylist in Redis (denylist.Log).
type Log interface {
	Write(ctx context.Context, entries ...denylist.Entry) (denylist.Written, error)
	Await(ctx context.Context, w denylist.Written, bound time.Duration, each func(denylist.Confirmation)) denylist.Receipt
	State(ctx context.Context) (denylist.State, error)
	Rebuild(ctx context.Context, high int64, all iter.Seq2[denylist.Entry, error]) error
	Find(ctx context.Context, k denylist.Kind, value string) (denylist.Entry, bool, error)
}

// Deps are what a Keeper needs. Late, if given, hears of what was published without
// whoever ended it waiting: it must not block.
type Deps struct {
	Records Records
	Log     Log
	Now     func() time.Time
	Logger  *slog.Logger
	Late    func(published []store.Revocation, w denylist.Written)
}

// Keeper keeps Redis as the database says.
type Keeper struct {
	Deps
	wake    chan struct{}
	state   denylist.State // of Redis, as Run saw it last
	trouble bool           // Redis failed since: what it lost is looked for when it is back
	epochs  epochs
}

// New refuses a missing dependency.
func New(d Deps) (*Keeper, error) {
	if d.Records == nil || d.Log == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("denylist: a dependency is missing")
	}
	if d.Late == nil {
		d.Late = func([]store.Revocation, denylist.Written) {}
	}
	return &Keeper{Deps: d, wake: make(chan struct{}, 1), trouble: true}, nil
}

// OnLate sets Deps.Late. It is for before Run.
func (k *Keeper) OnLate(f func(published []store.Revocation, w denylist.Written)) { k.Late = f }

// Publish writes revocations to Redis, where every replica finds them, and rebuilds
// a set that is not complete first. An error means that it is not known whether they
// are there: Run tries again as long as they are not noted as published.
func (k *Keeper) Publish(ctx context.Context, revocations []store.Revocation) (denylist.Written, error) {
	var w denylist.Written
	entries := entriesOf(revocations)
	if len(entries) == 0 {
		return w, nil
	}
	for len(entries) > 0 {
		n := min(len(entries), atOnce)
		var err error
		if w, err = k.write(ctx, entries[:n]); err != nil {
			return w, fmt.Errorf("denylist: publish: %w", err)
		}
		entries = entries[n:]
	}
	return w, nil // whoever confirms the last has the ones before it
}

func (k *Keeper) write(ctx context.Context, entries []denylist.Entry) (denylist.Written, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		w, err := k.Log.Write(within, entries...)
		if err == nil {
			var s denylist.State
			if s, err = k.Log.State(within); err == nil {
				k.epochs.saw(s.Epoch)
			}
		}
		if !errors.Is(err, denylist.ErrEmpty) {
			return w, err
		}
		k.epochs.saw("")
		if err := k.rebuild(ctx); errors.Is(err, denylist.ErrBuilding) {
			select { // another replica is at it
			case <-within.Done():
				return w, err
			case <-time.After(retry):
			}
		} else if err != nil {
			return w, err
		}
	}
}

// rebuild gives Redis everything that is denied.
func (k *Keeper) rebuild(ctx context.Context) error {
	high, err := k.Records.HighestRevocation(ctx, k.Now())
	if err != nil {
		return err
	}
	n := 0
	all := func(yield func(denylist.Entry, error) bool) {
		for r, err := range k.living(ctx, 0, false) {
			n++
			if !yield(entryOf(r), err) {
				return
			}
		}
	}
	if err := k.Log.Rebuild(ctx, high, all); err != nil {
		return err
	}
	if n > 0 {
		k.Logger.Info("the denylist was rebuilt from the database", "entries", n)
	}
	return nil
}

// living are all revocations with a number above after that still matter, in order.
func (k *Keeper) living(ctx context.Context, after int64, published bool) iter.Seq2[store.Revocation, error] {
	return func(yield func(store.Revocation, error) bool) {
		for {
			rows, err := k.Records.LivingRevocations(ctx, after, k.Now(), published, page)
			if err != nil {
				yield(store.Revocation{}, err)
				return
			}
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
				after = r.Seq
			}
			if len(rows) < page {
				return
			}
		}
	}
}

// Wake makes Run look for what is pending now.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func entriesOf(revocations []store.Revocation) []denylist.Entry {
	entries := make([]denylist.Entry, len(revocations))
	for i, r := range revocations {
		entries[i] = entryOf(r)
	}
	return entries
}

func entryOf(r store.Revocation) denylist.Entry {
	return denylist.Entry{
		Kind: denylist.Kind(r.Kind), Value: r.Value, Before: r.Before, Until: r.Until,
		Reason: r.Reason, Note: r.Note, By: r.By, Client: r.Client, At: r.At, Seq: r.Seq,
	}
}
