package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/db"
	"gatehouse.example/events"
)

// CohortWeeks is the number of weeks for which sign-ins are kept by user and week.
const CohortWeeks = 12

type userWeek struct {
	week    int64
	subject string
}

type weekRange struct{ first, last int64 }

// addCohorts adds the weeks of sign-ins to those of their users. Rows are written in the order of their keys.
func addCohorts(ctx context.Context, tx *sqlx.Tx, facts []fact.Fact) error {
	weeks, users := map[userWeek]bool{}, map[string]weekRange{}
	for _, f := range facts {
		if f.Type != events.SignIn || f.Subject == "" {
			continue
		}
		at := db.Millis(period.Floor(f.At, week))
		weeks[userWeek{at, f.Subject}] = true
		r, known := users[f.Subject]
		if !known {
			r = weekRange{at, at}
		}
		users[f.Subject] = weekRange{min(r.first, at), max(r.last, at)}
	}
	cohorts := insert{
		table: "cohorts", columns: []string{"subject", "first_at", "last_at"},
		tail: `ON CONFLICT (subject) DO UPDATE SET
			first_at = CASE WHEN excluded.first_at < cohorts.first_at THEN excluded.first_at ELSE cohorts.first_at END,
			last_at = CASE WHEN excluded.last_at > cohorts.last_at THEN excluded.last_at ELSE cohorts.last_at END
			WHERE excluded.first_at < cohorts.first_at OR excluded.last_at > cohorts.last_at`,
	}
	for _, subject := range sortedKeys(users, strings.Compare) {
		cohorts.add(subject, users[subject].first, users[subject].last)
	}
	if err := cohorts.exec(ctx, tx); err != nil {
		return err
	}
	active := insert{table: "sign_in_weeks", columns: []string{"week_at", "subject"}, tail: "ON CONFLICT DO NOTHING"}
	for _, k := range sortedKeys(weeks, func(a, b userWeek) int {
		return cmp.Or(cmp.Compare(a.week, b.week), cmp.Compare(a.subject, b.subject))
	}) {
		active.add(k.week, k.subject)
	}
	return active.exec(ctx, tx)
}

// Retained is the number of distinct users whose first known sign-in was in the week that begins at Cohort, and who
// signed in in the week that begins at Week. Both are in milliseconds since 1970.
type Retained struct {
	Cohort int64 `db:"cohort_at"`
	Week   int64 `db:"week_at"`
	People int64 `db:"people"`
}

// retentionQuery also returns older cohorts: with a condition for them, SQLite would read all users of each week.
const retentionQuery = `SELECT COALESCE(c.first_at, 0) AS cohort_at, w.week_at, COUNT(*) AS people
	FROM sign_in_weeks w LEFT JOIN cohorts c ON c.subject = w.subject WHERE w.week_at >= ? GROUP BY 1, w.week_at`

// Retention returns the users of each cohort in each week since, for the last CohortWeeks weeks at now. It omits weeks
// without users.
func (s *Store) Retention(ctx context.Context, now time.Time) ([]Retained, error) {
	first := db.Millis(FirstCohort(now))
	retained, err := db.All[Retained](ctx, s.db, "analytics: retention", retentionQuery, first)
	return slices.DeleteFunc(retained, func(r Retained) bool { return r.Cohort < first }), err
}

// FirstCohort returns the start of the oldest week that [Store.Retention] covers at now.
func FirstCohort(now time.Time) time.Time {
	return period.Floor(now, week).Add(-(CohortWeeks - 1) * week)
}

// pruneCohorts deletes the weeks before those that Retention covers, and users who have not signed in for as long as
// rollups are kept.
func (s *Store) pruneCohorts(ctx context.Context, now time.Time) error {
	if err := db.Exec(ctx, s.db, "analytics: prune", `DELETE FROM sign_in_weeks WHERE week_at < ?`, db.Millis(FirstCohort(now))); err != nil {
		return err
	}
	return db.Exec(ctx, s.db, "analytics: prune", `DELETE FROM cohorts WHERE last_at < ?`, db.Millis(now.Add(-s.retention.Rollups)))
}
