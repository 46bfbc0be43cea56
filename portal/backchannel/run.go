package backchannel

import (
	"context"
	"sync"
	"time"
)

// Run delivers due notices, of this and of other replicas, until ctx ends. Then it waits for the attempts that have
// begun (deliveryTimeout) to be recorded (recordTimeout), and returns nil.
func (s *Sender) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var purged time.Time
	for {
		_ = s.startWorkers(ctx, &workers)
		if now := s.Now(); now.Sub(purged) > purgeInterval {
			purged = now
			if err := s.Records.PurgeNotices(ctx, now.Add(-deliveredRetention), now.Add(-givenUpRetention)); err != nil && ctx.Err() == nil {
				s.Logger.Warn("cannot delete old logout tokens", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// startWorkers starts a worker for each client with a due notice that has none. It does not wait for deliveries. Its
// error has been logged.
func (s *Sender) startWorkers(ctx context.Context, workers *sync.WaitGroup) error {
	due, err := s.Records.DueClients(ctx, s.Now())
	s.logOutboxState(ctx, err)
	for _, client := range due {
		if s.clients.claimWorker(client) {
			workers.Go(func() {
				defer s.clients.releaseWorker(client)
				s.deliverDue(ctx, client)
			})
		}
	}
	return err
}

// deliverDue delivers to one client until nothing is due, or until it fails while another delivery is under way. It
// claims only as many notices as can be sent immediately, since a claimed notice that waits is not available to other
// replicas. It starts with one slot and doubles the number, since most clients have few notices.
func (s *Sender) deliverDue(ctx context.Context, client string) {
	for limit := 1; ctx.Err() == nil; limit = min(2*limit, maxPerClient) {
		slots := s.clients.acquireUpTo(ctx, client, limit)
		if len(slots) == 0 {
			return
		}
		now := s.Now()
		notices, err := s.Records.ClaimNotices(ctx, client, now, now.Add(claimTimeout), len(slots))
		s.logOutboxState(ctx, err)
		for _, spare := range slots[len(notices):] {
			spare.release()
		}
		var wg sync.WaitGroup
		for i, n := range notices {
			wg.Go(func() { slots[i].finish(s.deliver(ctx, n).Delivered) })
		}
		wg.Wait()
		if len(notices) < len(slots) {
			return
		}
	}
}

// outboxState is whether the outbox could be read the last time, so that an unavailable database is logged once, not
// each second.
type outboxState struct {
	mu          sync.Mutex
	unavailable bool
}

func (s *Sender) logOutboxState(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	switch unavailable := err != nil; {
	case unavailable && !s.state.unavailable:
		s.Logger.Warn("cannot send logout tokens; they wait in the outbox", "error", err)
	case !unavailable && s.state.unavailable:
		s.Logger.Info("sending logout tokens again")
	}
	s.state.unavailable = err != nil
}
