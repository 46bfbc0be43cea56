package store_test

import (
	"regexp"
	"strings"
	"testing"

	"gatehouse.example/apps/forum/store"
	"gatehouse.example/db"
)

// grow makes n unanswered threads about the product p on the board general: all with the words "the house", every
// second with "oak", the others with "pine", each with a word of its own. Thread tN is the Nth.
func grow(t *testing.T, d *db.DB, n int) {
	t.Helper()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < CAST(? AS BIGINT)) `
	const words = `'house ' || CASE WHEN i % 2 = 0 THEN 'oak' ELSE 'pine' END || ' the unique' || CAST(i AS TEXT)`
	statements := []string{
		`INSERT INTO threads (id, board, title, search, author_sub, author_name, product_slug, product_name, product_path,
			votes, reply_count, last_number, created_at, active_at, pinned_at, locked_at, removed_at) ` + numbers + `
			SELECT 't' || CAST(i AS TEXT), 'general', ` + words + `, ` + words + `, 'u', 'U', 'p', 'P', '/products/p', i % 7, 0, 1, i, i, 0, 0, 0 FROM n`,
		`INSERT INTO search_documents (id, words) ` + numbers + ` SELECT 't' || CAST(i AS TEXT), ` + words + ` FROM n`,
	}
	if d.Dialect == db.SQLite {
		statements = append(statements, `INSERT INTO search_vocabulary (word) `+numbers+` SELECT 'unique' || CAST(i AS TEXT) FROM n UNION SELECT 'house' UNION SELECT 'oak' UNION SELECT 'pine'`)
	}
	for _, statement := range statements {
		if _, err := d.ExecContext(t.Context(), d.Rebind(statement), n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.ExecContext(t.Context(), `UPDATE boards SET threads = (SELECT COUNT(*) FROM threads WHERE board = slug)`); err != nil {
		t.Fatal(err)
	}
	if d.Dialect == db.Postgres {
		if _, err := d.ExecContext(t.Context(), `VACUUM ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
}

// plan returns how the database would answer a query, a step a line. PostgreSQL is told to avoid reading whole tables,
// which it prefers for tables as small as a test's: it still does where no index fits.
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
		if _, err := conn.ExecContext(t.Context(), `SET enable_seqscan = off`); err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = conn.ExecContext(t.Context(), `RESET enable_seqscan`) }()
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
	scan   = regexp.MustCompile(`(?m)SEARCH t USING INDEX threads_(newest|active|votes)|SCAN (t|d|threads|search_documents|posts)$|Seq Scan on (threads|search_documents|posts)`)
	sorted = regexp.MustCompile(`TEMP B-TREE|Sort Key`)
)

// No list of threads reads a table from end to end, and none sorts more than the MaxFound threads that it has found.
func TestPlans_ListsFollowAnIndex(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		grow(t, d, 20_000)
		for _, statement := range []string{`UPDATE threads SET board = 'house' WHERE created_at % 3 = 0`, `ANALYZE`} {
			if _, err := d.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if d.Dialect == db.Postgres { // which reads the table beside the index for rows that it has just changed
			if _, err := d.ExecContext(t.Context(), `VACUUM ANALYZE`); err != nil {
				t.Fatal(err)
			}
		}
		check(t, s, d)
		if d.Dialect == db.SQLite { // whose file is never analysed by itself, so its planner guesses
			for _, statement := range []string{`DELETE FROM sqlite_stat1`, `ANALYZE sqlite_schema`} {
				if _, err := d.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			d.SetMaxIdleConns(0) // connections that have read the statistics
			check(t, s, d)
		}
	})
}

func check(t *testing.T, s *store.Store, d *db.DB) {
	t.Helper()
	if p := plan(t, d, `SELECT * FROM threads WHERE author_name = ? ORDER BY title`, "x"); !scan.MatchString(p) || !sorted.MatchString(p) {
		t.Fatalf("a scan and a sort are not seen as such:\n%s", p)
	}
	for _, sort := range []store.Sort{store.Newest, store.Active, store.MostVoted} {
		for _, board := range []string{"", "general"} {
			query, args := store.Filter{Sort: sort, Board: board}.BrowseStatement(1_000, store.PageSize, sort != store.Newest)
			if p := plan(t, d, query, args...); scan.MatchString(p) || sorted.MatchString(p) || !covered(d, p) {
				t.Errorf("%s of %q reads too much:\n%s", sort, board, p)
			}
		}
	}
	for name, tt := range map[string]struct {
		f      store.Filter
		sorted bool // what was found, at most MaxFound + 1
	}{
		"unanswered":            {f: store.Filter{Sort: store.Unanswered}},
		"unanswered of a board": {f: store.Filter{Sort: store.Unanswered, Board: "general"}},
		"product":               {f: store.Filter{Product: "p"}, sorted: true},
		"product, by votes":     {f: store.Filter{Product: "p", Sort: store.MostVoted}, sorted: true},
		"word":                  {f: store.Filter{Query: "unique77"}, sorted: true},
		"common word":           {f: store.Filter{Query: "house", Sort: store.MostVoted}, sorted: true},
		"two words":             {f: store.Filter{Query: "oak pine", Sort: store.Active}, sorted: true},
	} {
		query, args, err := s.FindStatement(t.Context(), tt.f)
		if err != nil {
			t.Fatal(err)
		}
		if p := plan(t, d, query, args...); scan.MatchString(p) || !tt.sorted && sorted.MatchString(p) {
			t.Errorf("%s reads too much:\n%s\n%s", name, query, p)
		}
		if !strings.Contains(query, "LIMIT ?") || args[len(args)-1] != store.MaxFound+1 {
			t.Errorf("%s is not bounded: %s %v", name, query, args)
		}
	}
}

// What each page of a signed-in person or of a moderator asks follows an index, and none of it sorts.
func TestPlans_ReadsReportsAndMembersFollowAnIndex(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		grow(t, d, 2_000)
		for _, statement := range []string{
			`INSERT INTO posts (id, thread_id, number, author_sub, author_name, source, search, votes, version, form_key, created_at, edited_at, removed_at, removed_by, removed_reason)
				SELECT id, id, 1, 'u' || CAST(created_at % 2 AS TEXT), 'U', 's', 's', 0, 1, id, created_at, 0, 0, '', '' FROM threads`,
			`INSERT INTO reads (sub, thread_id, number, read_at) SELECT 'u' || CAST(created_at % 2 AS TEXT), id, 1, created_at FROM threads`,
			`INSERT INTO follows (sub, thread_id, followed_at) SELECT 'u' || CAST(created_at % 50 AS TEXT), id, created_at FROM threads`,
			`INSERT INTO reports (id, post_id, sub, name, reason, at, closed_at) SELECT id, id, 'u' || CAST(created_at % 2 AS TEXT), 'U', 'r', created_at, created_at % 2 FROM threads`,
			`ANALYZE`,
		} {
			if _, err := d.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if d.Dialect == db.Postgres { // so that it may read an index alone
			if _, err := d.ExecContext(t.Context(), `VACUUM ANALYZE`); err != nil {
				t.Fatal(err)
			}
		}
		full := regexp.MustCompile(`(?m)SCAN (r|p|t|f|reads|reports|posts|follows)$|Seq Scan`)
		for name, tt := range map[string]struct {
			query string
			args  []any
			index string
		}{
			"reads":           {strings.Replace(store.ReadsQuery, "(?)", "(?, ?, ?)", 1), []any{"u1", "t1", "t2", "t3"}, "sqlite_autoindex_reads_1|reads_pkey|reads_read_at"},
			"reads, too many": {`SELECT thread_id FROM reads WHERE sub = ? ORDER BY read_at DESC, thread_id LIMIT ? OFFSET ?`, []any{"u1", 100, store.MaxReads}, "reads_read_at"},
			"queue":           {store.QueueQuery, []any{store.PageSize, 40}, "reports_open"},
			"open reports":    {`SELECT COUNT(*) FROM (SELECT 1 FROM reports r WHERE r.closed_at = 0 LIMIT ?) o`, []any{99}, "reports_open"},
			"own reports":     {`SELECT COUNT(*) FROM reports WHERE sub = ? AND closed_at = 0`, []any{"u1"}, "reports_open_sub"},
			"close":           {`UPDATE reports SET closed_at = ? WHERE post_id = ? AND closed_at = 0`, []any{1, "t1"}, "reports_open_post"},
			"prune":           {`DELETE FROM reports WHERE closed_at <> 0 AND closed_at < ?`, []any{1}, "reports_closed"},
			"followed news":   {store.NewsQuery, []any{"u1"}, "sqlite_autoindex_follows_1|follows_pkey"},
			"follow":          {`SELECT COUNT(*) FROM follows WHERE sub = ?`, []any{"u1"}, "sqlite_autoindex_follows_1|follows_pkey"},
			"member":          {store.MemberQuery, []any{"u1", store.PageSize, 20}, "posts_author"},
		} {
			p := plan(t, d, tt.query, tt.args...)
			if full.MatchString(p) || sorted.MatchString(p) || !regexp.MustCompile(tt.index).MatchString(p) {
				t.Errorf("%s reads too much:\n%s", name, p)
			}
		}
	})
}

// covered reports whether a plan reads an index alone.
func covered(d *db.DB, plan string) bool {
	return strings.Contains(plan, map[db.Dialect]string{db.SQLite: "COVERING INDEX", db.Postgres: "Index Only Scan"}[d.Dialect])
}
