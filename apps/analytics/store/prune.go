package store

import (
	"context"
	"time"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/db"
)

// maxPruned limits how many rows one statement deletes, so that it holds the write lock only briefly.
const maxPruned = 2000

// Prune deletes data older than the retention and returns how many raw events it deleted. Rollups keep counting raw
// events that are deleted.
func (s *Store) Prune(ctx context.Context, now time.Time) (events int, err error) {
	oldest := db.Millis(now.Add(-s.retention.Raw))
	for {
		n, err := db.Change(ctx, s.db, "analytics: prune", `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE received_at < ? LIMIT ?)`, oldest, maxPruned)
		if err != nil {
			return events, err
		}
		events += n
		if n < maxPruned {
			break
		}
	}
	for _, width := range widths {
		// A bucket is deleted once it has expired as a whole.
		over := db.Millis(period.Floor(now.Add(-s.retention.Rollups), period.Day).Add(-width))
		for _, table := range []string{"rollups", "sales_rollups", "people_sketches"} {
			if _, err := db.Change(ctx, s.db, "analytics: prune", `DELETE FROM `+table+` WHERE width = ? AND at <= ?`, width.Milliseconds(), over); err != nil {
				return events, err
			}
		}
	}
	hour := db.Millis(period.Floor(now.Add(-s.retention.Rollups), period.Day))
	for _, query := range []string{
		`DELETE FROM hourly WHERE hour_at < ?`,
		`DELETE FROM people_hourly WHERE hour_at < ?`,
		`DELETE FROM people_daily WHERE day_at < ?`,
		`DELETE FROM sales_hourly WHERE hour_at < ?`,
	} {
		if _, err := db.Change(ctx, s.db, "analytics: prune", query, hour); err != nil {
			return events, err
		}
	}
	// Requests contain names and addresses.
	if err := db.Exec(ctx, s.db, "analytics: prune", `DELETE FROM access_requests WHERE at < ?`, db.Millis(now.Add(-keepAccessRequests))); err != nil {
		return events, err
	}
	if err := db.Exec(ctx, s.db, "analytics: prune", `DELETE FROM deployments WHERE at < ?`, hour); err != nil {
		return events, err
	}
	if err := s.pruneCohorts(ctx, now); err != nil {
		return events, err
	}
	return events, s.db.PruneRateLimits(ctx, now)
}
