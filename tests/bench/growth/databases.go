//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"gatehouse.example/db"
)

// opener opens an empty, migrated database of a service; done removes it.
type opener struct {
	name string
	open func(ctx context.Context, service string) (d *db.DB, done func(), err error)
}

func databases() []opener {
	all := []opener{{"SQLite", openSQLite}}
	if *postgres != "" {
		all = append(all, opener{"PostgreSQL", openPostgres})
	}
	return all
}

func openSQLite(ctx context.Context, service string) (*db.DB, func(), error) {
	dir, err := os.MkdirTemp("", "gatehouse-growth-")
	if err != nil {
		return nil, nil, err
	}
	return migrated(ctx, "sqlite:"+dir, service, func() { _ = os.RemoveAll(dir) })
}

func openPostgres(ctx context.Context, service string) (*db.DB, func(), error) {
	u, err := url.Parse(*postgres)
	if err != nil {
		return nil, nil, err
	}
	name := "gatehouse_growth_" + strings.ToLower(rand.Text())
	administer := func(ctx context.Context, statement string) error {
		c, err := pgx.Connect(ctx, *postgres)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		_, err = c.Exec(ctx, statement)
		return err
	}
	if err := administer(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, nil, err
	}
	u.Path = "/" + name
	return migrated(ctx, u.String(), service, func() { _ = administer(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)") })
}

func migrated(ctx context.Context, rawURL, service string, remove func()) (*db.DB, func(), error) {
	d, err := db.Open(ctx, rawURL, service)
	if err != nil {
		remove()
		return nil, nil, err
	}
	done := func() { _ = d.Close(); remove() }
	if err := d.Migrate(ctx); err != nil {
		done()
		return nil, nil, err
	}
	return d, done, nil
}

// fill executes statements, in which %n stands for the numbers 1 to n as the table n(i), in one transaction each. On
// PostgreSQL it then gathers the planner's statistics, which the server does by itself in the long run; SQLite does
// not.
func fill(ctx context.Context, d *db.DB, n int, statements ...string) error {
	numbers := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < CAST(? AS BIGINT))`
	for _, statement := range statements {
		var args []any
		if strings.Contains(statement, "%n") {
			statement, args = strings.Replace(statement, "%n", numbers, 1), []any{n}
		}
		if _, err := d.ExecContext(ctx, d.Rebind(statement), args...); err != nil {
			return err
		}
	}
	if d.Dialect == db.Postgres {
		_, err := d.ExecContext(ctx, `VACUUM ANALYZE`)
		return err
	}
	return nil
}
