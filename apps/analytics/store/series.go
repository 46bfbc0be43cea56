package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse.example/db"
)

// Span selects events from From to To (exclusive) of App or, if App is empty, of all apps. If Raw is set, raw events
// are counted, which may begin and end anywhere; otherwise rollups, which begin and end at full hours.
type Span struct {
	From, To time.Time
	App      string
	Raw      bool
}

// Cell is the number of events of one type and variant in one bucket, and their sum of money.
type Cell struct {
	Bucket  int64  `db:"bucket"` // its start, in milliseconds since 1970
	Type    string `db:"type"`
	Variant string `db:"variant"`
	Total   int64  `db:"total"`
	Cents   int64  `db:"cents"`
}

// Series counts the events in span by buckets of step, in no particular order. It omits buckets without events.
func (s *Store) Series(ctx context.Context, span Span, step, offset time.Duration) ([]Cell, error) {
	return s.cells(ctx, span.sources(step, "events", "hourly", "rollups"), func(at string) string { return bucketExpression(at, step, offset) })
}

// Totals counts the events in span as a whole; the Bucket of the returned cells is 0.
func (s *Store) Totals(ctx context.Context, span Span) ([]Cell, error) {
	return s.cells(ctx, span.sources(0, "events", "hourly", "rollups"), func(string) string { return "0" })
}

func (s *Store) cells(ctx context.Context, sources []source, bucket func(at string) string) ([]Cell, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	query, args := cellsOf(sources, bucket)
	return db.All[Cell](ctx, s.db, "analytics: series", query, args...)
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

// bucketExpression returns the SQL expression for the start of the bucket that contains at. Integer division gives the
// same result on both databases.
func bucketExpression(at string, step, offset time.Duration) string {
	s, o := step.Milliseconds(), offset.Milliseconds()
	return fmt.Sprintf("((%s - %d) / %d) * %d + %d", at, o, s, s, o)
}
