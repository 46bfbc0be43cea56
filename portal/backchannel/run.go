package backchannel

import (
	"context"
	"sync"
	"time"

	"gatehouse/portal/store"
)

// Run delivers due notices, of this and of other replicas, until ctx ends. Then it waits for the attempts that have
// begun (deadline) to be recorded (recording), and returns nil.
func (s *Sender) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var purged time.Time
	for {
		s.startWorkers(ctx, &workers)
		if now := s.Now(); now.Sub(purged) > purgeInterval {
			purged = now
			if err := s.Records.PurgeNotices(ctx, now.Add(-deliveredRetention), now.Add(-givenUpRetention)); err != nil && ctx.Err() == nil {
				s.Logger.Warn("old logout tokens were not cleared away", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Flush delivers the notices that are due now, as Run does, and returns when each has been tried once. It returns an
// error if the outbox can't be read.
func (s *Sender) Flush(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	return s.startWorkers(ctx, &workers)
}

// startWorkers starts a worker for each client with a due notice that has none. It does not wait for deliveries.
func (s *Sender) startWorkers(ctx context.Context, workers *sync.WaitGroup) error {
	due, err := s.Records.DueClients(ctx, s.Now())
	if s.logOutboxState(ctx, err); err != nil {
		return err
	}
	for _, client := range due {
		if s.clients.claimWorker(client) {
			workers.Go(func() {
				defer s.clients.releaseWorker(client)
				s.deliverDue(ctx, client)
			})
		}
	}
	return nil
}

// deliverDue delivers to one client until nothing is due, or until it fails while another delivery is under way. It claims
// only as many notices as can be sent immediately, since a claimed notice that waits is not available to other
// replicas. It starts with one seat and doubles the number, since most clients have few notices.
func (s *Sender) deliverDue(ctx context.Context, client string) {
	for most := 1; ctx.Err() == nil; most = min(2*most, maxPerClient) {
		seats := s.clients.acquireUpTo(ctx, client, most)
		notices := s.claim(ctx, client, len(seats))
		for _, spare := range seats[len(notices):] {
			spare.release()
		}
		var wg sync.WaitGroup
		for i, n := range notices {
			wg.Go(func() { seats[i].finish(s.deliver(ctx, n).Delivered) })
		}
		wg.Wait()
		if len(notices) < len(seats) || len(seats) == 0 {
			return
		}
	}
}

func (s *Sender) claim(ctx context.Context, client string, most int) []store.Notice {
	if most == 0 {
		return nil
	}
	now := s.Now()
	notices, err := s.Records.ClaimNotices(ctx, client, now, now.Add(claimTimeout), most)
	s.logOutboxState(ctx, err)
	return notices
}

// outboxState is whether the outbox could be read the last time, so that an unavailable database is logged once, not each
// second.
type outboxState struct {
	mu   sync.Mutex
	unavailable bool
}

func (s *Sender) logOutboxState(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	if away := err != nil; away != s.state.unavailable {
		s.state.unavailable = away
		if away {
			s.Logger.Warn("logout tokens wait in the outbox", "error", err)
		} else {
			s.Logger.Info("logout tokens leave the outbox again")
		}
	}
}
