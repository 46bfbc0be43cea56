package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/db"
)

// Counts are counts for the whole estate, each up to a limit.
type Counts struct {
	People    int // with an account
	Denied    int // entries of the denylist that have not expired
	Waiting   int // of these, those that Redis does not have yet
	Notices   int // logout notices that are neither delivered nor given up
	GivenUp int // notices that were given up
}

// Counts returns the counts at now, each up to limit.
func (s *Store) Counts(ctx context.Context, now time.Time, limit int) (t Counts, err error) {
	for _, count := range []struct {
		into  *int
		query string
		args  []any
	}{
		{&t.People, `SELECT 1 FROM users WHERE deleted_at IS NULL`, nil},
		{&t.Denied, `SELECT 1 FROM revocations WHERE until_at > ?`, []any{db.Millis(now)}},
		{&t.Waiting, `SELECT 1 FROM revocations WHERE published_at IS NULL AND +until_at > ?`, []any{db.Millis(now)}},
		{&t.Notices, `SELECT 1 FROM backchannel_outbox WHERE delivered_at IS NULL AND given_up_at IS NULL`, nil},
		{&t.GivenUp, `SELECT 1 FROM backchannel_outbox WHERE given_up_at IS NOT NULL`, nil},
	} {
		if *count.into, err = s.countUpTo(ctx, limit, count.query, count.args...); err != nil {
			return Counts{}, fmt.Errorf("store: tallies: %w", err)
		}
	}
	return t, nil
}
