package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// ErrNotFound means that there is no such record.
var ErrNotFound = errors.New("store: no such record")

// Store is the portal's database. It is safe for concurrent use.
type Store struct {
	db     *db.DB
	locked []string
}

// New returns a store on d, which must be migrated, or an error if d is nil. The users with the ids locked can't sign in.
func New(d *db.DB, locked ...string) (*Store, error) {
	if d == nil {
		return nil, errors.New("store: a database is needed")
	}
	return &Store{db: d, locked: locked}, nil
}

// Locked reports whether the user can't sign in to this portal, whatever the database says of them.
func (s *Store) Locked(userID string) bool { return slices.Contains(s.locked, userID) }

// toList encodes a list as a JSON array.
func toList(items []string) string {
	if len(items) == 0 {
		return "[]"
	}
	raw, _ := json.Marshal(items) // strings always marshal
	return string(raw)
}

// fromList decodes a list that toList encoded.
func fromList(raw string) ([]string, error) {
	var items []string
	if err := json.Unmarshal([]byte(raw), &items); err != nil {
		return nil, fmt.Errorf("store: a list is not a JSON array of strings: %w", err)
	}
	return items, nil
}

// timeOf converts an optional column to a time; NULL is the zero time.
func timeOf(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return db.Time(*ms)
}

// millisOf converts an optional time for a column; the zero time is NULL.
func millisOf(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := db.Millis(t)
	return &ms
}

// Change is a write that is part of a transaction: a ban in the transaction that ends the user's sign-ins, for
// example, or a row of the audit.
type Change struct {
	apply func(ctx context.Context, s *Store, tx *sqlx.Tx) error
}

// Apply applies changes in one transaction, without ending a sign-in. It returns an error that wraps the first error
// of a change; then nothing is stored.
func (s *Store) Apply(ctx context.Context, changes ...Change) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error { return s.apply(ctx, tx, changes) })
	if err != nil {
		return fmt.Errorf("store: apply changes: %w", err)
	}
	return nil
}

func (s *Store) apply(ctx context.Context, tx *sqlx.Tx, changes []Change) error {
	for _, c := range changes {
		if err := c.apply(ctx, s, tx); err != nil {
			return err
		}
	}
	return nil
}

// alongIndexes runs a query that stops when its page is full. PostgreSQL can't estimate how soon that is: if it
// expects few rows it collects and sorts all of them, and if it expects many it scans an index that does not cover
// the conditions. With a million rows either takes seconds. With sorts disabled and page costs of zero it chooses
// the index that leaves the fewest rows.
func (s *Store) alongIndexes(ctx context.Context, run func(on sqlx.QueryerContext) error) error {
	if s.db.Dialect != db.Postgres {
		return run(s.db)
	}
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, settingsAlongIndexes); err != nil {
			return err
		}
		return run(tx)
	})
}

const settingsAlongIndexes = `SELECT set_config('enable_sort', 'off', TRUE), set_config('enable_bitmapscan', 'off', TRUE),
	set_config('enable_seqscan', 'off', TRUE), set_config('seq_page_cost', '0', TRUE), set_config('random_page_cost', '0', TRUE)`

// indexed returns the table with the index that SQLite must use. The SQLite file is never analysed, so it would
// guess among several.
func indexed(dialect db.Dialect, table, index string) string {
	if dialect != db.SQLite {
		return table
	}
	return table + ` INDEXED BY ` + index
}
