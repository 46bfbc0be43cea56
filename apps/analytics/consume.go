package analytics

import (
	"context"
	"fmt"
	"time"

	"gatehouse/apps/analytics/fact"
	"gatehouse/events"
)

// pruneEvery is how often what is older than the retention goes.
const pruneEvery = time.Hour

// consume reads the stream as a member of the group that all replicas share. This is the only place here that speaks to Redis
// about events.
func (a *App) consume(ctx context.Context) error {
	consumer, err := events.NewConsumer(a.Redis, Service, a.Replica, a.Logger)
	if err != nil {
		return fmt.Errorf("analytics: %w", err)
	}
	return consumer.Run(ctx, a.Take)
}

// Take counts a batch of events and keeps those that can't be counted. The batch is acknowledged when it returns nil, which is
// after the commit; killed in between, it comes again and changes nothing.
func (a *App) Take(ctx context.Context, batch []events.Event, malformed []events.Malformed) error {
	now := a.Now()
	facts := make([]fact.Fact, 0, len(batch))
	var rejected []fact.Rejected
	for _, e := range batch {
		f, reject := fact.Of(e, now)
		if reject != nil {
			rejected = append(rejected, fact.Keep(e, reject))
			continue
		}
		facts = append(facts, f)
	}
	for _, m := range malformed {
		rejected = append(rejected, fact.KeepEntry(m))
	}
	if _, err := a.store.Add(ctx, facts, rejected, now); err != nil {
		return err
	}
	for _, r := range rejected {
		a.Logger.Warn("an event is not counted", "event", r.ID, "reason", string(r.Reason), "detail", r.Detail)
	}
	return nil
}

// keepHouse deletes what is older than the retention. The first time is not at once: what other members had read and not
// confirmed is counted before the ids it would be recognised by can go.
func (a *App) keepHouse(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		a.foldPeople(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if n, err := a.store.Prune(ctx, a.Now()); err != nil && ctx.Err() == nil {
			a.Logger.Warn("old events can't be deleted just now", "error", err)
		} else if n > 0 {
			a.Logger.Info("old events deleted", "events", n)
		}
	}
}

// foldPeople counts who was active by what versions before left in the database. Replicas of those may go on leaving it
// there until the last of them is replaced.
func (a *App) foldPeople(ctx context.Context) {
	n, err := a.store.FoldPeople(ctx)
	if err != nil && ctx.Err() == nil {
		a.Logger.Warn("people counted by an older version can't be taken over just now", "error", err)
	} else if n > 0 {
		a.Logger.Info("people counted by an older version taken over", "rows", n)
	}
}
