package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// CodeTries limits the wrong room codes of Key, a user or a network.
type CodeTries struct {
	Key   string
	Limit db.RateLimit
}

// CountTry counts a try of a code against each of all. It returns a [*db.RateLimitError] and counts nothing if one of
// the limits is reached. Callers must always pass them in the same order, so that transactions do not deadlock.
func (s *Store) CountTry(ctx context.Context, all []CodeTries, now time.Time) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, t := range all {
			if err := t.Limit.Count(ctx, tx, t.Key, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count a try: %w", err)
	}
	return nil
}

// PruneTries deletes the counters whose limits' windows have ended at now.
func (s *Store) PruneTries(ctx context.Context, now time.Time) error {
	return s.db.PruneRateLimits(ctx, now)
}

// ForgiveTry undoes CountTry after a right code.
func (s *Store) ForgiveTry(ctx context.Context, all []CodeTries) error {
	for _, t := range all {
		if err := s.db.Uncount(ctx, t.Key); err != nil {
			return fmt.Errorf("forgive a try: %w", err)
		}
	}
	return nil
}
