package backchannel

import (
	"context"
	"sync"
	"time"

	"gatehouse/portal/store"
)

// Run delivers what is due, its own and other replicas', until ctx ends. It
// returns nil then, once what is under way has ended (deadline) and is written down (recording).
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

// Flush delivers what is due now, as Run does, and returns when each of it has been
// tried once. An error means that the outbox could not be read.
func (s *Sender) Flush(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	return s.start(ctx, &workers)
}

// start lets a worker begin for each client that is owed something and has none.
// It waits for no delivery.
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

// work delivers to one client until nothing is due, or until it fails and somebody
// is at it. It claims no more than can leave at once, since what is claimed and
// waits is lost to the other replicas; and it takes one seat at first, then two and
// so on, since most clients are owed no more.
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

// health is whether the outbox could be read the last time: a database that is
// away is reported once, not each second.
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
			s.Logger.Warn("logout tokens wait in the outbox", "error", err)
		} else {
			s.Logger.Info("logout tokens leave the outbox again")
		}
	}
}
