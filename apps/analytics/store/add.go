package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/db"
)

// Add stores the facts whose ids are new, counts them in the rollups, and stores the rejected events, in one
// transaction. It returns how many facts were new. Adding an event again changes nothing.
func (s *Store) Add(ctx context.Context, facts []fact.Fact, rejected []fact.Rejected, now time.Time) (added int, err error) {
	if len(facts) == 0 && len(rejected) == 0 {
		return 0, nil
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		var err error
		if added, err = s.addFacts(ctx, tx, facts, now); err != nil {
			return err
		}
		return s.addRejected(ctx, tx, rejected, now)
	})
	if err != nil {
		return 0, fmt.Errorf("analytics: add events: %w", err)
	}
	return added, nil
}

func (s *Store) addFacts(ctx context.Context, tx *sqlx.Tx, facts []fact.Fact, now time.Time) (int, error) {
	facts = slices.Clone(facts)
	slices.SortStableFunc(facts, func(a, b fact.Fact) int { return strings.Compare(a.ID, b.ID) })
	facts, err := addDeployments(ctx, tx, facts)
	if err != nil {
		return 0, err
	}
	// The sort is stable: of two facts with the same id the first one counts, here as in the database.
	fresh, err := insertEvents(ctx, tx, facts, now)
	if err != nil {
		return 0, err
	}
	var counted []fact.Fact
	for _, f := range facts {
		if fresh[f.ID] {
			counted = append(counted, f)
			delete(fresh, f.ID) // count an id only once, also if the batch has it twice
		}
	}
	return len(counted), addToRollups(ctx, tx, counted)
}

// insertEvents inserts the facts and returns the ids of those that were new.
func insertEvents(ctx context.Context, tx *sqlx.Tx, facts []fact.Fact, now time.Time) (map[string]bool, error) {
	in := insert{
		table:   "events",
		columns: []string{"id", "type", "variant", "app", "service", "subject", "cents", "data", "happened_at", "received_at"},
		tail:    "ON CONFLICT DO NOTHING RETURNING id",
	}
	for _, f := range facts {
		in.add(f.ID, f.Type, f.Variant, f.App, f.Service, f.Subject, f.Cents, f.Data, db.Millis(f.At), db.Millis(now))
	}
	ids, err := in.execReturning(ctx, tx)
	fresh := make(map[string]bool, len(ids))
	for _, id := range ids {
		fresh[id] = true
	}
	return fresh, err
}

func (s *Store) addRejected(ctx context.Context, tx *sqlx.Tx, rejected []fact.Rejected, now time.Time) error {
	if len(rejected) == 0 {
		return nil
	}
	rejected = slices.Clone(rejected)
	slices.SortStableFunc(rejected, func(a, b fact.Rejected) int { return strings.Compare(a.ID, b.ID) })
	in := insert{
		table:   "rejects",
		columns: []string{"id", "reason", "detail", "event", "received_at"},
		tail:    "ON CONFLICT DO NOTHING RETURNING reason",
	}
	for _, r := range rejected {
		in.add(r.ID, string(r.Reason), r.Detail, r.Event, db.Millis(now))
	}
	reasons, err := in.execReturning(ctx, tx)
	if err != nil {
		return err
	}
	totals := map[string]int64{}
	for _, r := range reasons {
		totals[r]++
	}
	skipped := insert{table: "skipped", columns: []string{"reason", "total"}, tail: "ON CONFLICT (reason) DO UPDATE SET total = skipped.total + excluded.total"}
	for _, reason := range sortedKeys(totals, strings.Compare) {
		skipped.add(reason, totals[reason])
	}
	if err := skipped.exec(ctx, tx); err != nil {
		return err
	}
	return db.Exec(ctx, tx, "rejects", `DELETE FROM rejects WHERE id NOT IN (SELECT id FROM rejects ORDER BY received_at DESC, id DESC LIMIT ?)`, s.retention.Rejects)
}
