package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// Migrations returns the SQL files of service for dialect, in the order in which they run. They are goose files:
// NNNNN_name.sql with Up and Down parts.
func Migrations(service string, dialect Dialect) (fs.FS, error) {
	sub, err := fs.Sub(migrations, path.Join("migrations", service, string(dialect)))
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", service, err)
	}
	if names, err := fs.Glob(sub, "*.sql"); err != nil || len(names) == 0 {
		return nil, fmt.Errorf("migrations: none for %s on %s", service, dialect)
	}
	return sub, nil
}

// Migrate runs the pending migrations. Replicas may call it concurrently: one of them migrates, the others wait. If
// there is nothing to do, or a newer version has migrated already, it costs one query.
func (d *DB) Migrate(ctx context.Context) error {
	files, err := Migrations(d.service, d.Dialect)
	if err != nil {
		return err
	}
	latest, err := latestVersion(files)
	if err != nil {
		return err
	}
	if d.version(ctx) >= latest {
		return nil
	}
	dialect := goose.DialectSQLite3
	if d.Dialect == Postgres {
		dialect = goose.DialectPostgres
		unlock, err := d.lockServer(ctx)
		if err != nil {
			return err
		}
		defer unlock()
	} else {
		unlock, err := d.lockFile(ctx)
		if err != nil {
			return err
		}
		defer unlock()
	}
	p, err := goose.NewProvider(dialect, d.DB.DB, files)
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", d.service, err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrations of %s: %w", d.service, err)
	}
	return nil
}

// lockServer takes goose's advisory lock for migrations in PostgreSQL. The lock belongs to a transaction and not to a
// session, because a pooler may give each transaction another session.
func (d *DB) lockServer(ctx context.Context) (unlock func(), err error) {
	tx, err := d.BeginTxx(ctx, nil)
	if err == nil {
		_, err = tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, lock.DefaultLockID)
	}
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: lock: %w", d.service, err)
	}
	return func() { _ = tx.Rollback() }, nil
}

// lockFile takes a file lock next to the SQLite file, because goose has no lock for SQLite.
func (d *DB) lockFile(ctx context.Context) (unlock func(), err error) {
	l := flock.New(d.file + ".migrate")
	if _, err := l.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, fmt.Errorf("migrations of %s: lock: %w", d.service, err)
	}
	return func() { _ = l.Unlock() }, nil
}

// version returns the newest migration that was applied, or -1 if it is unknown.
func (d *DB) version(ctx context.Context) int64 {
	var v sql.NullInt64
	err := d.GetContext(ctx, &v, `SELECT MAX(version_id) FROM `+goose.DefaultTablename+` WHERE is_applied`)
	if err != nil || !v.Valid {
		return -1
	}
	return v.Int64
}

func latestVersion(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	var latest int64
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: its name must begin with a number", name)
		}
		latest = max(latest, v)
	}
	if latest == 0 {
		return 0, errors.New("migrations: no numbered files")
	}
	return latest, nil
}
