package revoke

import (
	"context"
	"errors"
	"time"

	"gatehouse/portal/store"
)

const (
	// tidyBatch is the maximum number of sign-ins that end in one transaction, which holds SQLite's only write lock.
	// It is above the limit of an account, so that one batch is enough for nearly all.
	tidyBatch = 128
	// tidyPause is the delay before the next batch, as a multiple of the duration of the last, so that others can
	// write.
	tidyPause = 2
	// tidyInterval is the interval at which a replica looks for denials that another one did not finish.
	tidyInterval = 5 * time.Second
	// tidyLease is how long a denial is reserved for the replica that works on it; each batch renews it.
	tidyLease = 30 * time.Second
)

// continueLater hands denial r to runTidy. If the queue is full, a replica finds it after its lease.
func (s *Service) continueLater(r store.Revocation) {
	select {
	case s.unfinished <- r:
	default:
	}
}

// runTidy ends the sign-ins of denials that Revoke did not finish, until ctx ends. Then it returns nil.
func (s *Service) runTidy(ctx context.Context) error {
	tick := time.NewTicker(tidyInterval)
	defer tick.Stop()
	failing := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			err = s.Tidy(ctx)
		case r := <-s.unfinished:
			err = s.tidyOne(ctx, r)
		}
		if failed := err != nil && ctx.Err() == nil; failed != failing {
			if failing = failed; failed {
				s.d.Logger.Warn("cannot end denied sign-ins yet", "error", err)
			}
		}
	}
}

// Tidy ends the sign-ins of all denials that no other replica works on. It pauses between batches, so that others
// can write.
func (s *Service) Tidy(ctx context.Context) error {
	for {
		now := s.d.Now()
		r, err := s.d.Records.ClaimDenial(ctx, now, now.Add(tidyLease))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = s.tidyOne(ctx, r)
		}
		if err != nil {
			return err
		}
	}
}

func (s *Service) tidyOne(ctx context.Context, r store.Revocation) error {
	ended := 0
	for more := true; more; {
		began := time.Now()
		var out store.Outcome
		var err error
		now := s.d.Now()
		if out, more, err = s.d.Records.EndDenied(ctx, r, tidyBatch, now, now, now.Add(tidyLease)); err != nil {
			return err
		}
		ended += len(out.Ended)
		s.endSessions(ctx, out.Ended)
		if more {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(tidyPause * time.Since(began)):
			}
		}
	}
	_ = s.changeReceipt(ctx, receiptOf(r), func(receipt *Receipt) bool {
		changed := ended > 0 || receipt.Tidying
		receipt.Ended, receipt.Tidying = receipt.Ended+ended, false
		return changed
	})
	return nil
}
