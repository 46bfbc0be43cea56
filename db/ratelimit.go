package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// RateLimit is the maximum number of writes of one kind within a window of time, which begins with the first of them.
type RateLimit struct {
	Max    int
	Window time.Duration
}

// RateLimitError is returned when a [RateLimit] is exceeded.
type RateLimitError struct{ Wait time.Duration } // until the next window

// Error returns a message with the waiting time.
func (e *RateLimitError) Error() string { return fmt.Sprintf("database: rate limit: wait %s", e.Wait) }

// Count counts a write against the limit of key, in the transaction that writes: a write that is rolled back is not
// counted, and concurrent writes of one key are counted one after the other. It returns a [*RateLimitError] when the
// limit is exceeded; then the caller must roll the transaction back. It needs the table rate_limits.
func (l RateLimit) Count(ctx context.Context, tx *sqlx.Tx, key string, now time.Time) error {
	at, ends := Millis(now), Millis(now.Add(l.Window))
	type row struct {
		Used   int
		EndsAt time.Time `db:"ends_at"`
	}
	taken, err := One[row](ctx, tx, "database: rate limit", `INSERT INTO rate_limits (key, used, ends_at) VALUES (?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET
			used = CASE WHEN rate_limits.ends_at <= ? THEN 1 ELSE rate_limits.used + 1 END,
			ends_at = CASE WHEN rate_limits.ends_at <= ? THEN excluded.ends_at ELSE rate_limits.ends_at END
		RETURNING used, ends_at`, key, ends, at, at)
	if err != nil {
		return err
	}
	if taken.Used > l.Max {
		return &RateLimitError{Wait: taken.EndsAt.Sub(now)}
	}
	return nil
}

// Uncount uncounts one write that [RateLimit.Count] counted for key.
func (d *DB) Uncount(ctx context.Context, key string) error {
	return Exec(ctx, d, "database: give back to a rate limit", `UPDATE rate_limits SET used = used - 1 WHERE key = ? AND used > 0`, key)
}

// PruneRateLimits deletes the counters of windows that have ended.
func (d *DB) PruneRateLimits(ctx context.Context, now time.Time) error {
	lock := ""
	if d.Dialect == Postgres { // leave what another transaction is counting
		lock = ` FOR UPDATE SKIP LOCKED`
	}
	return Exec(ctx, d, "database: prune rate limits", `DELETE FROM rate_limits WHERE key IN (SELECT key FROM rate_limits WHERE ends_at <= ?`+lock+`)`, Millis(now))
}
