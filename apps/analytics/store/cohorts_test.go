package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/tests/env"
)

const week = 7 * period.Day

func TestRetention_CountsEachPersonOnceAWeek(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		add := func(facts ...fact.Fact) {
			t.Helper()
			if _, err := s.Add(t.Context(), facts, nil, now); err != nil {
				t.Fatal(err)
			}
		}
		this := period.Floor(now, week)
		add(signIn("a1", "ann", this.Add(-2*week)), signIn("a2", "ann", this.Add(-2*week+time.Hour)), signIn("b1", "ben", this.Add(-2*week)),
			signIn("a3", "ann", this.Add(time.Hour)), signIn("c1", "cas", this), order("o1", "lamp", this.Add(-5*week)))
		add(signIn("b2", "ben", this.Add(-3*week))) // late: ben's first week was another
		add(signIn("old", "ann", this.Add(-20*week)), signIn("old2", "dee", this.Add(-20*week)), signIn("d2", "dee", this))
		got := map[string]int64{}
		retained, err := s.Retention(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range retained {
			got[fmt.Sprint(int(db.Time(r.Cohort).Sub(this)/week), int(db.Time(r.Week).Sub(this)/week))] = r.People
		}
		// ann and dee came first before the weeks that the table covers.
		if want := map[string]int64{"-3 -3": 1, "-3 -2": 1, "0 0": 1}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
		if _, err := s.Prune(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		var weeks, users int
		if err := d.GetContext(t.Context(), &weeks, `SELECT COUNT(*) FROM sign_in_weeks`); err != nil || weeks != 6 {
			t.Errorf("%d weeks are left, %v", weeks, err)
		}
		if err := d.GetContext(t.Context(), &users, `SELECT COUNT(*) FROM cohorts`); err != nil || users != 4 {
			t.Errorf("%d users are left, %v", users, err)
		}
	})
}

func TestFunnel_LaterStepsImplyEarlierOnes(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		at := now.Add(-time.Hour)
		shop := func(id, subject string) fact.Fact {
			f := signIn(id, subject, at)
			f.App, f.Variant = "shop", fact.SSO
			return f
		}
		cart := func(id, subject string) fact.Fact {
			return fact.Fact{ID: id, Type: events.CartStarted, App: "shop", Service: "shop", Subject: subject, Data: "{}", At: at}
		}
		early := signIn("early", "old", now.Add(-48*time.Hour))
		facts := []fact.Fact{signIn("1", "ann", at), shop("2", "ben"), shop("3", "cas"), cart("4", "cas"), cart("5", "cas"), order("6", "lamp", at), early}
		if _, err := s.Add(t.Context(), facts, nil, now); err != nil {
			t.Fatal(err)
		}
		// The order is demo-alice's, whose sign-in and cart were before the period.
		if people, err := s.Funnel(t.Context(), now.Add(-24*time.Hour), now); err != nil || people != [store.FunnelSteps]int64{4, 3, 2, 1} {
			t.Errorf("%v, %v", people, err)
		}
	})
}

func TestRequestAccess_IsBounded(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		ask := func(subject string, at time.Time) error {
			return s.RequestAccess(t.Context(), store.AccessRequest{Subject: subject, Name: "Ann", Email: "ann@example.com", Reason: "Reports"}, at)
		}
		for i := range 5 {
			err := ask("ann", now)
			if limit := (*db.RateLimitError)(nil); (i >= 3) != errors.As(err, &limit) {
				t.Errorf("request %d: %v", i+1, err)
			}
		}
		if n, err := s.CountAccessRequests(t.Context()); err != nil || n != 1 {
			t.Errorf("%d open requests, %v", n, err)
		}
		if err := s.CloseAccessRequest(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenAccessRequest(t.Context(), "ann"); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("a closed request is open: %v", err)
		}
		if err := ask("ann", now.Add(25*time.Hour)); err != nil {
			t.Errorf("a day later: %v", err)
		}
		if _, err := d.ExecContext(t.Context(), `INSERT INTO access_requests WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
			SELECT 'p' || i, '', '', '', i FROM n`); err != nil {
			t.Fatal(err)
		}
		if err := ask("ben", now); !errors.Is(err, store.ErrTooManyRequests) {
			t.Errorf("the request after a thousand: %v", err)
		}
	})
}
