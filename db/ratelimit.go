package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// RateLimit is how many writes of one kind fit into a window of time, which begins with the first of them.
type RateLimit struct {
	Max    int
	Window time.Duration
}

// RateLimitError says that a [RateLimit] is used up.
type RateLimitError struct{ Wait time.Duration } // until the next window

// Error tells the waiting time.
func (e *RateLimitError) Error() string { return fmt.Sprintf("database: rate limit: wait %s", e.Wait) }

// Take counts a write against the limit of key, in the transaction that writes: what is not committed is not counted,
// and writes of one key at once are counted one after the other. It returns a [*RateLimitError] when the limit is used
// up; then the transaction must be rolled back. The service's database has the table rate_limits.
func (l RateLimit) Take(ctx context.Context, tx *sqlx.Tx, key string, now time.Time) error {
	at, ends := Millis(now), Millis(now.Add(l.Window))
	var taken struct {
		Used   int
		EndsAt int64 `db:"ends_at"`
	}
	err := tx.GetContext(ctx, &taken, tx.Rebind(`INSERT INTO rate_limits (key, used, ends_at) VALUES (?, 1, ?)
		ON CONFLICT (key) DO UPDATE SET
			used = CASE WHEN rate_limits.ends_at <= ? THEN 1 ELSE rate_limits.used + 1 END,
			ends_at = CASE WHEN rate_limits.ends_at <= ? THEN excluded.ends_at ELSE rate_limits.ends_at END
		RETURNING used, ends_at`), key, ends, at, at)
	if err != nil {
		return fmt.Errorf("database: rate limit: %w", err)
	}
	if taken.Used > l.Max {
		return &RateLimitError{Wait: Time(taken.EndsAt).Sub(now)}
	}
	return nil
}

// GiveBack takes back one write that [RateLimit.Take] counted for key.
func (d *DB) GiveBack(ctx context.Context, key string) error {
	if _, err := d.ExecContext(ctx, d.Rebind(`UPDATE rate_limits SET used = used - 1 WHERE key = ? AND used > 0`), key); err != nil {
		return fmt.Errorf("database: give back to a rate limit: %w", err)
	}
	return nil
}

// PruneRateLimits deletes the counts of windows that have ended.
func (d *DB) PruneRateLimits(ctx context.Context, now time.Time) error {
	if _, err := d.ExecContext(ctx, d.Rebind(`DELETE FROM rate_limits WHERE ends_at <= ?`), Millis(now)); err != nil {
		return fmt.Errorf("database: prune rate limits: %w", err)
	}
	return nil
}
