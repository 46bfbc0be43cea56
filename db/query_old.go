package db

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Querier is a [*DB] or a transaction.
type Querier interface {
	sqlx.ExtContext
	Rebind(query string) string
}

func Get(ctx context.Context, q Querier, what string, dest any, query string, args ...any) error {
	err := sqlx.GetContext(ctx, q, dest, q.Rebind(query), args...)
	if Missing(err) {
		return ErrNotFound
	}
	return wrap(what, err)
}

func Select(ctx context.Context, q Querier, what string, dest any, query string, args ...any) error {
	return wrap(what, sqlx.SelectContext(ctx, q, dest, q.Rebind(query), args...))
}

func SelectIn(ctx context.Context, q Querier, what string, dest any, query string, args ...any) error {
	query, args, err := sqlx.In(query, args...)
	if err != nil {
		return wrap(what, err)
	}
	return Select(ctx, q, what, dest, query, args...)
}
