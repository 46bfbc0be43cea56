package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// ErrNotFound is returned by [One] if there is no row.
var ErrNotFound = errors.New("not found")

// All returns the rows of a query with ? placeholders. Each column is read into the field with its name as db tag or,
// if T is no struct, into the value. A slice among args is expanded, for IN (?); it must not be empty. Errors begin
// with what.
func All[T any](ctx context.Context, q sqlx.ExtContext, what, query string, args ...any) ([]T, error) {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return nil, wrap(what, err)
	}
	rows, err := q.QueryxContext(ctx, q.Rebind(query), args...)
	if err != nil {
		return nil, wrap(what, err)
	}
	defer func() { _ = rows.Close() }()
	all, err := scanRows[T](rows)
	return all, wrap(what, err)
}

// One returns the first row of a query as [All] does, or [ErrNotFound] if it has none.
func One[T any](ctx context.Context, q sqlx.ExtContext, what, query string, args ...any) (one T, err error) {
	all, err := All[T](ctx, q, what, query, args...)
	if err != nil {
		return one, err
	}
	if len(all) == 0 {
		return one, ErrNotFound
	}
	return all[0], nil
}

// Exec executes a statement, expanding slices as [All] does. Errors begin with what.
func Exec(ctx context.Context, q sqlx.ExtContext, what, statement string, args ...any) error {
	_, err := Change(ctx, q, what, statement, args...)
	return err
}

// Change executes a statement like [Exec] and returns how many rows it changed.
func Change(ctx context.Context, q sqlx.ExtContext, what, statement string, args ...any) (changed int, err error) {
	statement, args, err = sqlx.In(statement, args...)
	if err != nil {
		return 0, wrap(what, err)
	}
	result, err := q.ExecContext(ctx, q.Rebind(statement), args...)
	if err != nil {
		return 0, wrap(what, err)
	}
	n, err := result.RowsAffected()
	return int(n), wrap(what, err)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
