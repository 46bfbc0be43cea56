package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// update executes a statement, and returns none if it changes no row.
func update(ctx context.Context, q sqlx.ExtContext, what string, none error, statement string, args ...any) error {
	changed, err := db.Change(ctx, q, what, statement, args...)
	if err == nil && changed == 0 {
		return none
	}
	return err
}

// updating returns the change that runs a statement as update does.
func updating(what string, none error, statement string, args ...any) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		return update(ctx, tx, what, none, statement, args...)
	}}
}

// requireRow returns none if the query has no row.
func requireRow(ctx context.Context, q sqlx.ExtContext, what string, none error, query string, args ...any) error {
	if _, err := db.One[int](ctx, q, what, query, args...); !errors.Is(err, ErrNotFound) {
		return err
	}
	return none
}

// countUpTo returns the number of rows of a query, at most limit.
func (s *Store) countUpTo(ctx context.Context, limit int, query string, args ...any) (int, error) {
	return db.One[int](ctx, s.db, "count", `SELECT COUNT(*) FROM (`+query+` LIMIT ?) AS counted`, append(args, limit)...)
}

// onPostgres returns a locking clause, or "" on SQLite, where a transaction holds the only write lock.
func (s *Store) onPostgres(clause string) string {
	if s.db.Dialect == db.Postgres {
		return clause
	}
	return ""
}

// aliased returns columns of the table with that alias for a record whose field of that tag has them.
func aliased(alias, columns string) string {
	list := strings.Fields(strings.ReplaceAll(columns, ",", " "))
	for i, c := range list {
		list[i] = fmt.Sprintf(`%s.%s AS "%s.%s"`, alias, c, alias, c)
	}
	return strings.Join(list, ", ")
}

// Cursor is a position in a list that is ordered by time, the latest first, and by ID for equal times. The zero
// Cursor is none.
type Cursor struct {
	At time.Time
	ID string
}

// keyset returns the condition and the order of a page that begins after one row or ends before another. at and id are
// the columns of the cursor.
func keyset(after, before Cursor, at, id string) (condition, order string, args []any) {
	from, beyond, direction := after, `<`, ` DESC`
	if before != (Cursor{}) {
		from, beyond, direction = before, `>`, ``
	}
	if from != (Cursor{}) {
		condition, args = ` AND (`+at+`, `+id+`) `+beyond+` (?, ?)`, []any{db.Millis(from.At), from.ID}
	}
	return condition, ` ORDER BY ` + at + direction + `, ` + id + direction, args
}

// trimPage removes the row that was read to find out whether there are more, and reverses a page that was read
// backwards.
func trimPage[T any](rows []T, limit int, backwards bool) (page []T, more bool) {
	if more = len(rows) > limit; more {
		rows = rows[:limit]
	}
	if backwards {
		slices.Reverse(rows)
	}
	return rows, more
}

// placeholders returns n groups of parameters for VALUES.
func placeholders(group string, n int) string {
	return strings.TrimSuffix(strings.Repeat(group+`, `, n), `, `)
}

// alongIndexes runs a query that stops when its page is full. PostgreSQL can't estimate how soon that is: if it
// expects few rows it collects and sorts all of them, and if it expects many it scans an index that does not cover
// the conditions. With a million rows either takes seconds. With sorts disabled and page costs of zero it chooses
// the index that leaves the fewest rows.
func (s *Store) alongIndexes(ctx context.Context, run func(on sqlx.ExtContext) error) error {
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

// toList encodes a list as a JSON array.
func toList(items []string) string {
	if len(items) == 0 {
		return "[]"
	}
	raw, _ := json.Marshal(items) // strings always marshal
	return string(raw)
}

// millisOf converts an optional time for a column; the zero time is NULL.
func millisOf(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := db.Millis(t)
	return &ms
}

// unlessMissing returns err, or nil if it is ErrNotFound.
func unlessMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// purgeBatch is the number of rows deleted in one transaction, so that others can write in between.
const purgeBatch = 500

// purge deletes the rows of table that match condition, whose parameter is t, in batches. key is the primary key.
func (s *Store) purge(ctx context.Context, table, key, condition string, t time.Time) error {
	for {
		n, err := db.Change(ctx, s.db, "purge "+table, `DELETE FROM `+table+` WHERE `+key+` IN (SELECT `+key+` FROM `+table+`
			WHERE `+condition+` LIMIT ?)`, db.Millis(t), purgeBatch)
		if err != nil || n < purgeBatch {
			return err
		}
	}
}
