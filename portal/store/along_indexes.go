package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

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
