package revoke

import (
	"context"
	"errors"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
)

const (
	// syncInterval is the interval at which a replica checks the pending revocations and Redis.
	syncInterval = 250 * time.Millisecond
	// purgeInterval is the interval at which it deletes expired revocations.
	purgeInterval = 10 * time.Minute
	// lookBack is the number of recent revocations that are looked up one by one.
	lookBack = 5000
)

// syncState is the state of Redis at the last Sync.
type syncState struct {
	denylist.State
	trouble bool // Redis failed since: check for lost entries
}

// runSync calls Sync at intervals until ctx ends. Then it returns nil.
func (s *Service) runSync(ctx context.Context) error {
	tick := time.NewTicker(syncInterval)
	defer tick.Stop()
	var purged time.Time
	failing := false
	for {
		err := s.Sync(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, denylist.ErrBuilding) {
			err = nil // another replica is rebuilding
		}
		if failed := err != nil; failed != failing {
			failing = failed
			if failed {
				s.d.Logger.Warn("cannot update the denylist in Redis; revocations wait in the database", "error", err)
			} else {
				s.d.Logger.Info("updating the denylist in Redis again")
			}
		}
		if now := s.d.Now(); now.Sub(purged) >= purgeInterval {
			purged = now
			if err := s.d.Records.PurgeRevocations(ctx, now); err != nil && ctx.Err() == nil {
				s.d.Logger.Warn("cannot delete old revocations", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sync makes Redis consistent with the database: it rebuilds a set that is not complete, rewrites lost entries, and
// publishes pending ones. It is not for concurrent use.
func (s *Service) Sync(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			s.seen.trouble = true
		}
	}()
	within, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	now, err := s.d.Log.State(within)
	if err != nil {
		return err
	}
	s.publisher.epochs.saw(now.Epoch)
	if now.Position < s.seen.Position {
		s.publisher.epochs.wentBack()
	}
	if now.Epoch == "" {
		if err := s.publisher.rebuild(ctx); err != nil {
			return err
		}
	} else if err := s.mend(ctx, now); err != nil {
		return err
	}
	s.seen = syncState{State: now}
	return s.publishPending(ctx)
}

// mend writes the entries again that Redis lost: all that are newer than the highest number it knows; and, if Redis
// did not answer for a while or went back in time (a failover to a server that was slightly behind), the missing
// ones among the last lookBack.
func (s *Service) mend(ctx context.Context, now denylist.State) error {
	high, err := s.d.Records.HighestRevocation(ctx, s.d.Now())
	if err != nil {
		return err
	}
	suspect := s.seen.trouble || now.Position < s.seen.Position
	if now.High >= high && !suspect {
		return nil
	}
	lost, err := s.lost(ctx, now.High)
	if err != nil || len(lost) == 0 {
		return err
	}
	if _, err := s.publisher.publish(ctx, lost); err != nil {
		return err
	}
	s.d.Logger.Warn("Redis had lost revocations; restored them from the database", "entries", len(lost), "high", now.High, "expected", high)
	return nil
}

// lost returns the published revocations that are not in Redis: all above high, the highest number that Redis has,
// and the missing ones among the lookBack numbers up to high. The latter are looked up one by one, since revocations
// are not written in the order of their numbers.
func (s *Service) lost(ctx context.Context, high int64) (lost []store.Revocation, err error) {
	for r, err := range s.publisher.living(ctx, max(0, high-lookBack), true) {
		if err != nil {
			return nil, err
		}
		has := false
		if r.Seq <= high {
			if has, err = s.has(ctx, r); err != nil {
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
func (s *Service) has(ctx context.Context, r store.Revocation) (bool, error) {
	within, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	e, ok, err := s.d.Log.Find(within, denylist.Kind(r.Kind), r.Value)
	if errors.Is(err, denylist.ErrEntry) {
		return false, nil
	}
	return ok && !e.Before.Before(r.Before), err
}

// publishPending publishes revocations that were committed but have not reached Redis, and completes their receipts.
func (s *Service) publishPending(ctx context.Context) error {
	for {
		pending, err := s.d.Records.PendingRevocations(ctx, s.d.Now(), maxBatch)
		if err != nil || len(pending) == 0 {
			return err
		}
		w, err := s.publisher.publish(ctx, pending)
		if err != nil {
			return err
		}
		if err := s.d.Records.RevocationsPublished(ctx, seqsOf(pending), s.d.Now()); err != nil {
			return err
		}
		s.completing.Go(func() { s.completeReceipts(ctx, pending, w) })
	}
}
