package storetest_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/db"
	"gatehouse/portal/store"
	"gatehouse/portal/store/storetest"
)

// The statement of docs/operating.md, by which an operator gives roles, does so on both databases.
func TestUsers_RolesGivenByTheDocumentedStatement(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```sql\n(.*?)```").FindSubmatch(doc)
	if found == nil {
		t.Fatal("docs/operating.md shows no SQL")
	}
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, _ := storetest.Registered(t, s, "maria@example.com")
		statement := string(found[1])
		if d.Dialect == db.SQLite {
			statement = strings.Replace(statement, "portal.users", "users", 1)
		}
		if _, err := d.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if got, err := s.UserByID(t.Context(), u.ID); err != nil || !slices.Equal(got.Roles, []string{"customer", "admin"}) {
			t.Errorf("roles %v, %v", got.Roles, err)
		}
	})
}
