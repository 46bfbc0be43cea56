package tests_test

import (
	"io/fs"
	"slices"
	"testing"

	"gatehouse.example/db"
)

// A migration written for one database and forgotten for the other fails here.
func TestMigrations_AreTheSameFilesForBothDatabases(t *testing.T) {
	for _, service := range []string{"portal", "shop", "forum", "analytics", "academy"} {
		sqlite, postgres := migrations(t, service, db.SQLite), migrations(t, service, db.Postgres)
		if !slices.Equal(sqlite, postgres) {
			t.Errorf("%s: sqlite has %v, postgres has %v", service, sqlite, postgres)
		}
	}
}

func migrations(t *testing.T, service string, dialect db.Dialect) []string {
	t.Helper()
	files, err := db.Migrations(service, dialect)
	if err != nil {
		t.Error(err)
		return nil
	}
	names, err := fs.Glob(files, "*")
	if err != nil {
		t.Error(err)
	}
	slices.Sort(names)
	return names
}
