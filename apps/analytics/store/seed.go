package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/db"
)

const demonstration = "demonstration"

// Seed adds the facts that make returns, once per database and only if there is no history yet. Events received in the
// last hour do not count as history, since other replicas may already have counted some. It reports whether it added
// the facts.
func (s *Store) Seed(ctx context.Context, make func() []fact.Fact, until time.Time) (bool, error) {
	if done, err := s.seeded(ctx); done || err != nil { // every start but the first ends here, without the write lock
		return false, err
	}
	seeded := false
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if n, err := db.Change(ctx, tx, "seeds", `INSERT INTO seeds (name, until_at) VALUES (?, 0) ON CONFLICT DO NOTHING`, demonstration); err != nil || n == 0 {
			return err
		}
		history, err := db.One[bool](ctx, tx, "events", `SELECT EXISTS (SELECT 1 FROM events WHERE received_at < ?)`, db.Millis(until.Add(-time.Hour)))
		if err != nil || history {
			return err
		}
		if _, err := s.addFacts(ctx, tx, make(), until); err != nil {
			return err
		}
		err = db.Exec(ctx, tx, "seeds", `UPDATE seeds SET until_at = ? WHERE name = ?`, db.Millis(until), demonstration)
		seeded = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("analytics: demonstration history: %w", err)
	}
	return seeded, nil
}

func (s *Store) seeded(ctx context.Context) (bool, error) {
	return db.One[bool](ctx, s.db, "analytics: demonstration history", `SELECT EXISTS (SELECT 1 FROM seeds WHERE name = ?)`, demonstration)
}

// DemoUntil returns when the demonstration history ends, or the zero time if there is none.
func (s *Store) DemoUntil(ctx context.Context) (time.Time, error) {
	until, err := db.One[int64](ctx, s.db, "analytics: demonstration history", `SELECT until_at FROM seeds WHERE name = ?`, demonstration)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return time.Time{}, err
	}
	return db.Time(until), nil
}
