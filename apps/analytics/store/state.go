package store

import (
	"context"
	"time"

	"gatehouse.example/db"
)

// Apps returns the names of the apps with events since then, in alphabetical order.
func (s *Store) Apps(ctx context.Context, since time.Time) ([]string, error) {
	return db.All[string](ctx, s.db, "analytics: apps", `SELECT DISTINCT app FROM hourly WHERE hour_at >= ? ORDER BY app`, db.Millis(since))
}

// Since returns the hour of the oldest event that the rollups count, or the zero time if there is none.
func (s *Store) Since(ctx context.Context) (time.Time, error) {
	first, err := db.One[int64](ctx, s.db, "analytics: first event", `SELECT COALESCE(MIN(hour_at), 0) FROM hourly`)
	return db.Time(first), err
}

// Empty reports whether the rollups count no event.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	some, err := db.One[bool](ctx, s.db, "analytics: look for events", `SELECT EXISTS (SELECT 1 FROM hourly)`)
	return !some, err
}

// Reject is an event that could not be counted.
type Reject struct {
	ID         string `db:"id"`
	Reason     string `db:"reason"`
	Detail     string `db:"detail"`
	Event      string `db:"event"`
	ReceivedAt int64  `db:"received_at"`
}

// Rejects returns the newest events that could not be counted, at most limit.
func (s *Store) Rejects(ctx context.Context, limit int) ([]Reject, error) {
	return db.All[Reject](ctx, s.db, "analytics: rejects", `SELECT id, reason, detail, event, received_at FROM rejects ORDER BY received_at DESC, id DESC LIMIT ?`, limit)
}

// Skipped returns how many events could not be counted since the database was created, by reason.
func (s *Store) Skipped(ctx context.Context) (map[string]int64, error) {
	type row struct {
		Reason string `db:"reason"`
		Total  int64  `db:"total"`
	}
	rows, err := db.All[row](ctx, s.db, "analytics: skipped", `SELECT reason, total FROM skipped`)
	if err != nil {
		return nil, err
	}
	skipped := make(map[string]int64, len(rows))
	for _, r := range rows {
		skipped[r.Reason] = r.Total
	}
	return skipped, nil
}
