package db_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

var services = []string{"portal", "shop", "forum", "analytics", "academy"}

func TestOpen_BadURLs(t *testing.T) {
	for _, url := range []string{"", "sqlite:", "mysql://root@localhost/x", "postgres://%zz", "data", "postgres://u:p@host:notaport/x"} {
		if err := db.CheckURL(url); !errors.Is(err, db.ErrURL) {
			t.Errorf("CheckURL(%q) = %v, want ErrURL", url, err)
		}
		if d, err := db.Open(t.Context(), url, "shop"); err == nil {
			_ = d.Close()
			t.Errorf("Open(%q) opened something", url)
		}
	}
	if _, err := db.Open(t.Context(), "sqlite:"+t.TempDir(), `shop"; DROP SCHEMA public`); err == nil {
		t.Error("a service's name may be anything")
	}
}

func TestOpen_UnreadableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a-file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Open(t.Context(), "sqlite:"+file, "shop"); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestOpen_FilesAreOfTheOwnerOnly(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), "sqlite:"+folder, "portal")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) == 0 {
		t.Fatalf("ReadDir = %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

// Replicas start together: each migrates, and all find the schema complete.
// An older replica that starts on the schema of a newer version takes no lock.
func TestMigrate_OneQueryWhenNothingIsToBeDone(t *testing.T) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		for _, newer := range []bool{false, true} {
			if newer {
				if _, err := d.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)`); err != nil {
					t.Fatal(err)
				}
			}
			n := env.CountStatements(t, d, func(counted *db.DB) {
				if err := counted.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
			if n != 1 {
				t.Errorf("a newer schema: %v; %d statements", newer, n)
			}
		}
	})
}

func TestMigrate_TogetherOnAnEmptyDatabase(t *testing.T) {
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + t.TempDir() },
		"postgres": func(t *testing.T) string { return env.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			var wg sync.WaitGroup
			for _, service := range services {
				for range 3 {
					wg.Go(func() {
						d, err := db.Open(t.Context(), url, service)
						if err != nil {
							t.Error(err)
							return
						}
						defer func() { _ = d.Close() }()
						if err := d.Migrate(t.Context()); err != nil {
							t.Errorf("%s: %v", service, err)
						}
					})
				}
			}
			wg.Wait()
		})
	}
}

// The first to open a new SQLite file turn its journal into a write-ahead log, of which SQLite lets one fail at once.
func TestOpen_TogetherOnANewFile(t *testing.T) {
	for range 20 {
		url := "sqlite:" + t.TempDir()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				d, err := db.Open(t.Context(), url, "shop")
				if err != nil {
					t.Error(err)
					return
				}
				_ = d.Close()
			})
		}
		wg.Wait()
	}
}

func TestMigrations_SameFilesForBothDialects(t *testing.T) {
	for _, service := range services {
		names := map[db.Dialect][]string{}
		for _, dialect := range []db.Dialect{db.SQLite, db.Postgres} {
			files, err := db.Migrations(service, dialect)
			if err != nil {
				t.Fatal(err)
			}
			if names[dialect], err = fs.Glob(files, "*.sql"); err != nil {
				t.Fatal(err)
			}
		}
		lite, pg := names[db.SQLite], names[db.Postgres]
		if len(lite) != len(pg) {
			t.Fatalf("%s: sqlite has %v, postgres has %v", service, lite, pg)
		}
		for i := range lite {
			if lite[i] != pg[i] {
				t.Errorf("%s: sqlite has %s where postgres has %s", service, lite[i], pg[i])
			}
		}
	}
}

// PgBouncer with its usual settings lets no search_path through: all services would share the tables of public.
func TestOpen_RefusesAPoolerWithoutSchemas(t *testing.T) {
	for _, pooling := range []string{"session", "transaction"} {
		t.Run(pooling, func(t *testing.T) {
			server := env.PostgresURL(t)
			before := relations(t, server)
			url := env.PgBouncer(t, server, map[string]string{"gatehouse": ""},
				"pool_mode = "+pooling, "ignore_startup_parameters = extra_float_digits, search_path")["gatehouse"]
			for _, service := range services {
				d, err := db.Open(t.Context(), url, service)
				if err == nil {
					_ = d.Close()
				}
				if err == nil || !strings.Contains(err.Error(), "search_path") || !strings.Contains(err.Error(), "connect_query") {
					t.Errorf("Open = %v, want an error that says what to set", err)
				}
			}
			if after := relations(t, server); after != before {
				t.Errorf("%d schemas and relations, %d before", after, before)
			}
		})
	}
}

// With a PgBouncer database for each service, any pooling is as good as none: replicas migrate together, each in its
// schema, and concurrent writers of all services share few connections of the server.
func TestOpen_ThroughAPoolerWithSchemas(t *testing.T) {
	for _, pooling := range []string{"session", "transaction"} {
		t.Run(pooling, func(t *testing.T) {
			server := env.PostgresURL(t)
			services := []string{"portal", "shop", "forum"} // those with an outbox
			databases := map[string]string{}
			for _, service := range services {
				databases[service] = "connect_query='SET search_path TO " + service + "'"
				if pooling == "transaction" {
					databases[service] += " pool_size=4" // less than either replica would take
				}
			}
			urls := env.PgBouncer(t, server, databases, "pool_mode = "+pooling, "ignore_startup_parameters = search_path",
				"default_pool_size = 40", "server_reset_query =") // which ends a session by a reset of its search_path
			var wg sync.WaitGroup
			for _, service := range services {
				for replica := range 2 {
					wg.Go(func() {
						d, err := db.Open(t.Context(), urls[service], service)
						if err != nil {
							t.Error(err)
							return
						}
						defer func() { _ = d.Close() }()
						if err := d.Migrate(t.Context()); err != nil {
							t.Errorf("%s: %v", service, err)
							return
						}
						var writers sync.WaitGroup
						for i := range 10 {
							writers.Go(func() {
								id := service + string(rune('a'+10*replica+i))
								if err := d.Tx(t.Context(), func(tx *sqlx.Tx) error {
									_, err := tx.ExecContext(t.Context(), tx.Rebind(insert), id)
									return err
								}); err != nil {
									t.Errorf("%s: %v", service, err)
								}
								var found string
								if err := d.GetContext(t.Context(), &found, `SELECT id FROM event_outbox WHERE id = $1`, id); err != nil || found != id {
									t.Errorf("%s: found %q, %v", service, found, err)
								}
							})
						}
						writers.Wait()
					})
				}
			}
			wg.Wait()
			for _, service := range services {
				d, err := db.Open(t.Context(), server, service) // past the pooler
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				if n := count(t, d); n != 20 {
					t.Errorf("%s has %d rows, want its own 20", service, n)
				}
				var strays int
				if err := d.GetContext(t.Context(), &strays, `SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'`); err != nil || strays != 0 {
					t.Errorf("%d tables in public, %v", strays, err)
				}
			}
		})
	}
}

// relations counts what a service could have made on a PostgreSQL server's database: schemas, tables, indexes.
func relations(t *testing.T, url string) (n int) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	err = c.QueryRow(t.Context(), `SELECT (SELECT COUNT(*) FROM pg_namespace) + (SELECT COUNT(*) FROM pg_class)`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const insert = `INSERT INTO event_outbox (id, type, subject, at, data) VALUES (?, 't', 's', 1, '{}')`

func TestTx_RollsBackOnError(t *testing.T) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		err := d.Tx(t.Context(), func(tx *sqlx.Tx) error {
			if _, err := tx.ExecContext(t.Context(), tx.Rebind(insert), "a"); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("Tx = %v", err)
		}
		if n := count(t, d); n != 0 {
			t.Errorf("%d rows are left of a transaction that failed", n)
		}
	})
}

func TestIsUnique_OnBothDatabases(t *testing.T) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		if _, err := d.ExecContext(t.Context(), d.Rebind(insert), "a"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ExecContext(t.Context(), d.Rebind(insert), "a"); !db.IsUnique(err) {
			t.Errorf("a second row with the same key: %v", err)
		}
		if _, err := d.ExecContext(t.Context(), `INSERT INTO no_such_table VALUES (1)`); err == nil || db.IsUnique(err) {
			t.Errorf("another fault counts as a unique violation: %v", err)
		}
		if db.IsUnique(nil) {
			t.Error("no fault counts as a unique violation")
		}
	})
}

// Writers wait for each other, whatever they read first.
func TestTx_ManyWritersLoseNothing(t *testing.T) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		const writers = 20
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				err := d.Tx(context.WithoutCancel(t.Context()), func(tx *sqlx.Tx) error {
					var n int
					if err := tx.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM event_outbox`); err != nil {
						return err
					}
					_, err := tx.ExecContext(t.Context(), tx.Rebind(insert), string(rune('a'+i)))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := count(t, d); n != writers {
			t.Errorf("%d rows, want %d", n, writers)
		}
	})
}

func count(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	if err := d.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM event_outbox`); err != nil {
		t.Fatal(err)
	}
	return n
}
