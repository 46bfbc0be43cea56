package store

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// maxParameters limits the parameters of a statement: SQLite accepts 32 766, PostgreSQL 65 535; more than a few
// thousand do not make it faster.
const maxParameters = 4000

// insert collects rows and writes many of them in one statement. The SQL text comes from this package only.
type insert struct {
	table   string
	columns []string
	tail    string
	args    []any
}

func (in *insert) add(row ...any) { in.args = append(in.args, row...) }

// each calls do with one statement after another until all rows are written, and returns the first error.
func (in *insert) each(do func(query string, args []any) error) error {
	width := len(in.columns)
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", width), ", ") + ")"
	head := "INSERT INTO " + in.table + " (" + strings.Join(in.columns, ", ") + ") VALUES "
	for rest := in.args; len(rest) > 0; {
		n := min(len(rest)/width, maxParameters/width)
		query := head + strings.TrimSuffix(strings.Repeat(row+", ", n), ", ") + " " + in.tail
		if err := do(query, rest[:n*width]); err != nil {
			return err
		}
		rest = rest[n*width:]
	}
	return nil
}

func (in *insert) exec(ctx context.Context, tx *sqlx.Tx) error {
	return in.each(func(query string, args []any) error { return db.Exec(ctx, tx, in.table, query, args...) })
}

// execReturning writes all rows and returns the values of the column that in.tail names after RETURNING.
func (in *insert) execReturning(ctx context.Context, tx *sqlx.Tx) (returned []string, err error) {
	err = in.each(func(query string, args []any) error {
		values, err := db.All[string](ctx, tx, in.table, query, args...)
		returned = append(returned, values...)
		return err
	})
	return returned, err
}
