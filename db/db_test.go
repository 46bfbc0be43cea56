package db_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/tests/env"
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
