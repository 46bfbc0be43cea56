package backchannel

import (
	"context"
	"time"
)

// Run delivers what is due, its own and other replicas', until ctx ends. It
// returns nil then.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var purged time.Time
	failing := false
	for {
		n, err := s.Flush(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if failed := err != nil; failed != failing {
			failing = failed
			if failed {
				s.Logger.Warn("logout tokens wait in the outbox", "error", err)
			} else {
				s.Logger.Info("logout tokens leave the outbox again")
			}
		}
		if now := s.Now(); now.Sub(purged) > purgeEvery {
			purged = now
			if err := s.Records.PurgeNotices(ctx, now.Add(-keptFor)); err != nil && ctx.Err() == nil {
				s.Logger.Warn("old logout tokens were not cleared away", "error", err)
			}
		}
		if n == batch {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Flush delivers one batch of what is due now, and reports how many it tried.
func (s *Sender) Flush(ctx context.Context) (int, error) {
	now := s.Now()
	notices, err := s.Records.ClaimNotices(ctx, now, now.Add(lease), batch)
	if err != nil {
		return 0, err
	}
	for i := range notices {
		notices[i].Attempts-- // claiming has counted this attempt already
	}
	s.Deliver(ctx, notices)
	return len(notices), nil
}
