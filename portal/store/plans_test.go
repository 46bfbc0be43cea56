package store_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

// filled is how many sign-ins the plans are made for: enough for a planner to see that reading them all is dear.
const filled = 30_000

// fill makes sign-ins of which each second opened the Forum, a seventh ended and is on the denylist.
func fill(t *testing.T, d *db.DB) {
	t.Helper()
	numbers := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < CAST(? AS BIGINT)) `
	now := db.Millis(storetest.Now)
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{`INSERT INTO users (id, email, email_normalised, name, password_hash, created_at, updated_at, password_changed_at) ` + numbers + `
			SELECT 'u' || CAST(i AS TEXT), 'e' || CAST(i AS TEXT), 'e' || CAST(i AS TEXT), 'Maria', '', 1, 1, 1 FROM n`, []any{filled}},
		{`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, replica, ended_at) ` + numbers + `
			SELECT 'sid-' || CAST(i AS TEXT), 'u' || CAST(1 + i % 30000 AS TEXT), CAST(? AS BIGINT) - i, CAST(? AS BIGINT) - i * 1000,
			'portal-' || CAST(1 + i % 3 AS TEXT), CASE WHEN i % 7 = 0 THEN CAST(? AS BIGINT) END FROM n`, []any{filled, now, now, now}},
		{`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at, replica, ended_at)
			SELECT sid, 'shop', created_at, last_seen_at, 'shop-' || replica, ended_at FROM sign_ins`, nil},
		{`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at, replica, ended_at)
			SELECT sid, 'forum', created_at, last_seen_at, 'forum-' || replica, ended_at FROM sign_ins WHERE last_seen_at % 2000 = 0`, nil},
		{`INSERT INTO revocations (ending, kind, value, reason, at, until_at, published_at)
			SELECT sid, CASE WHEN sid LIKE '%4' THEN 'sub' ELSE 'sid' END, sid, CASE WHEN sid LIKE '%21' THEN 'banned' ELSE 'sign_out' END,
			ended_at, ended_at + 3600000, ended_at FROM sign_ins WHERE ended_at IS NOT NULL`, nil},
		// One person has a great many.
		{`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, ended_at, end_reason) ` + numbers + `
			SELECT 'many-' || CAST(i AS TEXT), 'u1', 1, CAST(? AS BIGINT) - i * 1000, CASE WHEN i % 6 > 0 THEN CAST(? AS BIGINT) - i END,
			CASE i % 6 WHEN 0 THEN '' WHEN 1 THEN 'banned' WHEN 2 THEN 'token_replay' ELSE 'sign_out' END FROM n`, []any{filled, now, now}},
		{`INSERT INTO receipts (ending, user_id, reason, created_at, receipt) ` + numbers + `
			SELECT 'many-' || CAST(i AS TEXT), 'u' || CAST(1 + i % 2 AS TEXT), 'banned', i, '{}' FROM n`, []any{filled}},
		{`INSERT INTO audit (at, actor_id, actor, action, target_kind, target_id) ` + numbers + `
			SELECT i * 1000, 'admin-' || CAST(i % 9 AS TEXT), '', 'action-' || CAST(i % 20 AS TEXT),
			'kind-' || CAST(i % 5 AS TEXT), 'u' || CAST(i % 3000 AS TEXT) FROM n`, []any{filled}},
		{`INSERT INTO audit (at, actor_id, actor, action, target_kind, target, ip) ` + numbers + `
			SELECT i * 1000, '', '', 'person.sign_in_failed', 'email', 'e' || CAST(i % 50 AS TEXT), '203.0.113.' || CAST(i % 200 AS TEXT) FROM n`, []any{3000}},
		{`INSERT INTO saved_filters (user_id, list, name, query) SELECT id, 'people', id, '' FROM users`, nil},
		{map[db.Dialect]string{db.SQLite: `ANALYZE`, db.Postgres: `VACUUM ANALYZE`}[d.Dialect], nil},
	} {
		if _, err := d.ExecContext(t.Context(), d.Rebind(step.statement), step.args...); err != nil {
			t.Fatalf("%s: %v", step.statement, err)
		}
	}
}

var (
	// scans are whole tables read one row after the other, and sorted lists.
	sqliteScan   = regexp.MustCompile(`(?m)SCAN (s|c|u|f|b|sign_ins|sign_in_clients|revocations|users|audit|saved_filters)$|revocations_by_until`)
	postgresScan = regexp.MustCompile(`Seq Scan on (sign_ins|sign_in_clients|revocations|users|audit|saved_filters)`)
	sorts        = regexp.MustCompile(`TEMP B-TREE|Sort Key`)
)

// plan is how the database would answer a query, a step a line. PostgreSQL is told to
// avoid reading whole tables, which it prefers where a table is as small as a test's:
// it still does where no index fits. With along it is told what alongIndexes tells it.
func plan(t *testing.T, d *db.DB, along bool, query string, args ...any) string {
	t.Helper()
	explain := "EXPLAIN QUERY PLAN "
	if d.Dialect == db.Postgres {
		explain = "EXPLAIN "
	}
	conn, err := d.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Rollback() }()
	if d.Dialect == db.Postgres {
		settings := `SELECT set_config('enable_seqscan', 'off', TRUE)`
		if along {
			settings = store.SettingsAlongIndexes
		}
		if _, err := conn.ExecContext(t.Context(), settings); err != nil {
			t.Fatal(err)
		}
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

func scans(d *db.DB, plan string) bool {
	if d.Dialect == db.Postgres {
		return postgresScan.MatchString(plan)
	}
	return sqliteScan.MatchString(plan)
}

// No page of the console's lists reads a table from end to end, however it is filtered and wherever it begins.
func TestPlans_ListsFollowAnIndex(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		fill(t, d)
		check(t, d)
		if d.Dialect == db.SQLite { // whose file is never analysed by itself, so its planner guesses
			for _, statement := range []string{`DELETE FROM sqlite_stat1`, `ANALYZE sqlite_schema`} {
				if _, err := d.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			d.SetMaxIdleConns(0) // connections that have read the statistics
			check(t, d)
		}
	})
}

func check(t *testing.T, d *db.DB) {
	t.Helper()
	if all := plan(t, d, false, `SELECT * FROM sign_ins WHERE user_agent = ?`, "x"); !scans(d, all) {
		t.Fatalf("a scan is not seen as one:\n%s", all)
	}
	for name, ask := range queries(t, d) {
		if got := plan(t, d, ask.along, ask.query, ask.args...); scans(d, got) || ask.ordered && sorts.MatchString(got) {
			t.Errorf("%s reads too much:\n%s\n%s", name, ask.query, got)
		} else if !strings.Contains(got, ask.index) {
			t.Errorf("%s does not follow %s:\n%s\n%s", name, ask.index, ask.query, got)
		}
	}
}

type ask struct {
	query   string
	args    []any
	ordered bool   // the index has the order, too: nothing is sorted
	along   bool   // it is asked by alongIndexes
	index   string // that has every condition; "" for any
}

func queries(t *testing.T, d *db.DB) map[string]ask {
	t.Helper()
	since := storetest.Now.Add(-30 * 24 * time.Hour)
	here := store.Cursor{At: storetest.Now.Add(-2 * time.Hour), ID: "sid-7200"}
	asked := map[string]ask{
		"the portal's next replica": {query: store.NextOfPortal, args: []any{"portal-1"}},
		"an app's next replica":     {query: store.NextOfClient, args: []any{"shop", "shop-1"}},
		"the next app":              {query: store.NextClient, args: []any{"forum"}},
		"count at the portal":       {query: store.CountAtPortal + " LIMIT 1000", args: []any{"portal-1", db.Millis(since)}},
		"count at an app":           {query: store.CountAtClient + " LIMIT 1000", args: []any{"shop", "shop-portal-1", db.Millis(since)}},
	}
	for name, q := range map[string]store.ActiveSignInQuery{
		"all": {}, "after": {After: here}, "before": {Before: here}, "at the portal": {Replica: "portal-2", After: here},
		"of an app": {Client: "shop"}, "of an app, after": {Client: "forum", After: here}, "of an app, before": {Client: "forum", Before: here},
		"at a replica of an app": {Client: "shop", Replica: "shop-portal-1", After: here}, "at an unnamed replica": {Client: "shop", Unnamed: true},
	} {
		q.Since, q.Limit = since, 50
		query, args := q.Statement()
		asked["sign-ins "+name] = ask{query: query, args: args, ordered: true}
	}
	for name, q := range map[string]store.DenylistQuery{
		"after": {After: 2000}, "before": {Before: 100}, "of a kind": {Kind: "sub", After: 2000}, "for a reason": {Reason: "banned", Before: 10},
		"waiting": {Waiting: true}, "of a value": {Values: []string{"sid-7"}}, "of people": {Values: []string{"u7"}, People: []string{"u7", "u8"}},
	} {
		q.Now, q.Limit = storetest.Now, 50
		query, args, err := q.Statement()
		if err != nil {
			t.Fatal(err)
		}
		asked["denylist "+name] = ask{query: query, args: args}
	}
	untold, args := store.Unacknowledged(d.Dialect, "u1", []string{"banned", "token_replay"}, since, 50)
	asked["endings to tell of"] = ask{query: untold, args: args, ordered: true, along: true, index: "sign_ins_of_user_by_reason"}
	asked["several people"] = ask{query: `SELECT id, name FROM (` + strings.Replace(store.UsersByIDQuery, "(?)", "(?, ?)", 1) + `) AS people`, args: []any{"u1", "u2"}}
	asked["endings of a person"] = ask{query: store.EndedOfUser(d.Dialect), args: []any{"u1", 10}, ordered: true, along: true, index: "sign_ins_of_user "}
	asked["receipts of a person"] = ask{query: store.ReceiptsOfUser, args: []any{"u1", 10}, ordered: true, index: "receipts_of_user"}
	asked["count of a person"] = ask{query: "SELECT 1" + store.ActiveOfUser(d.Dialect) + " LIMIT 1000", args: []any{"u1", db.Millis(since)}, index: "sign_ins_living_of_user"}
	asked["living of a person"] = ask{
		query: "SELECT " + store.SignInColumns + store.ActiveOfUser(d.Dialect) + store.OthersByLastSeen, args: []any{"u1", db.Millis(since), "sid-1", 10, 90},
		ordered: true, index: "sign_ins_living_of_user",
	}
	asked["saved filters"] = ask{query: store.SavedFiltersOf, args: []any{"u1", "people", 20}, ordered: true}
	asked["failed sign-ins"] = ask{query: store.FailedSignInsQuery(d.Dialect), args: []any{2_000_000, 1000, 50}, index: "audit_failed_sign_ins"}
	for name, q := range auditQueries() {
		query, args := q.Statement(15_000_000, d.Dialect)
		asked["audit "+name] = ask{query: query, args: args, ordered: true, along: true, index: auditIndex(q)}
	}
	return asked
}

// auditQueries are all choices of filters, each from the beginning, from a row on and back, with and without days.
func auditQueries() map[string]store.AuditQuery {
	asked := map[string]store.AuditQuery{}
	for filters := range 16 {
		for from := range 6 {
			q := store.AuditQuery{Limit: 50}
			for i, set := range []func(){
				func() { q.ActorID = "admin-1" }, func() { q.Action = "action-1" },
				func() { q.TargetKind = "kind-1" }, func() { q.TargetID = "u1" },
			} {
				if filters&(1<<i) != 0 {
					set()
				}
			}
			if from%2 == 1 {
				q.From, q.To = time.UnixMilli(10_000_000), time.UnixMilli(20_000_000)
			}
			switch from / 2 {
			case 1:
				q.Older = 15_000
			case 2:
				q.Newer = 15_000
			}
			asked[fmt.Sprintf("%04b from %d", filters, from)] = q
		}
	}
	return asked
}

// auditIndex is the index that a query must follow. With more than two filters several are as good.
func auditIndex(q store.AuditQuery) string {
	var by []string
	for name, value := range map[string]string{"actor": q.ActorID, "action": q.Action, "kind": q.TargetKind, "target": q.TargetID} {
		if value != "" {
			by = append(by, name)
		}
	}
	switch slices.Sort(by); len(by) {
	case 0:
		return "audit_by_time"
	case 1:
		return "audit_by_" + by[0] + " "
	case 2:
		if by[0] == "action" && by[1] == "actor" {
			slices.Reverse(by)
		}
		return "audit_by_" + by[0] + "_" + by[1] + " "
	}
	return "audit_by_"
}
