//go:build unix

package env

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// CountStatements calls use with a database that shares d's connections, and returns how many SQL statements were sent
// through it, except those that begin and end transactions.
func CountStatements(t testing.TB, d *db.DB, use func(counted *db.DB)) int {
	t.Helper()
	counter := &counter{pool: d.DB.DB}
	counted := *d
	counted.DB = sqlx.NewDb(sql.OpenDB(counter), d.DriverName())
	use(&counted)
	if err := counted.Close(); err != nil {
		t.Error(err)
	}
	return int(counter.n.Load())
}

// counter is a driver.Connector that takes its connections from a pool and counts their statements.
type counter struct {
	pool *sql.DB
	n    atomic.Int64
}

func (c *counter) Driver() driver.Driver { return c.pool.Driver() }

func (c *counter) Connect(ctx context.Context) (driver.Conn, error) {
	borrowed, err := c.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	own := &countedConn{n: &c.n, borrowed: borrowed}
	err = borrowed.Raw(func(raw any) error { own.allOf = raw.(allOf); return nil }) // used only while borrowed is open
	return own, err
}

// allOf is the part of a connection that database/sql uses; both drivers implement it.
type allOf interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

type countedConn struct {
	allOf
	n        *atomic.Int64
	borrowed *sql.Conn
}

func (c *countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.n.Add(1)
	return c.allOf.ExecContext(ctx, query, args)
}

func (c *countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.n.Add(1)
	return c.allOf.QueryContext(ctx, query, args)
}

// CheckNamedValue applies the conversion of the connection's own driver.
func (c *countedConn) CheckNamedValue(v *driver.NamedValue) error {
	if own, ok := c.allOf.(driver.NamedValueChecker); ok {
		return own.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *countedConn) Close() error { return c.borrowed.Close() }
