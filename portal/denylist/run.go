package denylist

import (
	"context"
	"errors"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
)

const (
	// every is how often a keeper looks at what is pending and at Redis.
	every = 250 * time.Millisecond
	// purgeEvery is how often it clears away what matters no more.
	purgeEvery = 10 * time.Minute
	// lookBack is how many of the last revocations are looked for one by one.
	lookBack = 5000
)

// Run keeps Redis as the database says until ctx ends. It returns nil then.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var purged time.Time
	failing := false
	for {
		err := k.Sync(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, denylist.ErrBuilding) {
			err = nil // another replica is at it
		}
		if failed := err != nil; failed != failing {
			failing = failed
			if failed {
				k.Logger.Warn("the denylist in Redis is not kept; what was revoked waits in the database", "error", err)
			} else {
				k.Logger.Info("the denylist in Redis is kept again")
			}
		}
		if now := k.Now(); now.Sub(purged) >= purgeEvery {
			purged = now
			if err := k.Records.PurgeRevocations(ctx, now); err != nil && ctx.Err() == nil {
				k.Logger.Warn("old revocations were not cleared away", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-k.wake:
		}
	}
}

// Sync does once what Run does all the time.
func (k *Keeper) Sync(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			k.trouble = true
		}
	}()
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now, err := k.Log.State(within)
	if err != nil {
		return err
	}
	k.epochs.saw(now.Epoch)
	if now.Position < k.state.Position {
		k.epochs.wentBack()
	}
	if now.Epoch == "" {
		if err := k.rebuild(ctx); err != nil {
			return err
		}
	} else if err := k.mend(ctx, now); err != nil {
		return err
	}
	k.state, k.trouble = now, false
	return k.publishPending(ctx)
}

// mend writes again what Redis had and lost: all that is newer than what it knows of;
// and, when it did not answer for a while or went back in time (a failover to a
// server that was a little behind), whatever is missing of the last ones.
func (k *Keeper) mend(ctx context.Context, now denylist.State) error {
	high, err := k.Records.HighestRevocation(ctx, k.Now())
	if err != nil {
		return err
	}
	suspect := k.trouble || now.Position < k.state.Position
	if now.High >= high && !suspect {
		return nil
	}
	lost, err := k.lost(ctx, now.High)
	if err != nil || len(lost) == 0 {
		return err
	}
	if _, err := k.Publish(ctx, lost); err != nil {
		return err
	}
	k.Logger.Warn("Redis had lost revocations; they were written again", "entries", len(lost), "high", now.High, "expected", high)
	return nil
}

// lost are the published revocations that Redis, which knows of those up to high,
// does not have. Of those up to high the last few thousand are looked for: they are
// not written in the order of their numbers.
func (k *Keeper) lost(ctx context.Context, high int64) (lost []store.Revocation, err error) {
	for r, err := range k.living(ctx, max(0, high-lookBack), true) {
		if err != nil {
			return nil, err
		}
		has := false
		if r.Seq <= high {
			if has, err = k.has(ctx, r); err != nil {
				return nil, err
			}
		}
		if !has {
			lost = append(lost, r)
		}
	}
	return lost, nil
}

// has reports whether Redis denies what r denies.
func (k *Keeper) has(ctx context.Context, r store.Revocation) (bool, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e, ok, err := k.Log.Find(within, denylist.Kind(r.Kind), r.Value)
	if errors.Is(err, denylist.ErrEntry) {
		return false, nil
	}
	return ok && !e.Before.Before(r.Before), err
}

// publishPending publishes what whoever wrote it did not.
func (k *Keeper) publishPending(ctx context.Context) error {
	for {
		pending, err := k.Records.PendingRevocations(ctx, k.Now(), atOnce)
		if err != nil || len(pending) == 0 {
			return err
		}
		w, err := k.Publish(ctx, pending)
		if err != nil {
			return err
		}
		seqs := make([]int64, len(pending))
		for i, r := range pending {
			seqs[i] = r.Seq
		}
		if err := k.Records.RevocationsPublished(ctx, seqs, k.Now()); err != nil {
			return err
		}
		k.Late(pending, w)
	}
}
