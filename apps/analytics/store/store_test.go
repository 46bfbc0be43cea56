package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/seed"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/tests/env"
)

var (
	now  = time.Date(2026, 11, 23, 10, 17, 3, 0, time.UTC)
	keep = store.Retention{Raw: 35 * period.Day, Rollups: 400 * period.Day, Rejects: 5}
)

func open(t *testing.T, d *db.DB) *store.Store {
	t.Helper()
	s, err := store.New(d, keep)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func signIn(id, subject string, at time.Time) fact.Fact {
	return fact.Fact{ID: id, Type: events.SignIn, Variant: fact.Password, App: "portal", Service: "portal", Subject: subject, Data: "{}", At: at}
}

func order(id, product string, at time.Time) fact.Fact {
	return fact.Fact{
		ID: id, Type: events.OrderPlaced, App: "shop", Service: "shop", Subject: "demo-alice", Cents: 500, Data: "{}", At: at,
		Sales: []fact.Sale{{Product: product, Name: "The " + product, Quantity: 2, Cents: 500}},
	}
}

func all(raw bool) store.Span {
	return store.Span{From: now.AddDate(0, 0, -60), To: now.AddDate(0, 0, 1), Raw: raw}
}

func total(t *testing.T, s *store.Store, span store.Span) (n, cents int64) {
	t.Helper()
	cells, err := s.Totals(t.Context(), span)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells {
		n, cents = n+c.Total, cents+c.Cents
	}
	return n, cents
}

func TestAdd_CountsAnEventOnce(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		batch := []fact.Fact{signIn("a", "x", now), order("b", "lamp", now), signIn("a", "x", now)}
		for i, want := range []int{2, 0, 0} {
			if added, err := s.Add(t.Context(), batch, nil, now); err != nil || added != want {
				t.Fatalf("time %d: %d added, %v; want %d", i+1, added, err, want)
			}
		}
		for _, raw := range []bool{false, true} {
			if n, cents := total(t, s, all(raw)); n != 2 || cents != 500 {
				t.Errorf("raw %v: %d events, %d cents", raw, n, cents)
			}
			sellers, err := s.Sellers(t.Context(), all(raw), 10)
			if err != nil || len(sellers) != 1 || sellers[0] != (store.Seller{Product: "lamp", Name: "The lamp", Quantity: 2, Cents: 500}) {
				t.Errorf("raw %v: %v, %v", raw, sellers, err)
			}
		}
	})
}

func TestSellers_HaveTheirNewestName(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		named := func(id, name string, at time.Time) fact.Fact {
			f := order(id, "stool", at)
			f.Sales[0].Name = name
			return f
		}
		hour := now.Truncate(time.Hour)
		for _, f := range []fact.Fact{
			named("a", "Walnut Stool", hour.AddDate(0, 0, -20)),
			named("b", "Oak Stool", hour.Add(2*time.Minute)),
			named("c", "Walnut Stool", hour.Add(time.Minute)), // late
		} {
			if _, err := s.Add(t.Context(), []fact.Fact{f}, nil, now); err != nil {
				t.Fatal(err)
			}
		}
		for _, span := range []store.Span{all(false), all(true), {From: hour, To: hour.Add(time.Hour)}} {
			if sellers, err := s.Sellers(t.Context(), span, 10); err != nil || len(sellers) != 1 || sellers[0].Name != "Oak Stool" {
				t.Errorf("from %s: %v, %v", span.From, sellers, err)
			}
		}
	})
}

func TestAdd_ReplicasAtOnceCountOnce(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		var batch []fact.Fact
		for i := range 200 {
			batch = append(batch, signIn(fmt.Sprintf("e%d", i), fmt.Sprintf("p%d", i%7), now.Add(-time.Duration(i)*time.Minute)))
		}
		var wg sync.WaitGroup
		for range 4 {
			for i := range 4 { // overlapping parts
				wg.Go(func() {
					if _, err := s.Add(t.Context(), batch[i*40:i*40+80], nil, now); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		if n, _ := total(t, s, all(false)); n != 200 {
			t.Errorf("%d counted of 200", n)
		}
		if n, err := s.CountPeople(t.Context(), all(false)); err != nil || n != 7 {
			t.Errorf("%d people of 7, %v", n, err)
		}
	})
}

func TestAdd_KeepsTheNewestRejects(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		for i := range 8 {
			r := fact.Rejected{ID: fmt.Sprintf("r%d", i), Reject: fact.Reject{Reason: fact.Unknown, Detail: "x"}, Event: "{}"}
			for range 2 { // delivered twice, counted once
				if _, err := s.Add(t.Context(), nil, []fact.Rejected{r}, now.Add(time.Duration(i)*time.Second)); err != nil {
					t.Fatal(err)
				}
			}
		}
		rejects, err := s.Rejects(t.Context(), 100)
		if err != nil || len(rejects) != keep.Rejects || rejects[0].ID != "r7" {
			t.Errorf("kept %v, %v", rejects, err)
		}
		if skipped, err := s.Skipped(t.Context()); err != nil || skipped[string(fact.Unknown)] != 8 {
			t.Errorf("%v, %v: want all 8", skipped, err)
		}
	})
}

func TestPrune_KeepsRollupsOfWhatItDeletes(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		old := now.AddDate(0, 0, -40)
		for _, at := range []time.Time{old, now} {
			if _, err := s.Add(t.Context(), []fact.Fact{order("o"+at.String(), "lamp", at)}, nil, at); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := s.Prune(t.Context(), now); err != nil || n != 1 {
			t.Fatalf("%d pruned, %v", n, err)
		}
		raw, _ := total(t, s, all(true))
		rolled, _ := total(t, s, all(false))
		if raw != 1 || rolled != 2 {
			t.Errorf("%d raw events and %d in rollups; want 1 and 2", raw, rolled)
		}
		if _, err := s.Prune(t.Context(), now.Add(keep.Rollups)); err != nil {
			t.Fatal(err)
		}
		if rolled, _ := total(t, s, all(false)); rolled != 1 {
			t.Errorf("%d in rollups after their time", rolled)
		}
	})
}

func TestSeed_HappensOnce(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		var wg sync.WaitGroup
		var mu sync.Mutex
		seeded := 0
		began := time.Now()
		for range 3 {
			wg.Go(func() {
				did, err := s.Seed(t.Context(), func() []fact.Fact { return seed.History(now) }, now)
				if err != nil {
					t.Error(err)
				}
				if did {
					mu.Lock()
					seeded++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		t.Logf("seeding took %s", time.Since(began).Round(time.Millisecond))
		want := int64(len(seed.History(now)))
		rolled, _ := total(t, s, all(false))
		raw, _ := total(t, s, all(true))
		if seeded != 1 || rolled != want || raw != want {
			t.Errorf("seeded %d times: %d in rollups, %d raw, of %d", seeded, rolled, raw, want)
		}
		if until, err := s.DemoUntil(t.Context()); err != nil || !until.Equal(now.Truncate(time.Millisecond)) {
			t.Errorf("demonstration until %s, %v", until, err)
		}
	})
}

func TestSeed_LeavesRealHistoryAlone(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		yesterday := now.AddDate(0, 0, -1)
		if _, err := s.Add(t.Context(), []fact.Fact{signIn("real", "x", yesterday)}, nil, yesterday); err != nil {
			t.Fatal(err)
		}
		did, err := s.Seed(t.Context(), func() []fact.Fact { return seed.History(now) }, now)
		if err != nil || did {
			t.Errorf("seeded %v, %v", did, err)
		}
		if until, err := s.DemoUntil(t.Context()); err != nil || !until.IsZero() {
			t.Errorf("demonstration until %s, %v", until, err)
		}
	})
}

func TestFoldPeople_CountsWhatOlderVersionsLeft(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		s := open(t, d)
		const people, hours = 300, 30
		for h := range hours {
			hour := period.Floor(now, time.Hour).Add(-time.Duration(h) * time.Hour)
			for _, row := range []struct {
				table, column string
				at            time.Time
			}{{"people_hourly", "hour_at", hour}, {"people_daily", "day_at", period.Floor(hour, period.Day)}} {
				for i := range people {
					if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO `+row.table+` (`+row.column+`, app, subject) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`),
						db.Millis(row.at), "shop", fmt.Sprintf("person-%d", (i+h)%people)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if folded, err := s.FoldPeople(t.Context()); err != nil || folded < people*hours {
			t.Fatalf("%d rows folded, %v", folded, err)
		}
		for _, app := range []string{"", "shop"} {
			span := all(false)
			span.App = app
			if n, err := s.CountPeople(t.Context(), span); err != nil || n != people {
				t.Errorf("app %q: %d people, %v; want %d", app, n, err, people)
			}
		}
		if again, err := s.FoldPeople(t.Context()); err != nil || again != 0 {
			t.Errorf("%d rows were left, %v", again, err)
		}
	})
}
