package analytics

import (
	"context"
	"fmt"
	"time"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/events"
)

// pruneInterval is the interval at which expired data is deleted.
const pruneInterval = time.Hour

// consume reads the event stream until ctx ends. All replicas are members of one consumer group. No other function of
// this package reads events from Redis.
func (a *App) consume(ctx context.Context) error {
	consumer, err := events.NewConsumer(a.Redis, Service, a.Replica, a.Logger)
	if err != nil {
		return fmt.Errorf("analytics: %w", err)
	}
	return consumer.Run(ctx, a.HandleEvents)
}

// HandleEvents counts a batch of events and stores those that cannot be counted as rejected. It returns nil after the
// database commit; the consumer then acknowledges the batch. A batch that is delivered again changes nothing.
func (a *App) HandleEvents(ctx context.Context, batch []events.Event, malformed []events.Malformed) error {
	now := a.Now()
	facts := make([]fact.Fact, 0, len(batch))
	var rejected []fact.Rejected
	for _, e := range batch {
		f, reject := fact.FromEvent(e, now)
		if reject != nil {
			rejected = append(rejected, fact.RejectEvent(e, reject))
			continue
		}
		facts = append(facts, f)
	}
	for _, m := range malformed {
		rejected = append(rejected, fact.RejectEntry(m))
	}
	if _, err := a.store.Add(ctx, facts, rejected, now); err != nil {
		return err
	}
	for _, r := range rejected {
		a.Logger.Warn("event not counted", "event", r.ID, "reason", string(r.Reason), "detail", r.Detail)
	}
	return nil
}

// pruneHourly deletes data older than the retention every pruneInterval until ctx ends, and returns nil then. It logs
// errors. The first deletion waits for one interval, so that events that other replicas read but did not acknowledge
// are counted while the ids that identify duplicates are still stored.
func (a *App) pruneHourly(ctx context.Context) error {
	tick := time.NewTicker(pruneInterval)
	defer tick.Stop()
	for {
		a.foldPeople(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if n, err := a.store.Prune(ctx, a.Now()); err != nil && ctx.Err() == nil {
			a.Logger.Warn("cannot delete old events", "error", err)
		} else if n > 0 {
			a.Logger.Info("old events deleted", "events", n)
		}
	}
}

// foldPeople moves the active users that older versions stored as rows into sketches, and logs errors. It must run
// again after the first time: during a rolling upgrade, replicas of an older version still write such rows.
func (a *App) foldPeople(ctx context.Context) {
	n, err := a.store.FoldPeople(ctx)
	if err != nil && ctx.Err() == nil {
		a.Logger.Warn("cannot convert the counts of an older version", "error", err)
	} else if n > 0 {
		a.Logger.Info("converted the counts of an older version", "rows", n)
	}
}
