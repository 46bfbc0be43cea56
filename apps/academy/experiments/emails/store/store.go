package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Quota limits the size of the SQLite file, in bytes. Five million users with two indexes take about 1.1 GB.
const Quota = 2 << 30

const (
	pageSize = 4096 // of SQLite, in bytes
	prefix   = "academy_lab_emails_"
	// quick is the timeout of operations that take a moment.
	quick = 10 * time.Second
)

// queries runs SQL: on SQLite's single connection, or on PostgreSQL's pool.
type queries interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	GetContext(ctx context.Context, into any, query string, args ...any) error
	SelectContext(ctx context.Context, into any, query string, args ...any) error
}

// Store is a table of users. It is not safe for concurrent use.
type Store struct {
	db   *db.DB
	conn *sqlx.Conn // SQLite: the only one; PostgreSQL: the one with the lock
	q    queries
	name string // PostgreSQL schema or SQLite file
	dir  string
}

// OpenSQLite creates an empty table in a file in dir.
func OpenSQLite(ctx context.Context, dir string) (*Store, error) {
	const name = "emails"
	d, err := db.Open(ctx, "sqlite:"+dir, name)
	if err != nil {
		return nil, err
	}
	// One connection, since these settings apply to a connection. The file is deleted at the end, so it need not
	// survive a power cut; sorting for an index must not happen in memory.
	d.SetMaxOpenConns(1)
	s := &Store{db: d, name: name, dir: dir}
	if s.conn, err = d.Connx(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.q = s.conn
	settings := []string{"journal_mode=MEMORY", "synchronous=OFF", "temp_store=FILE", "cache_size=-16000", fmt.Sprintf("max_page_count=%d", Quota/pageSize)}
	for _, setting := range settings {
		if _, err := s.q.ExecContext(ctx, "PRAGMA "+setting); err != nil {
			return nil, errors.Join(fmt.Errorf("emails: PRAGMA %s: %w", setting, err), s.Close())
		}
	}
	if err := s.Empty(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenPostgres creates an empty table in a new schema on the server at url.
func OpenPostgres(ctx context.Context, url string) (*Store, error) {
	name := prefix + strings.ToLower(rand.Text()[:10])
	d, err := db.Open(ctx, url, name)
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(3)
	s := &Store{db: d, q: d, name: name}
	if s.conn, err = d.Connx(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	// db.Open created the schema before the lock was held: another run's tidy may have dropped it.
	for _, statement := range []string{`SELECT pg_advisory_lock(hashtext('` + name + `'))`, `CREATE SCHEMA IF NOT EXISTS ` + name} {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("emails: a schema to work in: %w", err), s.Close())
		}
	}
	if err := errors.Join(s.tidy(ctx), s.Empty(ctx)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// tidy drops the schemas of runs that crashed: those whose lock is free.
func (s *Store) tidy(ctx context.Context) error {
	var all []string
	err := s.conn.SelectContext(ctx, &all, `SELECT nspname FROM pg_namespace WHERE nspname LIKE $1`, strings.ReplaceAll(prefix, "_", `\_`)+"%")
	if err != nil {
		return fmt.Errorf("emails: what dead runs left: %w", err)
	}
	for _, name := range all {
		if name == s.name {
			continue
		}
		var dead bool
		if err := s.conn.GetContext(ctx, &dead, `SELECT pg_try_advisory_lock(hashtext($1))`, name); err != nil {
			return fmt.Errorf("emails: what dead runs left: %w", err)
		}
		if !dead {
			continue
		}
		_, err := s.conn.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+name+` CASCADE`)
		_, unlocked := s.conn.ExecContext(ctx, `SELECT pg_advisory_unlock(hashtext($1))`, name)
		if err := errors.Join(err, unlocked); err != nil {
			return fmt.Errorf("emails: dropping %s: %w", name, err)
		}
	}
	return nil
}

// Close deletes the table and closes the database.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), quick)
	defer cancel()
	var failed []error
	if s.db.Dialect == db.Postgres {
		_, err := s.db.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+s.name+` CASCADE`)
		failed = append(failed, err)
	}
	if s.conn != nil {
		failed = append(failed, s.conn.Close())
	}
	failed = append(failed, s.db.Close())
	if s.dir != "" {
		files, _ := filepath.Glob(filepath.Join(s.dir, s.name+".db*"))
		for _, file := range files {
			failed = append(failed, os.Remove(file))
		}
	}
	return errors.Join(failed...)
}

// Version returns the database's name and version.
func (s *Store) Version(ctx context.Context) (string, error) {
	query, name := `SELECT sqlite_version()`, "SQLite "
	if s.db.Dialect == db.Postgres {
		query, name = `SHOW server_version`, "PostgreSQL "
	}
	var version string
	if err := s.q.GetContext(ctx, &version, query); err != nil {
		return "", fmt.Errorf("emails: the version: %w", err)
	}
	number, _, _ := strings.Cut(version, " ") // distributions append their own text
	return name + number, nil
}
