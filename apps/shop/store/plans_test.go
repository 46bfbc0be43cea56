package store_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

// grown runs test on a shop with n products in eight categories: all with the words "brass thing", every second with
// "oak", the others with "pine", each with a word of its own. Product pN costs N cents.
func grown(t *testing.T, n int, test func(t *testing.T, s *store.Store, d *db.DB)) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < CAST(? AS BIGINT)) `
		const words = `'brass ' || CASE WHEN i % 2 = 0 THEN 'oak' ELSE 'pine' END || ' thing unique' || CAST(i AS TEXT)`
		for i := range 8 {
			if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO categories (slug, name, description, position) VALUES (?, ?, '', ?)`), fmt.Sprint("c", i), fmt.Sprint("C", i), i); err != nil {
				t.Fatal(err)
			}
		}
		statements := []string{
			`INSERT INTO products (slug, category, name, name_lower, price_cents, stock, short, description, specs, featured, added_at, search) ` + numbers + `
				SELECT 'p' || CAST(i AS TEXT), 'c' || CAST(i % 8 AS TEXT), 'Thing', 'thing ' || CAST(i AS TEXT), i, 5, '', '', '[]', i % 100, i, ` + words + ` FROM n`,
			`INSERT INTO orders (id, subject, idempotency_key, total_cents, units, name, street, postcode, city, country, placed_at) ` + numbers + `
				SELECT 'O' || CAST(i AS TEXT), 's' || CAST(i % 500 AS TEXT), 'grown' || CAST(i AS TEXT), 1, 1, '', '', '', '', '', i FROM n`,
			`INSERT INTO search_documents (id, words) ` + numbers + ` SELECT 'p' || CAST(i AS TEXT), ` + words + ` FROM n`,
		}
		if d.Dialect == db.SQLite {
			statements = append(statements, `INSERT INTO search_vocabulary (word) `+numbers+` SELECT 'unique' || CAST(i AS TEXT) FROM n UNION SELECT 'brass' UNION SELECT 'oak' UNION SELECT 'pine' UNION SELECT 'thing'`)
		}
		for _, statement := range statements {
			if _, err := d.ExecContext(t.Context(), d.Rebind(statement), n); err != nil {
				t.Fatal(err)
			}
		}
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CleanUp(t.Context()); err != nil { // counts the products
			t.Fatal(err)
		}
		if d.Dialect == db.Postgres {
			if _, err := d.ExecContext(t.Context(), `VACUUM ANALYZE`); err != nil {
				t.Fatal(err)
			}
		}
		test(t, s, d)
	})
}

// plan returns how the database would answer a query, a step a line. PostgreSQL is told to avoid reading whole tables,
// which it prefers for tables as small as a test's: it still does where no index fits. It is also told that the pages
// are in memory, so that the order in which a test wrote the rows does not make one index much cheaper than another.
func plan(t *testing.T, d *db.DB, query string, args ...any) string {
	t.Helper()
	explain := "EXPLAIN QUERY PLAN "
	conn, err := d.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if d.Dialect == db.Postgres {
		explain = "EXPLAIN "
		if _, err := conn.ExecContext(t.Context(), `SET enable_seqscan = off; SET random_page_cost = 1`); err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = conn.ExecContext(t.Context(), `RESET enable_seqscan; RESET random_page_cost`) }()
	}
	rows, err := conn.QueryxContext(t.Context(), d.Rebind(explain+query), args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		columns, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		line, _ := columns[len(columns)-1].(string)
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil || len(lines) == 0 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	return strings.Join(lines, "\n")
}

var (
	scan   = regexp.MustCompile(`(?m)SCAN (p|d|products|search_documents|search_vocabulary)$|Seq Scan on (products|search_documents|search_vocabulary)`)
	sorted = regexp.MustCompile(`TEMP B-TREE|Sort Key`)
	// covering is a plan that reads an index alone.
	covering = map[db.Dialect]string{db.SQLite: "COVERING INDEX", db.Postgres: "Index Only Scan"}
)

func ptr[T any](v T) *T { return &v }

var orders = []store.Sort{store.Featured, store.Newest, store.PriceUp, store.PriceDown, store.Name, store.BestRated}

// No page of the catalogue reads all products or sorts them, in any order, category or direction.
func TestPlans_CatalogueFollowsAnIndex(t *testing.T) {
	grown(t, 10_000, func(t *testing.T, s *store.Store, d *db.DB) {
		if p := plan(t, d, `SELECT * FROM products WHERE short = ? ORDER BY description`, ""); !scan.MatchString(p) || !sorted.MatchString(p) {
			t.Fatalf("a scan and a sort are not seen as such:\n%s", p)
		}
		for _, sort := range orders {
			for _, category := range []string{"", "c3"} {
				q := store.Query{Sort: sort, Category: category, Text: "brass oak", PerPage: 12}
				for _, back := range []bool{false, true} {
					query, args := q.BrowseStatement(100, 12, back)
					if p := plan(t, d, query, args...); scan.MatchString(p) || sorted.MatchString(p) || !strings.Contains(p, covering[d.Dialect]) {
						t.Errorf("%s of %q reads too much:\n%s", sort, category, p)
					}
				}
				query, args := q.ManyStatement()
				if p := plan(t, d, query, args...); scan.MatchString(p) || sorted.MatchString(p) {
					t.Errorf("many, %s of %q reads too much:\n%s", sort, category, p)
				}
			}
			query, args, err := s.FindStatement(t.Context(), store.Query{Sort: sort, Text: "unique77 brass"})
			if err != nil {
				t.Fatal(err)
			}
			if p := plan(t, d, query, args...); scan.MatchString(p) || !slices.Contains(args, any(store.MaxFound+1)) {
				t.Errorf("search, %s reads too much:\n%s", sort, p)
			}
		}
		for _, q := range []store.Query{{MinCents: 500}, {MaxCents: 900}, {InStock: true}, {TopRated: true}, {TopRated: true, InStock: true, MaxCents: 900}, {MinCents: 500, MaxCents: 900, InStock: true, Category: "c3"}} {
			q.Sort, q.PerPage = store.Newest, 12
			query, args, err := s.FindStatement(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if p := plan(t, d, query, args...); scan.MatchString(p) || !strings.Contains(p, "products_price") && !strings.Contains(p, "products_available") && !strings.Contains(p, "products_top_rated") ||
				q.InStock && !q.TopRated && !strings.Contains(p, "products_available") || q.TopRated && !q.InStock && !strings.Contains(p, "products_top_rated") {
				t.Errorf("filter %+v reads too much:\n%s", q, p)
			}
			query, args = q.ManyStatement()
			if p := plan(t, d, query, args...); scan.MatchString(p) || sorted.MatchString(p) {
				t.Errorf("many of filter %+v reads too much:\n%s", q, p)
			}
		}
		query, args := store.SharedStatement(d.Dialect, "brsas")
		if p := plan(t, d, query, args...); scan.MatchString(p) || !strings.Contains(p, map[db.Dialect]string{db.SQLite: "VIRTUAL TABLE INDEX 0:M", db.Postgres: "Bitmap Index Scan on search_vocabulary_trigrams"}[d.Dialect]) {
			t.Errorf("similar words read too much:\n%s", p)
		}
		if p := plan(t, d, store.UsedAddressesStatement, "p", 20); strings.Contains(p, "SCAN") || strings.Contains(p, "Seq Scan") || sorted.MatchString(p) || !strings.Contains(p, "orders_of_person") {
			t.Errorf("used addresses read too much:\n%s", p)
		}
		for name, q := range map[string]store.OrderQuery{
			"all": {}, "older": {After: &store.Cursor{PlacedAt: 5000, ID: "O5000"}}, "newer": {Before: &store.Cursor{PlacedAt: 5000, ID: "O5000"}},
			"paid": {Status: ptr(store.Paid)}, "delivered": {Status: ptr(store.Delivered)}, "cancelled": {Status: ptr(store.Cancelled)}, "returned": {Status: ptr(store.Returned)},
			"number": {Prefix: "O1"},
		} {
			q.PerPage, q.Now = 20, now
			query, args := q.Statement()
			p := plan(t, d, query, args...)
			if regexp.MustCompile(`SCAN orders$|Seq Scan`).MatchString(p) || name != "number" && sorted.MatchString(p) || !strings.Contains(p, map[string]string{"cancelled": "orders_cancelled", "returned": "orders_returned", "number": "orders"}[name]) {
				t.Errorf("orders, %s, read too much:\n%s", name, p)
			}
		}
		for related, args := range map[string][]any{store.RelatedOfCategory: {"c3", "p77", 4}, store.RelatedOfOthers: {"c3", 4}} {
			if p := plan(t, d, related, args...); scan.MatchString(p) || sorted.MatchString(p) {
				t.Errorf("related reads too much:\n%s", p)
			}
		}
	})
}

// What many products have is shown in the order that was asked for, ten pages of it, without numbers.
func TestSearch_Many(t *testing.T) {
	grown(t, 1_200, func(t *testing.T, s *store.Store, d *db.DB) {
		find := func(q store.Query) store.Listing {
			t.Helper()
			q.PerPage = 12
			l, err := s.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		for _, text := range []string{"brass", "BRA", "thing, brass!"} {
			l := find(store.Query{Text: text, Sort: store.PriceDown, Page: 1 << 40})
			if !l.Many || l.All != store.NotCounted || l.Pages != 10 || l.Page != 10 || l.Total != 120 || l.Products[11].Slug != "p1081" || l.Categories[3].Count != store.NotCounted {
				t.Errorf("%s: %+v", text, slugs(l))
			}
		}
		if l := find(store.Query{Text: "brass oak", Category: "c2", Sort: store.PriceUp}); !l.Many || l.Products[0].Slug != "p2" || l.Products[1].Slug != "p10" {
			t.Errorf("in a category: %v", slugs(l))
		}
		if l := find(store.Query{Text: "oak pine"}); l.Many || l.Total != 0 || l.All != 0 {
			t.Errorf("oak pine: %d", l.Total)
		}
		if l := find(store.Query{Text: "unique77 brass", Sort: store.Featured}); l.Many || l.Total != 11 || l.Products[0].Slug != "p770" {
			t.Errorf("unique77: %d", l.Total)
		}
		if l := find(store.Query{Text: "unique77", Category: "c3"}); l.Many || l.All != 11 || l.Total != l.Categories[3].Count || l.Total != 2 || l.Products[0].Slug != "p771" {
			t.Errorf("unique77 in a category: %d of %d", l.Total, l.All)
		}
		for _, sort := range orders { // the last page is found from the end
			first, last := find(store.Query{Sort: sort, Page: 1}), find(store.Query{Sort: sort, Page: 100})
			if last.Total != 1_200 || len(last.Products) != 12 || slices.Contains(slugs(last), first.Products[0].Slug) {
				t.Errorf("%s: %v", sort, slugs(last))
			}
		}
		if l := find(store.Query{Sort: store.PriceUp, Page: 100}); l.Products[0].Slug != "p1189" || l.Products[11].Slug != "p1200" {
			t.Errorf("the last page is %v", slugs(l))
		}
		// Products of before the index are found once they are indexed.
		if _, err := d.ExecContext(t.Context(), `UPDATE search_documents SET words = NULL`); err != nil {
			t.Fatal(err)
		}
		if l := find(store.Query{Text: "unique77"}); l.Total != 0 {
			t.Errorf("%d before they are indexed", l.Total)
		}
		if err := s.CleanUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := find(store.Query{Text: "unique77"}); l.Total != 11 {
			t.Errorf("%d after they are indexed", l.Total)
		}
		// So is what was imported.
		_, err := d.ExecContext(t.Context(), `INSERT INTO products (slug, category, name, name_lower, price_cents, stock, short, description, specs, featured, added_at, search)
			VALUES ('new', 'c1', 'New', 'new', 1, 1, '', '', '[]', 1, 1, 'quite new')`)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CleanUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := find(store.Query{Text: "quite"}); l.Total != 1 || find(store.Query{}).Total != 1_201 {
			t.Errorf("%d found, %d in all after an import", l.Total, find(store.Query{}).Total)
		}
	})
}

// What many products have, none of them among the first of the order, is found all the same: the newest of it.
func TestSearch_ManyLateInTheOrder(t *testing.T) {
	grown(t, 12_000, func(t *testing.T, s *store.Store, d *db.DB) {
		if _, err := d.ExecContext(t.Context(), `UPDATE products SET featured = price_cents % 2`); err != nil { // oak first
			t.Fatal(err)
		}
		for page := 1; page <= 11; page++ {
			l, err := s.Search(t.Context(), store.Query{Text: "pine", Page: page, PerPage: 12})
			if err != nil || !l.Many || l.Total != 120 || l.Page != min(page, 10) || len(l.Products) != 12 {
				t.Fatalf("page %d: %d in all, page %d, %v", page, l.Total, l.Page, err)
			}
			for _, p := range l.Products {
				if p.PriceCents%2 == 0 || p.PriceCents < 10_999 {
					t.Errorf("page %d has %s", page, p.Slug)
				}
			}
		}
	})
}

func TestRelated_SameCategoryFirst(t *testing.T) {
	grown(t, 17, func(t *testing.T, s *store.Store, d *db.DB) {
		p, err := s.Product(t.Context(), "p9")
		if err != nil {
			t.Fatal(err)
		}
		related, err := s.Related(t.Context(), p, 4)
		got := slugs(store.Listing{Products: related})
		if want := []string{"p1", "p17", "p2", "p3"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, want %v, %v", got, want, err)
		}
	})
}
