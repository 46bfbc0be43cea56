package store

import (
	"context"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// FunnelSteps is the number of steps of the funnel: signed in to any app, opened the shop, started a cart, ordered.
const FunnelSteps = 4

const funnelQuery = `SELECT step, COUNT(*) AS people FROM (
		SELECT subject, MAX(CASE WHEN type = '` + events.OrderPlaced + `' THEN 3 WHEN type = '` + events.CartStarted + `' THEN 2 WHEN app = 'shop' THEN 1 ELSE 0 END) AS step
		FROM events WHERE type IN ('` + events.SignIn + `', '` + events.CartStarted + `', '` + events.OrderPlaced + `') AND happened_at >= ? AND happened_at < ? AND subject <> ''
		GROUP BY subject) AS furthest GROUP BY step`

// Funnel returns how many distinct users reached each step from from to to (exclusive), in raw events. A user who
// reached a step has reached all steps before it.
func (s *Store) Funnel(ctx context.Context, from, to time.Time) ([FunnelSteps]int64, error) {
	var people [FunnelSteps]int64
	type row struct {
		Step   int   `db:"step"`
		People int64 `db:"people"`
	}
	furthest, err := db.All[row](ctx, s.db, "analytics: funnel", funnelQuery, db.Millis(from), db.Millis(to))
	if err != nil {
		return people, err
	}
	for _, f := range furthest {
		for step := range f.Step + 1 {
			people[step] += f.People
		}
	}
	return people, nil
}
