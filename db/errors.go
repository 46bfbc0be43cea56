package db

import (
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// pgUniqueViolation is PostgreSQL's SQLSTATE for a broken unique constraint.
const pgUniqueViolation = "23505"

// IsUnique reports whether err is the violation of a unique constraint, on either database.
func IsUnique(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == pgUniqueViolation
	}
	if lite := (*sqlite.Error)(nil); errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// isBusy reports whether another connection holds a lock on the SQLite file.
func isBusy(err error) bool {
	lite := (*sqlite.Error)(nil)
	// The lowest byte is the primary result code.
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// unreachableError is the error of a PostgreSQL database that can't be used, formatted as one line; the driver's own
// text has a line for each attempt.
type unreachableError struct {
	at  string
	err error
}

func (u *unreachableError) Error() string {
	reason := u.err.Error()
	if pg := (*pgconn.PgError)(nil); errors.As(u.err, &pg) {
		reason = pg.Message
	} else if op := (*net.OpError)(nil); errors.As(u.err, &op) {
		reason = op.Err.Error()
	}
	return "can't use PostgreSQL at " + u.at + ": " + strings.Join(strings.Fields(reason), " ")
}

func (u *unreachableError) Unwrap() error { return u.err }
