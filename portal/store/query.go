package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// selectAll returns the rows of a query: each column is read into the field with its name as db tag or, if T is no
// struct, into the value. A slice among args is expanded, for IN (?); it must not be empty. what names the records in
// errors.
func selectAll[T any](ctx context.Context, q sqlx.ExtContext, what, query string, args ...any) ([]T, error) {
	all, err := scanAll[T](ctx, q, query, args)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", what, err)
	}
	return all, nil
}

// selectOne returns the first row of a query as selectAll does, or ErrNotFound if it has none.
func selectOne[T any](ctx context.Context, q sqlx.ExtContext, what, query string, args ...any) (one T, err error) {
	all, err := selectAll[T](ctx, q, what, query, args...)
	if err != nil {
		return one, err
	}
	if len(all) == 0 {
		return one, ErrNotFound
	}
	return all[0], nil
}

func scanAll[T any](ctx context.Context, q sqlx.ExtContext, query string, args []any) (all []T, err error) {
	query, args, err = sqlx.In(query, args...)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryxContext(ctx, q.Rebind(query), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	record := reflect.TypeFor[T]()
	var fields [][]int
	if record.Kind() == reflect.Struct {
		fields = rows.Mapper.TraversalsByName(record, columns)
	}
	for rows.Next() {
		all = append(all, *new(T))
		into := []any{&all[len(all)-1]}
		if record.Kind() == reflect.Struct {
			into = into[:0]
			for i, field := range fields {
				if len(field) == 0 {
					return nil, fmt.Errorf("%v has no field for the column %s", record, columns[i])
				}
				into = append(into, column{reflect.ValueOf(&all[len(all)-1]).Elem().FieldByIndex(field).Addr().Interface()})
			}
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}

// column scans a column into a field: times and durations are stored in milliseconds, lists and maps as JSON. NULL is
// the zero value.
type column struct{ field any }

func (c column) Scan(value any) error {
	switch field := c.field.(type) {
	case *time.Time:
		var ms sql.Null[int64]
		err := ms.Scan(value)
		*field = db.Time(ms.V)
		return err
	case *time.Duration:
		var ms sql.Null[int64]
		err := ms.Scan(value)
		*field = time.Duration(ms.V) * time.Millisecond
		return err
	case *string:
		return scanInto(field, value)
	case *int:
		return scanInto(field, value)
	case *int64:
		return scanInto(field, value)
	case *bool:
		return scanInto(field, value)
	default:
		var raw string
		if err := scanInto(&raw, value); err != nil {
			return err
		}
		return json.Unmarshal([]byte(raw), field)
	}
}

func scanInto[V any](field *V, value any) error {
	var v sql.Null[V]
	err := v.Scan(value)
	*field = v.V
	return err
}

// exec runs a statement, and returns the number of rows that it changed. It expands slices as selectAll does.
func exec(ctx context.Context, q sqlx.ExtContext, what, statement string, args ...any) (changed int, err error) {
	statement, args, err = sqlx.In(statement, args...)
	if err == nil {
		var res sql.Result
		if res, err = q.ExecContext(ctx, q.Rebind(statement), args...); err == nil {
			var n int64
			n, err = res.RowsAffected()
			changed = int(n)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("store: %s: %w", what, err)
	}
	return changed, nil
}

// run runs a statement as exec does, whatever the number of rows that it changes.
func run(ctx context.Context, q sqlx.ExtContext, what, statement string, args ...any) error {
	_, err := exec(ctx, q, what, statement, args...)
	return err
}

// update runs a statement as exec does, and returns none if it changes no row.
func update(ctx context.Context, q sqlx.ExtContext, what string, none error, statement string, args ...any) error {
	changed, err := exec(ctx, q, what, statement, args...)
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
	if _, err := selectOne[int](ctx, q, what, query, args...); !errors.Is(err, ErrNotFound) {
		return err
	}
	return none
}

// countUpTo returns the number of rows of a query, at most limit.
func (s *Store) countUpTo(ctx context.Context, limit int, query string, args ...any) (int, error) {
	return selectOne[int](ctx, s.db, "count", `SELECT COUNT(*) FROM (`+query+` LIMIT ?) AS counted`, append(args, limit)...)
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
