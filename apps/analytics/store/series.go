package store

import (
	"context"
	"fmt"
	"time"
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
	return s.cells(ctx, span.sources(step, "events", "hourly", "rollups"), func(at string) string { return cut(at, step, offset) })
}

// Totals counts everything in s; the cells' Bucket is 0.
func (s *Store) Totals(ctx context.Context, span Span) ([]Cell, error) {
	return s.cells(ctx, span.sources(0, "events", "hourly", "rollups"), func(string) string { return "0" })
}

func (s *Store) cells(ctx context.Context, sources []source, bucket func(at string) string) ([]Cell, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	query, args := cellsOf(sources, bucket)
	var cells []Cell
	if err := s.db.SelectContext(ctx, &cells, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("analytics: series: %w", err)
	}
	return cells, nil
}

func cellsOf(sources []source, bucket func(at string) string) (query string, args []any) {
	rows, args := union(sources, func(o source) string {
		total := "total"
		if o.table == "events" {
			total = "1 AS total"
		}
		return bucket(o.at) + ` AS bucket, type, variant, ` + total + `, cents`
	})
	return `SELECT bucket, type, variant, CAST(SUM(total) AS BIGINT) AS total, CAST(SUM(cents) AS BIGINT) AS cents FROM ` + rows +
		` GROUP BY bucket, type, variant`, args
}

// cut is the SQL of the beginning of at's bucket. Integers divide alike on both databases.
func cut(at string, step, offset time.Duration) string {
	s, o := step.Milliseconds(), offset.Milliseconds()
	return fmt.Sprintf("((%s - %d) / %d) * %d + %d", at, o, s, s, o)
}
