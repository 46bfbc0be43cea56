package revoke

import (
	"context"
	"errors"
	"time"

	"gatehouse.example/portal/store"
)

const (
	// maxDenialBatch is the maximum number of sign-ins that end in one transaction, which holds SQLite's only write
	// lock. It is above the limit of an account, so that one batch is enough for nearly all.
	maxDenialBatch = 128
	// pauseFactor is the delay before the next batch, as a multiple of the duration of the last, so that others can
	// write.
	pauseFactor = 2
	// denialInterval is the interval at which a replica looks for denials that another one did not finish.
	denialInterval = 5 * time.Second
	// claimTimeout is how long a denial is reserved for the replica that works on it; each batch renews it.
	claimTimeout = 30 * time.Second
)

// runDenials ends the sign-ins of denials that Revoke did not finish, until ctx ends. Then it returns nil.
func (s *Service) runDenials(ctx context.Context) error {
	tick := time.NewTicker(denialInterval)
	defer tick.Stop()
	failing := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			err = s.FinishDenials(ctx)
		case r := <-s.unfinished:
			err = s.finishDenial(ctx, r)
		}
		failed := err != nil && ctx.Err() == nil
		if failed && !failing {
			s.d.Logger.Warn("cannot end all denied sign-ins yet", "error", err)
		}
		failing = failed
	}
}

// FinishDenials ends the sign-ins of all denials that no other replica works on.
func (s *Service) FinishDenials(ctx context.Context) error {
	for {
		now := s.d.Now()
		r, err := s.d.Records.ClaimDenial(ctx, now, now.Add(claimTimeout))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = s.finishDenial(ctx, r)
		}
		if err != nil {
			return err
		}
	}
}

// finishDenial ends the sign-ins that r denies, in batches with pauses so that others can write, and then completes the
// receipt.
func (s *Service) finishDenial(ctx context.Context, r store.Revocation) error {
	ended := 0
	for more := true; more; {
		began := time.Now()
		var out store.Outcome
		var err error
		now := s.d.Now()
		if out, more, err = s.d.Records.EndDeniedSignIns(ctx, r, maxDenialBatch, now, now, now.Add(claimTimeout)); err != nil {
			return err
		}
		ended += len(out.Ended)
		s.endSessions(ctx, out.Ended)
		if more {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pauseFactor * time.Since(began)):
			}
		}
	}
	_ = s.changeReceipt(ctx, receiptOf(r), func(receipt *Receipt) bool {
		changed := ended > 0 || receipt.Ending
		receipt.Ended, receipt.Ending = receipt.Ended+ended, false
		return changed
	})
	return nil
}
