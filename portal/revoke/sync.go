package revoke

import (
	"context"
	"errors"
	"time"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

const (
	// syncInterval is the interval at which a replica checks the pending revocations and Redis.
	syncInterval = 250 * time.Millisecond
	// purgeInterval is the interval at which it deletes expired revocations.
	purgeInterval = 10 * time.Minute
	// maxRechecked is the number of recent revocations that are looked up one by one.
	maxRechecked = 5000
)

// syncState is the state of Redis at the last Sync.
type syncState struct {
	denylist.State
	suspectLoss bool // Redis failed since: check for lost entries
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
		switch failed := err != nil; {
		case failed && !failing:
			s.d.Logger.Warn("cannot update the denylist in Redis; revocations wait in the database", "error", err)
		case !failed && failing:
			s.d.Logger.Info("the denylist in Redis is updated again")
		}
		failing = err != nil
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
			s.lastState.suspectLoss = true
		}
	}()
	within, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	now, err := s.d.Log.State(within)
	if err != nil {
		return err
	}
	s.publisher.epochs.observe(now.Epoch)
	if now.Position < s.lastState.Position {
		s.publisher.epochs.recordLoss()
	}
	if now.Epoch == "" {
		if err := s.publisher.rebuild(ctx); err != nil {
			return err
		}
	} else if err := s.restoreLost(ctx, now); err != nil {
		return err
	}
	s.lastState = syncState{State: now}
	return s.publishPending(ctx)
}

// restoreLost writes the entries again that Redis lost: all that are newer than the highest number it knows; and, if
// Redis did not answer for a while or went back in time (a failover to a server that was slightly behind), the missing
// ones among the last maxRechecked.
func (s *Service) restoreLost(ctx context.Context, now denylist.State) error {
	high, err := s.d.Records.HighestRevocation(ctx, s.d.Now())
	if err != nil {
		return err
	}
	suspect := s.lastState.suspectLoss || now.Position < s.lastState.Position
	if now.High >= high && !suspect {
		return nil
	}
	lost, err := s.findLost(ctx, now.High)
	if err != nil || len(lost) == 0 {
		return err
	}
	if _, err := s.publisher.publish(ctx, lost); err != nil {
		return err
	}
	s.d.Logger.Warn("Redis had lost revocations; restored them from the database", "entries", len(lost), "high", now.High, "expected", high)
	return nil
}

// findLost returns the published revocations that are not in Redis: all above high, the highest number that Redis has,
// and the missing ones among the maxRechecked numbers up to high. The latter are looked up one by one, since
// revocations are not written in the order of their numbers.
func (s *Service) findLost(ctx context.Context, high int64) (lost []store.Revocation, err error) {
	for r, err := range s.publisher.active(ctx, max(0, high-maxRechecked), true) {
		if err != nil {
			return nil, err
		}
		has := false
		if r.Seq <= high {
			if has, err = s.inRedis(ctx, r); err != nil {
				return nil, err
			}
		}
		if !has {
			lost = append(lost, r)
		}
	}
	return lost, nil
}

// inRedis reports whether Redis denies what r denies.
func (s *Service) inRedis(ctx context.Context, r store.Revocation) (bool, error) {
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
		if err := s.d.Records.MarkRevocationsPublished(ctx, seqsOf(pending), s.d.Now()); err != nil {
			return err
		}
		s.receiptJobs.Go(func() { s.completeReceipts(ctx, pending, w) })
	}
}
