package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse.example/db"
)

// Apps returns the names of the apps with events since then, in alphabetical order.
func (s *Store) Apps(ctx context.Context, since time.Time) ([]string, error) {
	var apps []string
	err := db.Select(ctx, s.db, "analytics: apps", &apps, `SELECT DISTINCT app FROM hourly WHERE hour_at >= ? ORDER BY app`, db.Millis(since))
	return apps, err
}

// Since returns the hour of the oldest event that the rollups count, or the zero time if there is none.
func (s *Store) Since(ctx context.Context) (time.Time, error) {
	var first int64
	err := db.Get(ctx, s.db, "analytics: first event", &first, `SELECT COALESCE(MIN(hour_at), 0) FROM hourly`)
	return db.Time(first), err
}

// Empty reports whether the rollups count no event.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	var some bool
	err := db.Get(ctx, s.db, "analytics: look for events", &some, `SELECT EXISTS (SELECT 1 FROM hourly)`)
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
	var rejects []Reject
	err := db.Select(ctx, s.db, "analytics: rejects", &rejects, `SELECT id, reason, detail, event, received_at FROM rejects ORDER BY received_at DESC, id DESC LIMIT ?`, limit)
	return rejects, err
}

// Skipped returns how many events could not be counted since the database was created, by reason.
func (s *Store) Skipped(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		Reason string `db:"reason"`
		Total  int64  `db:"total"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT reason, total FROM skipped`); err != nil {
		return nil, fmt.Errorf("analytics: skipped: %w", err)
	}
	skipped := make(map[string]int64, len(rows))
	for _, r := range rows {
		skipped[r.Reason] = r.Total
	}
	return skipped, nil
}
