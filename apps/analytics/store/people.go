package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/db"
)

// sketchKey identifies a stored sketch: the users who were active in a bucket, in one app or, if app is "", in any.
type sketchKey struct {
	width int64
	app   string
	at    int64
}

func (k sketchKey) compare(o sketchKey) int {
	return cmp.Or(cmp.Compare(k.width, o.width), cmp.Compare(k.app, o.app), cmp.Compare(k.at, o.at))
}

// active holds the hashes of active users by bucket and app.
type active map[sketchKey][]uint64

func (a active) add(at time.Time, app, subject string) {
	if subject == "" {
		return
	}
	hash := hashOf(subject)
	for _, width := range widths {
		begin := db.Millis(period.Floor(at, width))
		for _, of := range []string{app, ""} {
			k := sketchKey{width.Milliseconds(), of, begin}
			a[k] = append(a[k], hash)
		}
	}
}

// maxSketches limits how many sketches are read and written together, which takes at most 8 MiB.
const maxSketches = 500

// addPeople adds users to the stored sketches. It locks the rows in the order of their keys.
func addPeople(ctx context.Context, tx *sqlx.Tx, people active) error {
	keys := sortedKeys(people, sketchKey.compare)
	for len(keys) > 0 {
		n := min(len(keys), maxSketches)
		if err := addToSketches(ctx, tx, keys[:n], people); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func addToSketches(ctx context.Context, tx *sqlx.Tx, keys []sketchKey, people active) error {
	columns := []string{"width", "app", "at", "sketch"}
	empty := insert{table: "people_sketches", columns: columns, tail: "ON CONFLICT DO NOTHING"}
	var args []any
	for _, k := range keys {
		empty.add(k.width, k.app, k.at, []byte{})
		args = append(args, k.width, k.app, k.at)
	}
	if err := empty.exec(ctx, tx); err != nil { // creates the rows to lock
		return err
	}
	query := `SELECT width, app, at, sketch FROM people_sketches WHERE (width, app, at) IN (VALUES ` +
		strings.TrimSuffix(strings.Repeat("(CAST(? AS BIGINT), ?, CAST(? AS BIGINT)), ", len(keys)), ", ") + `) ORDER BY width, app, at`
	if tx.DriverName() == "pgx" {
		query += ` FOR UPDATE`
	}
	type row struct {
		Width  int64  `db:"width"`
		App    string `db:"app"`
		At     int64  `db:"at"`
		Sketch []byte `db:"sketch"`
	}
	rows, err := db.All[row](ctx, tx, "people sketches", query, args...)
	if err != nil {
		return err
	}
	changed := insert{table: "people_sketches", columns: columns, tail: "ON CONFLICT (width, app, at) DO UPDATE SET sketch = excluded.sketch"}
	for _, r := range rows {
		s := newSketch(maxStored)
		if err := s.merge(r.Sketch); err != nil {
			return err
		}
		for _, h := range people[sketchKey{r.Width, r.App, r.At}] {
			s.add(h)
		}
		if now := s.stored(); !bytes.Equal(now, r.Sketch) {
			changed.add(r.Width, r.App, r.At, now)
		}
	}
	return changed.exec(ctx, tx)
}

// People returns the number of distinct active users of each bucket that has any, by its start in milliseconds since
// 1970. The number is exact if it is small or if span.Raw is set, otherwise within one or two percent.
func (s *Store) People(ctx context.Context, span Span, step, offset time.Duration) (map[int64]int64, error) {
	if span.Raw {
		return s.rawPeople(ctx, span, step, offset)
	}
	buckets := map[int64]*sketch{}
	err := s.eachSketch(ctx, span, parts(span.From, span.To, step), func(at int64, stored []byte) error {
		bucket := db.Millis(period.Floor(db.Time(at), step))
		if buckets[bucket] == nil {
			buckets[bucket] = newSketch(maxExact)
		}
		return buckets[bucket].merge(stored)
	})
	if err != nil {
		return nil, err
	}
	people := make(map[int64]int64, len(buckets))
	for bucket, s := range buckets {
		people[bucket] = s.count()
	}
	return people, nil
}

// CountPeople returns the number of distinct active users in span, as exactly as [Store.People].
func (s *Store) CountPeople(ctx context.Context, span Span) (int64, error) {
	if span.Raw {
		people, err := s.rawPeople(ctx, span, 0, 0)
		return people[0], err
	}
	everyone := newSketch(maxExact)
	err := s.eachSketch(ctx, span, parts(span.From, span.To, 0), func(_ int64, stored []byte) error { return everyone.merge(stored) })
	return everyone.count(), err
}

func (s *Store) eachSketch(ctx context.Context, span Span, parts []part, do func(at int64, stored []byte) error) error {
	for _, p := range parts {
		rows, err := s.db.QueryContext(ctx, s.db.Rebind(sketchesOf), p.width.Milliseconds(), span.App, db.Millis(p.from), db.Millis(p.to))
		if err != nil {
			return fmt.Errorf("analytics: people: %w", err)
		}
		for rows.Next() {
			var at int64
			var stored []byte
			if err = rows.Scan(&at, &stored); err == nil {
				err = do(at, stored)
			}
			if err != nil {
				break
			}
		}
		if err := cmp.Or(err, rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("analytics: people: %w", err)
		}
	}
	return nil
}

const sketchesOf = `SELECT at, sketch FROM people_sketches WHERE width = ? AND app = ? AND at >= ? AND at < ?`

// rawPeople counts distinct users in the raw events, in buckets of step or, if step is 0, in a single bucket 0.
func (s *Store) rawPeople(ctx context.Context, span Span, step, offset time.Duration) (map[int64]int64, error) {
	o := span.source("events", "happened_at", span.From, span.To)
	bucket := "0"
	if step > 0 {
		bucket = bucketExpression(o.at, step, offset)
	}
	query := `SELECT ` + bucket + ` AS bucket, COUNT(DISTINCT subject) AS total FROM ` + o.table + o.where + ` AND subject <> '' GROUP BY 1`
	cells, err := db.All[Cell](ctx, s.db, "analytics: people", query, o.args...)
	if err != nil {
		return nil, err
	}
	people := make(map[int64]int64, len(cells))
	for _, c := range cells {
		people[c.Bucket] = c.Total
	}
	return people, nil
}

// maxFolded limits how many rows one transaction converts, so that it holds the write lock only briefly.
const maxFolded = 2000

// FoldPeople converts the rows in which older versions stored active users into sketches, and returns how many rows it
// removed. Replicas may call it concurrently.
func (s *Store) FoldPeople(ctx context.Context) (folded int, err error) {
	for {
		n, err := s.foldSome(ctx)
		if folded += n; err != nil || n == 0 {
			return folded, err
		}
	}
}

func (s *Store) foldSome(ctx context.Context) (n int, err error) {
	const some = `SELECT hour_at, app, subject FROM people_hourly ORDER BY hour_at, app, subject LIMIT ?`
	there, err := db.One[bool](ctx, s.db, "analytics: fold people", `SELECT EXISTS (SELECT 1 FROM people_hourly) OR EXISTS (SELECT 1 FROM people_daily)`)
	if err != nil || !there { // every start but the first ends here, without the write lock
		return 0, err
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		type row struct {
			Hour    int64  `db:"hour_at"`
			App     string `db:"app"`
			Subject string `db:"subject"`
		}
		rows, err := db.All[row](ctx, tx, "people hourly", some, maxFolded)
		if err != nil {
			return err
		}
		n = len(rows)
		if n == 0 { // the daily rows repeat what the hourly ones said
			n, err = db.Change(ctx, tx, "people daily", `DELETE FROM people_daily WHERE (day_at, app, subject) IN
				(SELECT day_at, app, subject FROM people_daily LIMIT ?)`, maxFolded)
			return err
		}
		people := active{}
		for _, r := range rows {
			people.add(db.Time(r.Hour), r.App, r.Subject)
		}
		if err := addPeople(ctx, tx, people); err != nil {
			return err
		}
		last := rows[n-1]
		return db.Exec(ctx, tx, "people hourly", `DELETE FROM people_hourly WHERE (hour_at, app, subject) <= (?, ?, ?)`, last.Hour, last.App, last.Subject)
	})
	if err != nil {
		return 0, fmt.Errorf("analytics: fold people: %w", err)
	}
	return n, nil
}
