package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// ErrNotFound is returned by [Get] if there is no row.
var ErrNotFound = errors.New("not found")

// Querier is a [*DB] or a transaction.
type Querier interface {
	sqlx.ExtContext
	Rebind(query string) string
}

// Get reads the first row of a query with ? placeholders into dest. It returns [ErrNotFound] if there is none; other
// errors begin with what.
func Get(ctx context.Context, q Querier, what string, dest any, query string, args ...any) error {
	err := sqlx.GetContext(ctx, q, dest, q.Rebind(query), args...)
	if Missing(err) {
		return ErrNotFound
	}
	return wrap(what, err)
}

// Select appends the rows of a query with ? placeholders to the slice that dest points to. Its errors begin with what.
func Select(ctx context.Context, q Querier, what string, dest any, query string, args ...any) error {
	return wrap(what, sqlx.SelectContext(ctx, q, dest, q.Rebind(query), args...))
}

// SelectIn does what [Select] does, and replaces IN (?) with the elements of a slice in args, which must not be empty.
func SelectIn(ctx context.Context, q Querier, what string, dest any, query string, args ...any) error {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return wrap(what, err)
	}
	return Select(ctx, q, what, dest, query, args...)
}

// Exec executes a statement with ? placeholders. Its errors begin with what.
func Exec(ctx context.Context, q Querier, what, query string, args ...any) error {
	_, err := q.ExecContext(ctx, q.Rebind(query), args...)
	return wrap(what, err)
}

// Change executes a statement like [Exec] and returns how many rows it changed.
func Change(ctx context.Context, q Querier, what, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, q.Rebind(query), args...)
	if err != nil {
		return 0, wrap(what, err)
	}
	n, err := result.RowsAffected()
	return n, wrap(what, err)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
