// Package store is the table of users that the experiment with the email index is
// made on, in SQL for SQLite and PostgreSQL. Nothing in it is anybody's, and it goes
// when the experiment ends.
//
// On SQLite it is a file of the run's own. On PostgreSQL it is a schema of the run's
// own: whoever holds the lock of its name lives, and the schemas of runs that ended
// without saying so are dropped by the next one.
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

	"gatehouse/db"
)

// Quota is how large the file may get on SQLite, in bytes. Five million users with
// two indexes take about 1.1 GB.
const Quota = 2 << 30

const (
	pageSize = 4096 // of SQLite, in bytes
	prefix   = "academy_lab_emails_"
	// quick bounds what takes a moment.
	quick = 10 * time.Second
)

// queries is what runs SQL: one connection of SQLite, all of PostgreSQL's.
type queries interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	GetContext(ctx context.Context, into any, query string, args ...any) error
	SelectContext(ctx context.Context, into any, query string, args ...any) error
}

// Store is a table of users. One goroutine uses it at a time.
type Store struct {
	db   *db.DB
	conn *sqlx.Conn // SQLite: the only one; PostgreSQL: the one that holds the lock
	q    queries
	name string // PostgreSQL's schema, SQLite's file
	dir  string
}

// OpenSQLite makes an empty table in a file in dir.
func OpenSQLite(ctx context.Context, dir string) (*Store, error) {
	const name = "emails"
	d, err := db.Open(ctx, "sqlite:"+dir, name)
	if err != nil {
		return nil, err
	}
	// One connection, since these settings are a connection's own. The file is thrown
	// away: nothing has to survive a power cut, and an index may not be sorted in memory.
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

// OpenPostgres makes an empty table in a schema of its own on the server at url.
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
	// The schema was made before the lock was held: somebody may have taken it for one that was left behind.
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

// tidy drops the schemas of runs that are dead: nobody holds their locks.
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

// Close removes the table with all that is in it.
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

// Dialect is the kind of database.
func (s *Store) Dialect() db.Dialect { return s.db.Dialect }

// Version is what the database calls itself.
func (s *Store) Version(ctx context.Context) (string, error) {
	query, name := `SELECT sqlite_version()`, "SQLite "
	if s.db.Dialect == db.Postgres {
		query, name = `SHOW server_version`, "PostgreSQL "
	}
	var version string
	if err := s.q.GetContext(ctx, &version, query); err != nil {
		return "", fmt.Errorf("emails: the version: %w", err)
	}
	number, _, _ := strings.Cut(version, " ") // distributions add their own
	return name + number, nil
}
