package store_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/apps/analytics/store"
	"gatehouse.example/db"
	"gatehouse.example/events"
	"gatehouse.example/tests/env"
)

// truth counts facts in the plainest way.
type truth struct {
	cells   map[store.Cell]int64 // Total and Cents are 0 in the key
	cents   map[store.Cell]int64
	people  map[int64]map[string]bool
	sellers map[string]int64
}

func count(facts map[string]fact.Fact, span store.Span, step, offset time.Duration) truth {
	w := truth{map[store.Cell]int64{}, map[store.Cell]int64{}, map[int64]map[string]bool{}, map[string]int64{}}
	for _, f := range facts {
		if f.At.Before(span.From) || !f.At.Before(span.To) || span.App != "" && f.App != span.App {
			continue
		}
		bucket := period.Floor(f.At, step).UnixMilli()
		k := store.Cell{Bucket: bucket, Type: f.Type, Variant: f.Variant}
		w.cells[k]++
		w.cents[k] += f.Cents
		if w.people[bucket] == nil && f.Subject != "" {
			w.people[bucket] = map[string]bool{}
		}
		if f.Subject != "" {
			w.people[bucket][f.Subject] = true
		}
		for _, s := range f.Sales {
			w.sellers[s.Product] += s.Quantity
		}
	}
	return w
}

func drawFact(t *rapid.T) fact.Fact {
	f := fact.Fact{
		ID:      fmt.Sprintf("e%d", rapid.IntRange(0, 60).Draw(t, "id")),
		Service: "portal", Data: "{}",
		App:     rapid.SampledFrom([]string{"portal", "shop", "forum"}).Draw(t, "app"),
		Subject: rapid.SampledFrom([]string{"", "alice", "bob", "carol"}).Draw(t, "subject"),
		At:      now.Add(-time.Duration(rapid.Int64Range(0, int64(20*period.Day/time.Millisecond)).Draw(t, "ago")) * time.Millisecond).Truncate(time.Millisecond),
	}
	switch rapid.IntRange(0, 2).Draw(t, "type") {
	case 0:
		f.Type, f.Variant = events.SignIn, rapid.SampledFrom([]string{fact.Password, fact.SSO}).Draw(t, "method")
	case 1:
		f.Type, f.Variant = events.VoteCast, fact.Given
	default:
		f.Type = events.OrderPlaced
		for i := range rapid.IntRange(1, 3).Draw(t, "lines") {
			s := fact.Sale{Product: fmt.Sprintf("p%d", rapid.IntRange(0, 3).Draw(t, "product")), Name: fmt.Sprintf("line %d", i), Quantity: rapid.Int64Range(1, 9).Draw(t, "quantity"), Cents: rapid.Int64Range(0, 9999).Draw(t, "cents")}
			f.Sales = append(f.Sales, s)
			f.Cents += s.Cents
		}
	}
	return f
}

// Whatever comes, in whatever batches and however often again: rollups say what raw events say, and both say the truth.
func TestAdd_RollupsEqualTheTruth(t *testing.T) {
	env.EachDB(t, "analytics", func(t *testing.T, d *db.DB) {
		rapid.Check(t, func(r *rapid.T) {
			for _, table := range []string{"sales", "events", "hourly", "rollups", "people_sketches", "sales_hourly", "sales_rollups"} {
				if _, err := d.ExecContext(t.Context(), `DELETE FROM `+table); err != nil {
					r.Fatal(err)
				}
			}
			s := open(t, d)
			stored := map[string]fact.Fact{}
			for range rapid.IntRange(1, 4).Draw(r, "batches") {
				batch := rapid.SliceOfN(rapid.Custom(drawFact), 0, 25).Draw(r, "batch")
				fresh := 0
				for _, f := range batch {
					if _, there := stored[f.ID]; !there {
						stored[f.ID] = f
						fresh++
					}
				}
				if added, err := s.Add(t.Context(), batch, nil, now); err != nil || added != fresh {
					r.Fatalf("%d added, %v; want %d", added, err, fresh)
				}
			}
			span := store.Span{From: now.Truncate(period.Day).AddDate(0, 0, -rapid.IntRange(1, 25).Draw(r, "days")), To: now.Truncate(period.Day).AddDate(0, 0, 1)}
			span.App = rapid.SampledFrom([]string{"", "shop"}).Draw(r, "filter")
			step := rapid.SampledFrom([]time.Duration{time.Hour, 6 * time.Hour, period.Day, 7 * period.Day}).Draw(r, "step")
			p := period.Period{From: span.From, To: span.To, Step: step}
			want := count(stored, span, step, p.Offset())
			for _, span.Raw = range []bool{false, true} {
				compare(t, r, s, span, p, want)
			}
		})
	})
}

func compare(t *testing.T, r *rapid.T, s *store.Store, span store.Span, p period.Period, want truth) {
	cells, err := s.Series(t.Context(), span, p.Step, p.Offset())
	if err != nil {
		r.Fatal(err)
	}
	got, cents := map[store.Cell]int64{}, map[store.Cell]int64{}
	for _, c := range cells {
		k := store.Cell{Bucket: c.Bucket, Type: c.Type, Variant: c.Variant}
		got[k], cents[k] = c.Total, c.Cents
	}
	if !maps.Equal(got, want.cells) || !maps.Equal(cents, want.cents) {
		r.Fatalf("raw %v: %v, %v; the truth is %v, %v", span.Raw, got, cents, want.cells, want.cents)
	}
	people, err := s.People(t.Context(), span, p.Step, p.Offset())
	if err != nil {
		r.Fatal(err)
	}
	everyone := map[string]bool{}
	for bucket, who := range want.people {
		maps.Copy(everyone, who)
		if people[bucket] != int64(len(who)) {
			r.Fatalf("raw %v: %d people, the truth is %v", span.Raw, people[bucket], who)
		}
	}
	if len(people) != len(want.people) {
		r.Fatalf("raw %v: people in %d buckets, the truth is %d", span.Raw, len(people), len(want.people))
	}
	if n, err := s.CountPeople(t.Context(), span); err != nil || n != int64(len(everyone)) {
		r.Fatalf("raw %v: %d people in all, %v; the truth is %d", span.Raw, n, err, len(everyone))
	}
	sellers, err := s.Sellers(t.Context(), span, 100)
	if err != nil {
		r.Fatal(err)
	}
	sold := map[string]int64{}
	for _, seller := range sellers {
		sold[seller.Product] = seller.Quantity
	}
	if !maps.Equal(sold, want.sellers) {
		r.Fatalf("raw %v: sold %v, the truth is %v", span.Raw, sold, want.sellers)
	}
}
