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
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var purged time.Time
	for {
		s.start(ctx, &workers)
		if now := s.Now(); now.Sub(purged) > purgeEvery {
			purged = now
			if err := s.Records.PurgeNotices(ctx, now.Add(-heardFor), now.Add(-givenUpFor)); err != nil && ctx.Err() == nil {
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

// Flush delivers the notices that are due now, as Run does, and returns when each has been tried once. It returns an
// error if the outbox can't be read.
func (s *Sender) Flush(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	return s.start(ctx, &workers)
}

// start starts a worker for each client with a due notice that has none. It does not wait for deliveries.
func (s *Sender) start(ctx context.Context, workers *sync.WaitGroup) error {
	due, err := s.Records.DueClients(ctx, s.Now())
	if s.noteHealth(ctx, err); err != nil {
		return err
	}
	for _, client := range due {
		if s.lanes.work(client) {
			workers.Go(func() {
				defer s.lanes.rest(client)
				s.work(ctx, client)
			})
		}
	}
	return nil
}

// work delivers to one client until nothing is due, or until it fails while another delivery is under way. It claims
// only as many notices as can be sent immediately, since a claimed notice that waits is not available to other
// replicas. It starts with one seat and doubles the number, since most clients have few notices.
func (s *Sender) work(ctx context.Context, client string) {
	for most := 1; ctx.Err() == nil; most = min(2*most, width) {
		seats := s.lanes.take(ctx, client, most)
		notices := s.claim(ctx, client, len(seats))
		for _, spare := range seats[len(notices):] {
			spare.unused()
		}
		var wg sync.WaitGroup
		for i, n := range notices {
			wg.Go(func() { seats[i].done(s.deliver(ctx, n).Heard) })
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
	notices, err := s.Records.ClaimNotices(ctx, client, now, now.Add(lease), most)
	s.noteHealth(ctx, err)
	return notices
}

// health is whether the outbox could be read the last time, so that an unavailable database is logged once, not each
// second.
type health struct {
	mu   sync.Mutex
	away bool
}

func (s *Sender) noteHealth(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	if away := err != nil; away != s.state.away {
		s.state.away = away
		if away {
			s.Logger.Warn("cannot send logout tokens; they wait in the outbox", "error", err)
		} else {
			s.Logger.Info("sending logout tokens again")
		}
	}
}
