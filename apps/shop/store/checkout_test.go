package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
)

var details = store.Details{Address: store.Address{Name: "A", Street: "1 Street", Postcode: "1234", City: "City", Country: "NO"}, Shipping: "standard", Payment: "test-approved"}

func summary(ctx context.Context, t *testing.T, s *store.Store, sub string) string {
	t.Helper()
	lines, err := s.Cart(ctx, store.PersonCart(sub))
	if err != nil {
		t.Fatal(err)
	}
	return store.Summary(lines, details)
}

func TestPlace_LastItemsAreSoldOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		const people, left = 50, 3 // of the knocker; of the soap there is enough for all
		sums := make([]string, people)
		for i := range people {
			sub := fmt.Sprintf("p%d", i)
			for _, slug := range []string{"ring-door-knocker", "olive-soap"} {
				if _, _, err := s.Add(ctx, store.PersonCart(sub), slug, 1, "192.0.2.1", now); err != nil {
					t.Fatal(err)
				}
			}
			sums[i] = summary(ctx, t, s, sub)
		}
		soap := stockOf(t, s, "olive-soap")
		var wg sync.WaitGroup
		var mu sync.Mutex
		placed, soldOut := 0, 0
		for i := range people {
			wg.Go(func() {
				_, _, err := s.PlaceOrder(ctx, store.Checkout{Subject: fmt.Sprintf("p%d", i), Details: details, Key: "k", Summary: sums[i], Now: now})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					placed++
				case errors.Is(err, store.ErrSoldOut):
					soldOut++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if placed != left || soldOut != people-left {
			t.Errorf("%d orders and %d refusals", placed, soldOut)
		}
		if n := stockOf(t, s, "ring-door-knocker"); n != 0 {
			t.Errorf("%d knockers are left", n)
		}
		if n := stockOf(t, s, "olive-soap"); n != soap-left {
			t.Errorf("%d soaps are left, want %d: a refused order took some", n, soap-left)
		}
		var events, units int
		if err := d.GetContext(ctx, &events, `SELECT COUNT(*) FROM event_outbox WHERE type = 'order_placed'`); err != nil || events != left {
			t.Errorf("%d events, %v", events, err)
		}
		if err := d.GetContext(ctx, &units, `SELECT COUNT(*) FROM cart_items`); err != nil || units != 2*(people-left) {
			t.Errorf("%d lines are in carts, %v", units, err)
		}
	})
}

func TestPlace_OneFormIsOneOrder(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		if _, _, err := s.Add(ctx, store.PersonCart("p"), "olive-soap", 2, "192.0.2.1", now); err != nil {
			t.Fatal(err)
		}
		before, sum := stockOf(t, s, "olive-soap"), summary(ctx, t, s, "p")
		var wg sync.WaitGroup
		var mu sync.Mutex
		ids, firsts := map[string]bool{}, 0
		for range 12 {
			wg.Go(func() {
				id, again, err := s.PlaceOrder(ctx, store.Checkout{Subject: "p", Details: details, Key: "same", Summary: sum, Now: now})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				ids[id] = true
				if !again {
					firsts++
				}
			})
		}
		wg.Wait()
		if len(ids) != 1 || firsts != 1 {
			t.Errorf("%d orders, %d of them first", len(ids), firsts)
		}
		if n := stockOf(t, s, "olive-soap"); n != before-2 {
			t.Errorf("%d are left of %d", n, before)
		}
	})
}

// Of concurrent checkouts of one cart in several tabs, some of them with a card that is declined, one makes an order.
func TestPlace_OneCartIsOneOrder(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		if _, _, err := s.Add(ctx, store.PersonCart("p"), "olive-soap", 2, "192.0.2.1", now); err != nil {
			t.Fatal(err)
		}
		lines, err := s.Cart(ctx, store.PersonCart("p"))
		if err != nil {
			t.Fatal(err)
		}
		before := stockOf(t, s, "olive-soap")
		declined := details
		declined.Payment = "test-declined"
		var wg sync.WaitGroup
		var placed atomic.Int64
		for i := range 12 {
			wg.Go(func() {
				chosen := []store.Details{details, declined}[i%2]
				_, _, err := s.PlaceOrder(ctx, store.Checkout{Subject: "p", Details: chosen, Key: fmt.Sprint("tab", i), Summary: store.Summary(lines, chosen), Now: now})
				switch {
				case err == nil:
					placed.Add(1)
				case !errors.Is(err, store.ErrEmpty) && !errors.Is(err, store.ErrDeclined):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := placed.Load(); n != 1 || stockOf(t, s, "olive-soap") != before-2 {
			t.Errorf("%d orders; %d left of %d", n, stockOf(t, s, "olive-soap"), before)
		}
		for missing, chosen := range map[string]store.Details{"address": {Shipping: "standard", Payment: "test-approved"}, "shipping": {Address: details.Address, Payment: "test-approved"}, "payment": {Address: details.Address, Shipping: "standard"}} {
			if _, _, err := s.Add(ctx, store.PersonCart("p"), "olive-soap", 1, "192.0.2.1", now); err != nil {
				t.Fatal(err)
			}
			lines, _ := s.Cart(ctx, store.PersonCart("p"))
			if _, _, err := s.PlaceOrder(ctx, store.Checkout{Subject: "p", Details: chosen, Key: missing, Summary: store.Summary(lines, chosen), Now: now}); !errors.Is(err, store.ErrChanged) {
				t.Errorf("an order without %s: %v", missing, err)
			}
		}
	})
}

func TestEstimate_CountsWorkingDays(t *testing.T) {
	friday := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, s := range store.ShippingOptions {
		first, last := s.Estimate(friday)
		want := map[string][2]int{"standard": {2, 4}, "express": {1, 1}, "next-day": {30, 30}}[s.Key]
		if first.Day() != want[0] || last.Day() != want[1] {
			t.Errorf("%s: %s to %s", s.Key, first, last)
		}
	}
}

func TestPlace_OnlyWhatWasSeen(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		place := func(key, sum string) error {
			_, _, err := s.PlaceOrder(ctx, store.Checkout{Subject: "p", Details: details, Key: key, Summary: sum, Now: now})
			return err
		}
		if err := place("k1", ""); !errors.Is(err, store.ErrEmpty) {
			t.Errorf("an empty cart: %v", err)
		}
		if _, _, err := s.Add(ctx, store.PersonCart("p"), "olive-soap", 1, "192.0.2.1", now); err != nil {
			t.Fatal(err)
		}
		sum := summary(ctx, t, s, "p")
		if _, err := d.ExecContext(ctx, `UPDATE products SET price_cents = price_cents + 100 WHERE slug = 'olive-soap'`); err != nil {
			t.Fatal(err)
		}
		if err := place("k1", sum); !errors.Is(err, store.ErrChanged) {
			t.Errorf("a changed price: %v", err)
		}
		lines, err := s.Cart(ctx, store.PersonCart("p"))
		if err != nil || len(lines) != 1 || lines[0].PriceCents != lines[0].SeenCents+100 {
			t.Errorf("the cart: %v, %v", lines, err)
		}
		if err := place("k1", store.Summary(lines, details)); err != nil {
			t.Error(err)
		}
		page, err := s.Orders(ctx, "p", 1, 5)
		if err != nil || page.Total != 1 || page.Orders[0].TotalCents != lines[0].PriceCents {
			t.Errorf("orders: %+v, %v", page, err)
		}
		if _, err := s.Order(ctx, "somebody else", page.Orders[0].ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another's order: %v", err)
		}
	})
}
