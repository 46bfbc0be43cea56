package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

// TestSearchPeople_AMillion shows that a list of people is narrowed by indexes and is right, on both databases.
func TestSearchPeople_AMillion(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); testMillion(t, env.DB(t, "portal")) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); testMillion(t, env.Postgres(t, "portal")) })
}

func testMillion(t *testing.T, d *db.DB) {
	crowd(t, d)
	s := storetest.New(t, d)
	spelledAlike(t, d, s)
	looksAtFew(t, s)
	for _, c := range []struct {
		name string
		q    store.PeopleQuery
		want func(n int) bool
	}{
		{"everybody", store.PeopleQuery{}, func(int) bool { return true }},
		{"a letter", store.PeopleQuery{Text: "c"}, func(n int) bool { first, _ := nameOf(n); return strings.HasPrefix(first, "ci") }},
		{"a word that all have", store.PeopleQuery{Text: "crowd"}, func(int) bool { return true }},
		{"a word that nobody has", store.PeopleQuery{Text: "zz"}, func(int) bool { return false }},
		{"two words", store.PeopleQuery{Text: "VAR cidó"}, func(n int) bool {
			first, family := nameOf(n)
			return first == "cido" && strings.HasPrefix(family, "var")
		}},
		{"a word that all have and one that one has", store.PeopleQuery{Text: "crowd p0765432"}, func(n int) bool { return n == 765432 }},
		{"an email", store.PeopleQuery{Text: "p0123456@crowd.crowd"}, func(n int) bool { return n == 123456 }},
		{"an id", store.PeopleQuery{Text: "id-0999999"}, func(n int) bool { return n == 999999 }},
		{"banned", store.PeopleQuery{State: store.StateBanned}, func(n int) bool { return n%1000 == 7 }},
		{"banned, a common word", store.PeopleQuery{State: store.StateBanned, Text: "crowd"}, func(n int) bool { return n%1000 == 7 }},
		{"banned, a rare word", store.PeopleQuery{State: store.StateBanned, Text: "p0765007"}, func(n int) bool { return n == 765007 }},
		{"banned, a word that none of them has", store.PeopleQuery{State: store.StateBanned, Text: "bebe"}, func(int) bool { return false }},
		{"two common words that nobody shares", store.PeopleQuery{Text: "cido cifu"}, func(int) bool { return false }},
		{"two common words that nobody active shares", store.PeopleQuery{State: store.StateActive, Text: "cido cifu"}, func(int) bool { return false }},
		{"deleted", store.PeopleQuery{State: store.StateDeleted}, func(int) bool { return false }},
		{"administrators", store.PeopleQuery{Role: "admin"}, func(n int) bool { return n%250_000 == 1 }},
		{"administrators, a letter", store.PeopleQuery{Role: "admin", Text: "a"}, func(n int) bool { return n%250_000 == 1 }},
		{"active customers", store.PeopleQuery{Role: "customer", State: store.StateActive}, func(n int) bool { return n%1000 != 7 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Now, c.q.Limit = storetest.Now, 40
			for _, q := range rightPeople(t, s, c.q, c.want) {
				err := s.PlansOfPeople(t.Context(), q, func(on sqlx.QueryerContext, query string, args []any) {
					if plan := explain(t, d, on, query, args); scansAll(d, plan) {
						t.Errorf("all are looked at:\n%s\n%s", query, plan)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// looksAtFew shows that a page which finds nobody stops after as many as it may look at.
func looksAtFew(t *testing.T, s *store.Store) {
	for name, c := range map[string]struct {
		q      store.PeopleQuery
		looked int // how many have the first word, or the state
	}{
		"two common words": {store.PeopleQuery{Text: "cido cifu"}, million / 100},
		"a rare state":     {store.PeopleQuery{State: store.StateBanned, Text: "bebe"}, million/1000 + million/50},
	} {
		c.q.Now, c.q.Limit = storetest.Now, 40
		pages := 0
		for more := true; more; pages++ {
			page, err := s.SearchPeople(t.Context(), c.q)
			if err != nil || len(page.Users) > 0 {
				t.Fatalf("%s, page %d: %v, %v", name, pages, idsOf(page.Users), err)
			}
			if more = page.Partial; more != (page.Next != store.PeopleCursor{}) {
				t.Fatalf("%s, page %d: partial %v, next %v", name, pages, page.Partial, page.Next)
			}
			c.q.After = page.Next
		}
		if want := (c.looked + store.MaxScanned - 1) / store.MaxScanned; pages != want {
			t.Errorf("%s: %d pages, want %d", name, pages, want)
		}
	}
}

// rightPeople walks three pages on and back again, and compares them with what the crowd's rule says. It returns the
// queries that it asked.
func rightPeople(t *testing.T, s *store.Store, q store.PeopleQuery, want func(n int) bool) (asked []store.PeopleQuery) {
	t.Helper()
	total := 0
	for n := range million {
		if want(n) {
			total++
		}
	}
	seen := map[string]bool{}
	var pages [][]string
	for range 3 {
		asked = append(asked, q)
		page, err := s.SearchPeople(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, u := range page.Users {
			var n int
			if _, err := fmt.Sscanf(u.ID, "id-%d", &n); err != nil || !want(n) {
				t.Errorf("found %s (%s), who should not be", u.ID, u.Name)
			}
			if seen[u.ID] {
				t.Errorf("found %s twice", u.ID)
			}
			seen[u.ID] = true
			ids = append(ids, u.ID)
		}
		pages = append(pages, ids)
		if page.Next == (store.PeopleCursor{}) {
			break
		}
		q.After = page.Next
	}
	if least := min(total, 3*q.Limit); len(seen) != least {
		t.Errorf("found %d people on %d pages; want %d", len(seen), len(pages), least)
	}
	if len(pages) < 3 {
		return asked
	}
	last, err := s.SearchPeople(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	q.Before, q.After = last.Previous, store.PeopleCursor{}
	if back, err := s.SearchPeople(t.Context(), q); err != nil || !slices.Equal(idsOf(back.Users), pages[len(pages)-1]) {
		t.Errorf("back again: %v, %v; want %v", idsOf(back.Users), err, pages[len(pages)-1])
	}
	return append(asked, q)
}

func idsOf(users []store.User) []string {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	return ids
}

// spelledAlike shows that the crowd's words are those that the store keeps itself.
func spelledAlike(t *testing.T, d *db.DB, s *store.Store) {
	t.Helper()
	words := func(id string) (list []string) {
		if err := d.SelectContext(t.Context(), &list, d.Rebind(`SELECT word FROM user_words WHERE user_id = ? ORDER BY word`), id); err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, id := range []string{"id-0000000", "id-0054321", "id-0999999"} {
		before := words(id)
		u, err := s.UserByID(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetName(t.Context(), id, u.Name, storetest.Now); err != nil {
			t.Fatal(err)
		}
		if after := words(id); len(after) != 5 || !slices.Equal(after, before) {
			t.Errorf("words of %s: %q; the store keeps %q", u.Name, before, after)
		}
	}
}

func explain(t *testing.T, d *db.DB, on sqlx.QueryerContext, query string, args []any) string {
	t.Helper()
	prefix := "EXPLAIN "
	if d.Dialect == db.SQLite {
		prefix = "EXPLAIN QUERY PLAN "
	}
	rows, err := on.QueryxContext(t.Context(), prefix+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		cells, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(cells[len(cells)-1])) // SQLite has numbers before
	}
	if err := rows.Err(); err != nil || len(lines) == 0 {
		t.Fatal("no plan", err)
	}
	return strings.Join(lines, "\n")
}

// scansAll tells whether a plan reads a table to its end, or sorts what it should find in order. A list of everybody
// is read along an index, and its page ends it.
func scansAll(d *db.DB, plan string) bool {
	if d.Dialect == db.Postgres {
		return strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Hash") || strings.Contains(plan, "Sort")
	}
	for line := range strings.Lines(plan) {
		if strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "USING INDEX users_") && !strings.Contains(line, "USING COVERING INDEX users_") {
			return true
		}
	}
	return strings.Contains(plan, "TEMP B-TREE")
}
