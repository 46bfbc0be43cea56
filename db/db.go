package db

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// Dialect is the kind of SQL database of a [DB].
type Dialect string

// The supported dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// ErrURL is wrapped by the errors of [Open] about an invalid URL.
var ErrURL = errors.New("database URL")

// DB is one service's database.
type DB struct {
	*sqlx.DB
	Dialect Dialect
	service string
	file    string // SQLite only: path of the database file
}

var serviceName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)

// CheckURL returns an error that wraps ErrURL if [Open] does not support rawURL. It does not connect.
func CheckURL(rawURL string) error {
	_, _, err := parseURL(rawURL)
	return err
}

func parseURL(rawURL string) (Dialect, string, error) {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	switch {
	case ok && scheme == "sqlite":
		folder := strings.TrimPrefix(rest, "//")
		if folder == "" {
			return "", "", fmt.Errorf("%w: %q has no folder; use sqlite:./data", ErrURL, rawURL)
		}
		return SQLite, folder, nil
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		if _, err := pgx.ParseConfig(rawURL); err != nil {
			// pgx's error may contain the password.
			return "", "", fmt.Errorf("%w: invalid postgres: URL", ErrURL)
		}
		return Postgres, rawURL, nil
	default:
		return "", "", fmt.Errorf("%w: it must start with \"sqlite:\" or \"postgres:\"", ErrURL)
	}
}

// Open connects to the database of service. rawURL is sqlite:FOLDER, with the file FOLDER/service.db, or a postgres:
// URL, with a schema named like the service. It creates the file or schema if it is missing. It returns an error if the
// server does not answer before ctx ends. The caller must close the result.
func Open(ctx context.Context, rawURL, service string) (*DB, error) {
	if !serviceName.MatchString(service) {
		return nil, fmt.Errorf("database: %q is not a valid service name", service)
	}
	dialect, target, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	if dialect == SQLite {
		return openSQLite(ctx, target, service)
	}
	return openPostgres(ctx, target, service)
}

func openSQLite(ctx context.Context, folder, service string) (*DB, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("database: can't create the data folder: %w", err)
	}
	file := filepath.Join(folder, service+".db")
	// SQLite would create a file that all users of the machine can read, and its journals have the mode of the file.
	// The folder may have existed before, with another mode.
	made, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("database: can't open the file: %w", err)
	}
	_ = made.Close()
	// Pragmas belong in the DSN: set by Exec they would apply to one connection of the pool only. _txlock=immediate
	// makes every transaction request the write lock at its start, where it can still wait for it (busy_timeout).
	q := url.Values{"_txlock": {"immediate"}}
	for _, p := range []string{"busy_timeout(10000)", "journal_mode(WAL)", "foreign_keys(1)", "synchronous(FULL)", "temp_store(MEMORY)"} {
		q.Add("_pragma", p)
	}
	x, err := sqlx.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("database: open %s: %w", service, err)
	}
	x.SetMaxOpenConns(8)
	x.SetMaxIdleConns(4)
	if err := pingUntilFree(ctx, x); err != nil {
		_ = x.Close()
		return nil, fmt.Errorf("database: can't open %s: %w", file, err)
	}
	return &DB{DB: x, Dialect: SQLite, service: service, file: file}, nil
}

// pingUntilFree makes the first connection. When several processes switch a new file's journal to WAL at once, SQLite
// fails for some immediately, whatever the busy timeout; pingUntilFree retries until ctx ends.
func pingUntilFree(ctx context.Context, x *sqlx.DB) error {
	for {
		err := x.PingContext(ctx)
		if !isBusy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func openPostgres(ctx context.Context, rawURL, service string) (*DB, error) {
	cfg, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return nil, fmt.Errorf("%w: invalid postgres: URL", ErrURL)
	}
	cfg.RuntimeParams["search_path"] = service
	cfg.RuntimeParams["application_name"] = "gatehouse-" + service
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	at := fmt.Sprintf("%s:%d", cfg.Host, cfg.Port)
	pooled, err := checkServer(ctx, cfg, service)
	if err != nil {
		return nil, &unreachableError{at: at, err: err}
	}
	if pooled {
		// A pooler may run each transaction on another connection of the server, where a prepared statement does not
		// exist.
		cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	x := sqlx.NewDb(stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		return checkSearchPath(ctx, c, service)
	})), "pgx")
	x.SetMaxOpenConns(16)
	x.SetMaxIdleConns(8)
	x.SetConnMaxIdleTime(5 * time.Minute)
	d := &DB{DB: x, Dialect: Postgres, service: service}
	if err := d.makeSchema(ctx); err != nil {
		_ = x.Close()
		return nil, &unreachableError{at: at, err: err}
	}
	return d, nil
}

// checkServer connects once and writes nothing. It reports whether there is a pooler such as PgBouncer in between, and
// returns an error if service would use a schema other than its own.
func checkServer(ctx context.Context, cfg *pgx.ConnConfig, service string) (pooled bool, err error) {
	probe := cfg.Copy()
	probe.DefaultQueryExecMode = pgx.QueryExecModeExec // prepares nothing
	c, err := pgx.ConnectConfig(ctx, probe)
	if err != nil {
		return false, err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	if err := checkSearchPath(ctx, c, service); err != nil {
		return false, err
	}
	var pid uint32
	if err := c.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return false, err
	}
	return pid != c.PgConn().PID(), nil // a pooler tells its clients a made-up one
}

// checkSearchPath returns an error unless c's search_path is service's schema. A pooler may ignore the requested
// search_path (PgBouncer's ignore_startup_parameters): services would then overwrite each other's tables in the schema
// public.
func checkSearchPath(ctx context.Context, c *pgx.Conn, service string) error {
	var path string
	if err := c.QueryRow(ctx, `SELECT current_setting('search_path')`, pgx.QueryExecModeExec).Scan(&path); err != nil {
		return err
	}
	if strings.Trim(path, `"`) != service {
		return fmt.Errorf("the search_path is %s instead of %s, because a connection pooler ignores it; give %s its own PgBouncer database, "+
			"with connect_query = 'SET search_path TO %s' (docs/operating.md, PgBouncer)", path, service, service, service)
	}
	return nil
}

// makeSchema creates the schema if it does not exist. It checks first, so that a role without the right to create
// schemas can use one that an operator created.
func (d *DB) makeSchema(ctx context.Context) error {
	var there bool
	if err := d.GetContext(ctx, &there, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`, d.service); err != nil {
		return err
	}
	if there {
		return nil
	}
	_, err := d.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS `+d.service)
	if IsUnique(err) { // another replica has created it meanwhile
		return nil
	}
	return err
}

// Service returns the name with which the database was opened.
func (d *DB) Service() string { return d.service }

// Tx runs fn in a writing transaction, commits it if fn returns nil, and otherwise rolls it back and returns fn's error
// unchanged. On SQLite the transaction holds the write lock from its start (BEGIN IMMEDIATE), on PostgreSQL it is READ
// COMMITTED.
func (d *DB) Tx(ctx context.Context, fn func(tx *sqlx.Tx) error) error {
	tx, err := d.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("database: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // has no effect after Commit
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("database: commit: %w", err)
	}
	return nil
}
