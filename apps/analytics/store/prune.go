package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/apps/analytics/period"
	"gatehouse/db"
)

// pruneBatch limits how many rows one statement deletes, so that it holds the write lock only briefly.
const pruneBatch = 2000

// Prune deletes data older than the retention and returns how many raw events it deleted. Rollups keep counting raw
// events that are deleted.
func (s *Store) Prune(ctx context.Context, now time.Time) (events int64, err error) {
	oldest := db.Millis(now.Add(-s.keep.Raw))
	for {
		n, err := s.delete(ctx, `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE received_at < ? LIMIT ?)`, oldest, pruneBatch)
		if err != nil {
			return events, err
		}
		events += n
		if n < pruneBatch {
			break
		}
	}
	for _, width := range widths {
		// A bucket is deleted once it has expired as a whole.
		over := db.Millis(period.Floor(now.Add(-s.keep.Rollups), period.Day).Add(-width))
		for _, table := range []string{"rollups", "sales_rollups", "people_sketches"} {
			if _, err := s.delete(ctx, `DELETE FROM `+table+` WHERE width = ? AND at <= ?`, width.Milliseconds(), over); err != nil {
				return events, err
			}
		}
	}
	hour := db.Millis(period.Floor(now.Add(-s.keep.Rollups), period.Day))
	for _, query := range []string{
		`DELETE FROM hourly WHERE hour_at < ?`,
		`DELETE FROM people_hourly WHERE hour_at < ?`,
		`DELETE FROM people_daily WHERE day_at < ?`,
		`DELETE FROM sales_hourly WHERE hour_at < ?`,
	} {
		if _, err := s.delete(ctx, query, hour); err != nil {
			return events, err
		}
	}
	return events, nil
}

func (s *Store) delete(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.db.ExecContext(ctx, s.db.Rebind(query), args...)
	if err != nil {
		return 0, fmt.Errorf("analytics: prune: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("analytics: prune: %w", err)
	}
	return n, nil
}
