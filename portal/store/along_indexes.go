package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// alongIndexes runs a query that stops when its page is full. PostgreSQL cannot know how soon that is: where it expects
// few rows it would rather collect all of them and sort, and where it expects many it would rather walk along an index
// without the conditions. Of a million rows either takes seconds. Without sorts, and with pages that cost nothing, it
// chooses the index that leaves the fewest rows.
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

// indexed names the index of a table that SQLite has to follow. Its file is never analysed, so it would guess among
// several that fit.
func indexed(dialect db.Dialect, table, index string) string {
	if dialect != db.SQLite {
		return table
	}
	return table + ` INDEXED BY ` + index
}
