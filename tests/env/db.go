//go:build unix

package env

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
)

// DB returns a migrated SQLite database of service in a folder of the test's own.
func DB(t testing.TB, service string) *db.DB {
	t.Helper()
	return open(t, SQLiteURL(t, service), service)
}

// Postgres returns a migrated PostgreSQL database of service, dropped when the test ends.
func Postgres(t testing.TB, service string) *db.DB {
	t.Helper()
	template, err := migratedTemplate(t.Context(), service)
	if err != nil {
		t.Fatalf("these tests need a real PostgreSQL: %v", err)
	}
	return open(t, createDatabase(t, template), service)
}

// EachDB runs the test on both kinds of database, migrated and empty, as subtests "sqlite" and "postgres".
func EachDB(t *testing.T, service string, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, DB(t, service)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t, service)) })
}

func open(t testing.TB, rawURL, service string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), rawURL, service)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// EachHouse runs the test on SQLite with an embedded Redis and on PostgreSQL with a real one, as subtests.
func EachHouse(t *testing.T, service string, test func(t *testing.T, d *db.DB, rdb redis.UniversalClient)) {
	t.Helper()
	t.Run("sqlite, embedded redis", func(t *testing.T) { test(t, DB(t, service), MiniRedis(t)) })
	t.Run("postgres, real redis", func(t *testing.T) { test(t, Postgres(t, service), Redis(t)) })
}

// SQLiteURL returns the URL of a folder with a migrated database file of service.
func SQLiteURL(t testing.TB, service string) string {
	t.Helper()
	file, err := migratedFile(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, service+".db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + dir
}

// FillDisk makes d, a SQLite database, behave as on a full disk until the returned function is called: its file can't
// grow.
func FillDisk(t testing.TB, d *db.DB) (makeRoom func()) {
	t.Helper()
	open := d.Stats().MaxOpenConnections
	d.SetMaxIdleConns(open) // the limit is per connection, so every connection must be kept open
	limit := func(pages int) {
		for range open {
			c, err := d.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close() // not before all have been taken out of the pool
			if _, err := c.ExecContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", pages)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := d.ExecContext(t.Context(), "CREATE TABLE ballast (bytes BLOB)"); err != nil {
		t.Fatal(err)
	}
	limit(1) // SQLite uses the file's current size instead
	for _, size := range []int{1 << 12, 1 << 6} {
		for {
			if _, err := d.ExecContext(t.Context(), "INSERT INTO ballast VALUES (zeroblob(?))", size); err != nil {
				break
			}
		}
	}
	return func() { limit(1 << 30) }
}

// files caches the migrated SQLite file of each service: copying it is much faster than migrating again.
var (
	filesMu sync.Mutex
	files   = map[string][]byte{}
)

func migratedFile(ctx context.Context, service string) ([]byte, error) {
	filesMu.Lock()
	defer filesMu.Unlock()
	if file, ok := files[service]; ok {
		return file, nil
	}
	dir, err := os.MkdirTemp("", "gatehouse-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := migrate(ctx, "sqlite:"+dir, service); err != nil {
		return nil, err
	}
	file, err := os.ReadFile(filepath.Join(dir, service+".db"))
	if err == nil {
		files[service] = file
	}
	return file, err
}

// migrate opens the database, migrates it and closes it, so that its file is complete and unused.
func migrate(ctx context.Context, rawURL, service string) error {
	d, err := db.Open(ctx, rawURL, service)
	if err != nil {
		return err
	}
	if err := d.Migrate(ctx); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}

// templateMu keeps concurrent tests of one process from requesting the same template from the server.
var templateMu sync.Mutex

// migratedTemplate returns the name of a PostgreSQL database that has service's migrations and no connections. Its name
// contains a hash of the migrations, so that packages and runs share it on a server that keeps running.
func migratedTemplate(ctx context.Context, service string) (string, error) {
	templateMu.Lock()
	defer templateMu.Unlock()
	shared, err := sharedPostgres()
	if err != nil {
		return "", err
	}
	sum, err := fingerprint(service)
	if err != nil {
		return "", err
	}
	name := "gatehouse_template_" + service + "_" + sum
	c, err := pgx.Connect(ctx, shared)
	if err != nil {
		return "", err
	}
	defer c.Close(context.WithoutCancel(ctx)) // releases the lock
	if _, err := c.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", err
	}
	var there bool
	err = c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there)
	if err != nil || there {
		return name, err
	}
	// Migrate it under another name first: a process that is killed meanwhile leaves no incomplete template.
	making := "gatehouse_test_" + secret()
	if _, err := c.Exec(ctx, "CREATE DATABASE "+making+" TEMPLATE template0"); err != nil {
		return "", err
	}
	u, err := url.Parse(shared)
	if err != nil {
		return "", err
	}
	u.Path = "/" + making
	if err := migrate(ctx, u.String(), service); err != nil {
		_, dropped := c.Exec(ctx, "DROP DATABASE "+making+" WITH (FORCE)")
		return "", errors.Join(err, dropped)
	}
	_, err = c.Exec(ctx, "ALTER DATABASE "+making+" RENAME TO "+name)
	return name, err
}

// fingerprint returns a hash of service's PostgreSQL migrations.
func fingerprint(service string) (string, error) {
	migrations, err := db.Migrations(service, db.Postgres)
	if err != nil {
		return "", err
	}
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
