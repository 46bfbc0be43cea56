package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/apps/analytics/period"
	"gatehouse/db"
)

// Span is what is asked about: from From up to but not including To, for App or, when that is empty, all apps. Raw takes
// raw events, which can be cut anywhere, instead of rollups, which are cut at full hours.
type Span struct {
	From, To time.Time
	App      string
	Raw      bool
}

// Cell is how often one thing happened in one bucket.
type Cell struct {
	Bucket  int64  `db:"bucket"` // its beginning, in milliseconds since 1970
	Type    string `db:"type"`
	Variant string `db:"variant"`
	Total   int64  `db:"total"`
	Cents   int64  `db:"cents"`
}

// Series counts everything in s by buckets of step, in no particular order. Buckets without events are left out.
func (s *Store) Series(ctx context.Context, span Span, step, offset time.Duration) ([]Cell, error) {
	return s.cells(ctx, span, func(at string) string { return cut(at, step, offset) })
}

func (s *Store) cells(ctx context.Context, span Span, bucket func(at string) string) ([]Cell, error) {
	source, at, total := "hourly", "hour_at", "SUM(total)"
	if span.Raw {
		source, at, total = "events", "happened_at", "COUNT(*)"
	}
	query := `SELECT ` + bucket(at) + ` AS bucket, type, variant, CAST(` + total + ` AS BIGINT) AS total, CAST(SUM(cents) AS BIGINT) AS cents FROM ` + source
	where, args := span.where(at)
	var cells []Cell
	if err := s.db.SelectContext(ctx, &cells, s.db.Rebind(query+where+` GROUP BY bucket, type, variant`), args...); err != nil {
		return nil, fmt.Errorf("analytics: series: %w", err)
	}
	return cells, nil
}

// Totals counts everything in s; the cells' Bucket is 0.
func (s *Store) Totals(ctx context.Context, span Span) ([]Cell, error) {
	return s.cells(ctx, span, func(string) string { return "0" })
}

// People is how many different people did anything, by the beginning of each bucket in milliseconds since 1970.
func (s *Store) People(ctx context.Context, span Span, step, offset time.Duration) (map[int64]int64, error) {
	source, at := peopleSource(span, step)
	where, args := span.where(at)
	query := `SELECT ` + cut(at, step, offset) + ` AS bucket, COUNT(DISTINCT subject) AS total FROM ` + source + where + ` AND subject <> '' GROUP BY bucket`
	var cells []Cell
	if err := s.db.SelectContext(ctx, &cells, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("analytics: people: %w", err)
	}
	people := make(map[int64]int64, len(cells))
	for _, c := range cells {
		people[c.Bucket] = c.Total
	}
	return people, nil
}

// CountPeople is how many different people did anything in s.
func (s *Store) CountPeople(ctx context.Context, span Span) (int64, error) {
	step := time.Hour
	if midnight(span.From) && midnight(span.To) {
		step = period.Day
	}
	source, at := peopleSource(span, step)
	where, args := span.where(at)
	var n int64
	err := s.db.GetContext(ctx, &n, s.db.Rebind(`SELECT COUNT(DISTINCT subject) FROM `+source+where+` AND subject <> ''`), args...)
	if err != nil {
		return 0, fmt.Errorf("analytics: people: %w", err)
	}
	return n, nil
}

// peopleSource is the smallest table that can be cut by step.
func peopleSource(span Span, step time.Duration) (table, at string) {
	switch {
	case span.Raw:
		return "events", "happened_at"
	case step%period.Day == 0:
		return "people_daily", "day_at"
	default:
		return "people_hourly", "hour_at"
	}
}

func midnight(t time.Time) bool { return t.Equal(period.Floor(t, period.Day)) }

// cut is the SQL of the beginning of at's bucket. Integers divide alike on both databases.
func cut(at string, step, offset time.Duration) string {
	s, o := step.Milliseconds(), offset.Milliseconds()
	return fmt.Sprintf("((%s - %d) / %d) * %d + %d", at, o, s, s, o)
}

func (s Span) where(at string) (string, []any) {
	where, args := ` WHERE `+at+` >= ? AND `+at+` < ?`, []any{db.Millis(s.From), db.Millis(s.To)}
	if s.App != "" {
		where += ` AND app = ?`
		args = append(args, s.App)
	}
	return where, args
}
