package store

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

var (
	yearEnd   = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC) // within a day and a week
	yearBegin = yearEnd.AddDate(-1, 0, 0)
)

// A year is read in weeks, but for its ends, and nothing twice.
func TestParts_AYear(t *testing.T) {
	at, n := yearBegin, map[time.Duration]int{}
	for _, p := range parts(yearBegin, yearEnd, 0) {
		if !p.from.Equal(at) || !p.from.Equal(period.Floor(p.from, p.width)) || !p.to.Equal(period.Floor(p.to, p.width)) {
			t.Errorf("after %s comes %s to %s in steps of %s", at, p.from, p.to, p.width)
		}
		at = p.to
		n[p.width] += int(p.to.Sub(p.from) / p.width)
	}
	if !at.Equal(yearEnd) || n[week] < 51 || n[period.Day] > 12 || n[time.Hour] > 46 {
		t.Errorf("until %s: %v buckets", at, n)
	}
	if got := parts(yearEnd, yearEnd, 0); got != nil {
		t.Errorf("nothing is cut into %v", got)
	}
}

// What a year asks for is found by keys, in buckets as wide as fit, on both databases.
func TestPlans_AYearFollowsKeys(t *testing.T) {
	scan := regexp.MustCompile(`(?m)^SCAN (hourly|rollups|sales_hourly|sales_rollups|people_sketches|events|sales)|Seq Scan`)
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		fillYear(t, d)
		span := Span{From: yearBegin, To: yearEnd}
		for _, span.App = range []string{"", "shop"} {
			totals, args := cellsOf(span.sources(0, "events", "hourly", "rollups"), func(string) string { return "0" })
			series, seriesArgs := cellsOf(span.sources(week, "events", "hourly", "rollups"), func(at string) string { return bucketExpression(at, week, 4*period.Day) })
			sellers, sellersArgs := sellersOf(span.sources(0, "sales", "sales_hourly", "sales_rollups"))
			for name, ask := range map[string]struct {
				query string
				args  []any
			}{
				"totals": {totals, args}, "series": {series, seriesArgs}, "sellers": {sellers, append(sellersArgs, 12)},
				"people": {sketchesOf, []any{week.Milliseconds(), span.App, db.Millis(yearBegin), db.Millis(yearEnd)}},
			} {
				if plan := planOf(t, d, ask.query, ask.args); scan.MatchString(plan) {
					t.Errorf("%s of app %q read a table to its end:\n%s\n%s", name, span.App, ask.query, plan)
				}
			}
		}
	})
}

// fillYear makes each hour's row of each table of three years.
func fillYear(t *testing.T, d *db.DB) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO hourly SELECT h, 'shop', 'sign_in', 'sso', 1, 0 FROM hours`,
		`INSERT INTO rollups SELECT 86400000, h, 'shop', 'sign_in', 'sso', 1, 0 FROM hours`,
		`INSERT INTO sales_hourly SELECT h, 'shop', 'lamp', 'Lamp', 1, 100 FROM hours`,
		`INSERT INTO sales_rollups SELECT 86400000, h, 'shop', 'lamp', 'Lamp', 1, 100 FROM hours`,
		`INSERT INTO people_sketches SELECT 86400000, 'shop', h, '' FROM hours`,
	} {
		into, rest, _ := strings.Cut(statement, " SELECT")
		end := db.Millis(yearEnd)
		query := fmt.Sprintf(`%s WITH RECURSIVE hours(h) AS (SELECT CAST(%d AS BIGINT) UNION ALL SELECT h - 3600000 FROM hours WHERE h > %d) SELECT%s`,
			into, end, end-3*365*24*3600000, rest)
		if _, err := d.ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if _, err := d.ExecContext(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
}

func planOf(t *testing.T, d *db.DB, query string, args []any) string {
	t.Helper()
	explain := "EXPLAIN "
	if d.Dialect == db.SQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	tx, err := d.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if d.Dialect == db.Postgres { // which would rather read a table whole that is as small as a test's
		if _, err := tx.ExecContext(t.Context(), `SET LOCAL enable_seqscan = off`); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := tx.QueryxContext(t.Context(), tx.Rebind(explain+query), args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		cells, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(cells[len(cells)-1]))
	}
	if err := rows.Err(); err != nil || len(lines) == 0 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	return strings.Join(lines, "\n")
}

// A list of events is read in the order of an index and ends at its page, on both databases.
func TestPlans_EventListsFollowAnIndex(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		fillEvents(t, d)
		at := &Position{At: db.Millis(yearEnd), ID: "e5"}
		for name, f := range map[string]EventFilter{
			"all": {}, "two types": {Types: []string{"sign_in", "sign_out"}}, "an app": {Types: []string{"sign_in"}, App: "shop"},
			"older": {Types: []string{"sign_in"}, Before: at}, "newer": {Before: nil, After: at},
		} {
			f.From, f.To = yearBegin, yearEnd
			query, args := eventsOf(f, 51)
			plan := planOf(t, d, query, args)
			index := "events_type"
			if f.Types == nil {
				index = "events_happened_at"
			}
			if scansEvents.MatchString(plan) || !strings.Contains(plan, index) {
				t.Errorf("%s: not by %s:\n%s\n%s", name, index, query, plan)
			}
		}
	})
}

var scansEvents = regexp.MustCompile(`(?m)^\s*SCAN events|Seq Scan on events`)

// fillEvents adds an event for each hour of a year.
func fillEvents(t *testing.T, d *db.DB) {
	t.Helper()
	end := db.Millis(yearEnd)
	query := fmt.Sprintf(`INSERT INTO events (id, type, variant, app, service, subject, cents, data, happened_at, received_at)
		WITH RECURSIVE hours(h) AS (SELECT CAST(%d AS BIGINT) UNION ALL SELECT h - 3600000 FROM hours WHERE h > %d)
		SELECT 'e' || h, CASE h / 3600000 %% 3 WHEN 0 THEN 'sign_in' WHEN 1 THEN 'sign_out' ELSE 'order_placed' END, 'sso', 'shop', 'portal', 'p' || h %% 7, 0, '{}', h, h FROM hours`,
		end, end-365*24*3600000)
	if _, err := d.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ExecContext(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
}

// The funnel reads nothing but an index, retention joins by keys, and requests are listed in order, on both databases.
func TestPlans_FunnelRetentionAndRequests(t *testing.T) {
	scan := regexp.MustCompile(`(?m)^\s*SCAN (events|w|c|access_requests|saved_views|deployments)$|Seq Scan|SCAN (w|c)\b`)
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		fillEvents(t, d)
		for _, fill := range []string{
			`INSERT INTO sign_in_weeks SELECT DISTINCT happened_at / 604800000 * 604800000, subject FROM events`,
			`INSERT INTO cohorts SELECT subject, MIN(week_at), MAX(week_at) FROM sign_in_weeks GROUP BY subject`,
			`INSERT INTO access_requests SELECT id, 'n', 'e', '', happened_at FROM events`,
			`INSERT INTO deployments SELECT 'shop', id, happened_at FROM events`, `ANALYZE`,
		} {
			if _, err := d.ExecContext(t.Context(), fill); err != nil {
				t.Fatal(err)
			}
		}
		first := db.Millis(FirstCohort(yearEnd))
		for name, ask := range map[string]struct {
			query, index string
			args         []any
		}{
			"funnel":      {funnelQuery, "events_type", []any{db.Millis(yearBegin), db.Millis(yearEnd)}},
			"retention":   {retentionQuery, map[db.Dialect]string{db.SQLite: "SEARCH w USING PRIMARY KEY", db.Postgres: "sign_in_weeks"}[d.Dialect], []any{first}},
			"views":       {viewsOf, map[db.Dialect]string{db.SQLite: "saved_views", db.Postgres: "saved_views_pkey"}[d.Dialect], []any{"ann", MaxViews}},
			"deployments": {deploymentsOf, "deployments_at", []any{db.Millis(yearBegin), db.Millis(yearEnd), maxDeployments}},
			"requests":    {accessRequests, "access_requests_at", []any{25, 0}},
		} {
			if plan := planOf(t, d, ask.query, ask.args); scan.MatchString(plan) || !strings.Contains(plan, ask.index) {
				t.Errorf("%s: not by %s:\n%s", name, ask.index, plan)
			}
		}
	})
}
