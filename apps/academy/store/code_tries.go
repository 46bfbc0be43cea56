package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// CodeTries limits the wrong codes of rooms that Key, a person or a network, may try.
type CodeTries struct {
	Key   string
	Limit db.RateLimit
}

// CountTry counts a try of a code against each of all. It returns a [*db.RateLimitError], and counts nothing, if one of
// them is used up. The caller names all in the same order each time, so that no two transactions wait for each other.
func (s *Store) CountTry(ctx context.Context, all []CodeTries, now time.Time) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, t := range all {
			if err := t.Limit.Take(ctx, tx, t.Key, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count a try: %w", err)
	}
	return s.db.PruneRateLimits(ctx, now)
}

// ForgiveTry takes back what CountTry counted, because the code was right.
func (s *Store) ForgiveTry(ctx context.Context, all []CodeTries) error {
	for _, t := range all {
		if err := s.db.GiveBack(ctx, t.Key); err != nil {
			return fmt.Errorf("forgive a try: %w", err)
		}
	}
	return nil
}
