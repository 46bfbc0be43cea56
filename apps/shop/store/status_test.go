package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
)

// place orders one unit of a product for the user.
func place(t *testing.T, s *store.Store, sub, product string, at time.Time) string {
	t.Helper()
	ctx := t.Context()
	if _, _, err := s.Add(ctx, store.PersonCart(sub), product, 1, "192.0.2.1", at); err != nil {
		t.Fatal(err)
	}
	id, _, err := s.PlaceOrder(ctx, store.Checkout{Subject: sub, Details: details, Key: rand.Text(), Summary: summary(ctx, t, s, sub), Now: at})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestStatus_FollowsTheClock(t *testing.T) {
	o := store.Order{PlacedAt: db.Millis(now)}
	for after, want := range map[time.Duration]store.Status{
		-time.Hour: store.Placed, 0: store.Placed, time.Minute: store.Paid, 10*time.Minute - time.Millisecond: store.Paid,
		10 * time.Minute: store.Packed, 59 * time.Minute: store.Sent, time.Hour: store.Delivered, 400 * 24 * time.Hour: store.Delivered,
	} {
		at := now.Add(after)
		if got := o.Status(at); got != want || o.CanCancel(at) != (want < store.Packed) || o.CanReturn(at) != (want == store.Delivered && after < 300*24*time.Hour) {
			t.Errorf("after %s: status %d, want %d", after, got, want)
		}
	}
}

func TestCancel_PutsBackOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		before := stockOf(t, s, "olive-soap")
		var id string
		for range 5 { // the first time, connections must be made
			id = place(t, s, "p", "olive-soap", now)
			if err := s.Cancel(ctx, "other", id, now); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("another's order: %v", err)
			}
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if err := s.Cancel(ctx, "p", id, now.Add(5*time.Minute)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		o, err := s.Order(ctx, "p", id)
		if n := stockOf(t, s, "olive-soap"); err != nil || n != before || o.Status(now.Add(time.Hour)) != store.Cancelled {
			t.Errorf("%d are in stock, want %d; status %d, %v", n, before, o.Status(now), err)
		}
		if buyers, err := s.Buyers(ctx, "olive-soap", []string{"p"}); err != nil || len(buyers) != 0 {
			t.Errorf("bought by %v, %v", buyers, err)
		}
		if err := s.Return(ctx, "p", id, now.Add(2*time.Hour)); !errors.Is(err, store.ErrNotReturned) {
			t.Errorf("a cancelled order was returned: %v", err)
		}
		late := place(t, s, "p", "olive-soap", now)
		if err := s.Cancel(ctx, "p", late, now.Add(10*time.Minute)); !errors.Is(err, store.ErrPacked) {
			t.Errorf("a packed order: %v", err)
		}
		if n := stockOf(t, s, "olive-soap"); n != before-1 {
			t.Errorf("%d are in stock, want %d", n, before-1)
		}
	})
}

func TestReturn_AfterDeliveryForThirtyDays(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		id := place(t, s, "p", "olive-soap", now)
		left := stockOf(t, s, "olive-soap")
		for _, after := range []time.Duration{0, 59 * time.Minute, 31 * 24 * time.Hour} {
			if err := s.Return(ctx, "p", id, now.Add(after)); !errors.Is(err, store.ErrNotReturned) {
				t.Errorf("after %s: %v", after, err)
			}
		}
		for range 2 {
			if err := s.Return(ctx, "p", id, now.Add(24*time.Hour)); err != nil {
				t.Error(err)
			}
		}
		o, err := s.Order(ctx, "p", id)
		if err != nil || o.Status(now) != store.Returned || !o.Reaches(store.Returned).Equal(now.Add(24*time.Hour)) || stockOf(t, s, "olive-soap") != left {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

func TestReorder_WhatIsStillThere(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		for slug, n := range map[string]int{"olive-soap": 3, "ring-door-knocker": 2, "claw-hammer": 1} {
			if _, _, err := s.Add(ctx, store.PersonCart("p"), slug, n, "192.0.2.1", now); err != nil {
				t.Fatal(err)
			}
		}
		id, _, err := s.PlaceOrder(ctx, store.Checkout{Subject: "p", Details: details, Key: "k", Summary: summary(ctx, t, s, "p"), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.ExecContext(ctx, `UPDATE products SET stock = 0 WHERE slug = 'claw-hammer'`); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			if err := s.Reorder(ctx, "p", id, now); err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			lines, err := s.Cart(ctx, store.PersonCart("p"))
			for _, l := range lines {
				got[l.Slug] = l.Quantity
			}
			if err != nil || len(got) != 2 || got["olive-soap"] != 3 || got["ring-door-knocker"] != 1 {
				t.Errorf("%v, %v", got, err)
			}
		}
		if err := s.Reorder(ctx, "other", id, now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another's order: %v", err)
		}
	})
}

// Whatever customers and merchants do at once, each unit is either in stock or in one order that keeps it.
func TestStock_IsNeverLostNorMade(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // a hundred sequences take too long for a database
		if err := flag.Set("rapid.checks", "25"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = flag.Set("rapid.checks", f.DefValue) }()
	}
	var run atomic.Int64
	products := []string{"olive-soap", "spirit-level", "walnut-desk-tray"}
	type step struct {
		Action, Product int
		Quantity        int
		After           time.Duration
	}
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		rapid.Check(t, func(rt *rapid.T) {
			sub := fmt.Sprint("run", run.Add(1), "-")
			before := map[string]int{}
			for _, slug := range products {
				if _, err := d.ExecContext(ctx, d.Rebind(`UPDATE products SET stock = ? WHERE slug = ?`), rapid.IntRange(1, 5).Draw(rt, slug), slug); err != nil {
					rt.Fatal(err)
				}
				before[slug] = inStockAndSold(ctx, rt, d, slug)
			}
			steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
				return step{
					rapid.IntRange(0, 7).Draw(t, "action"), rapid.IntRange(0, len(products)-1).Draw(t, "product"), rapid.IntRange(1, 3).Draw(t, "quantity"),
					time.Duration(rapid.SampledFrom([]int{0, 5, 9, 10, 60, 120}).Draw(t, "minutes")) * time.Minute,
				}
			}), 4, 10)
			var wg sync.WaitGroup
			for worker := range 4 {
				planned := steps.Draw(rt, fmt.Sprint("worker ", worker))
				who := sub + fmt.Sprint(worker%2) // two browsers of each of two customers
				wg.Go(func() {
					for i, st := range planned {
						if err := shopOn(ctx, s, who, st.Action, products[st.Product], st.Quantity, fmt.Sprint(worker, i), now.Add(st.After)); err != nil {
							rt.Errorf("%+v: %v", st, err)
						}
					}
				})
			}
			wg.Wait()
			for range 4 { // each browser cancels the same orders in the same order
				wg.Go(func() {
					for _, who := range []string{sub + "0", sub + "1"} {
						if err := shopOn(ctx, s, who, 4, "", 0, "", now); err != nil {
							rt.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for _, slug := range products {
				if n := inStockAndSold(ctx, rt, d, slug); n != before[slug] {
					rt.Errorf("%s: %d in stock and sold, %d before", slug, n, before[slug])
				}
			}
		})
	})
}

// shopOn makes one step of a customer, and returns only errors that no customer should see.
func shopOn(ctx context.Context, s *store.Store, who string, action int, product string, quantity int, key string, at time.Time) error {
	orders, err := s.Orders(ctx, who, 1, 3)
	if err != nil {
		return err
	}
	switch action {
	case 0, 1:
		_, _, err = s.Add(ctx, store.PersonCart(who), product, quantity, "192.0.2.1", at)
	case 2, 3:
		lines, cartErr := s.Cart(ctx, store.PersonCart(who))
		if cartErr != nil {
			return cartErr
		}
		chosen := details
		chosen.Payment = store.TestCards[quantity%2].Key
		_, _, err = s.PlaceOrder(ctx, store.Checkout{Subject: who, Details: chosen, Key: key, Summary: store.Summary(lines, chosen), Now: now})
	case 4:
		for _, o := range orders.Orders {
			if err = s.Cancel(ctx, who, o.ID, at); err != nil {
				break
			}
		}
	case 5:
		for _, o := range orders.Orders {
			if err = errors.Join(s.Reorder(ctx, who, o.ID, at), s.Return(ctx, who, o.ID, at)); err != nil {
				break
			}
		}
	case 6:
		for _, o := range orders.Orders {
			if err = s.MoveOn(ctx, o.ID, o.Status(at), at); err != nil {
				break
			}
		}
	case 7:
		for _, o := range orders.Orders {
			if err = s.Refund(ctx, "merchant", o.ID, o.Status(at), at); err != nil {
				break
			}
		}
	}
	for _, expected := range []error{store.ErrMoved, store.ErrSoldOut, store.ErrEmpty, store.ErrChanged, store.ErrDeclined, store.ErrPacked, store.ErrNotReturned} {
		if errors.Is(err, expected) {
			return nil
		}
	}
	return err
}

// inStockAndSold returns the units of a product in stock and in orders whose products are not back in stock.
func inStockAndSold(ctx context.Context, t *rapid.T, d *db.DB, slug string) (n int) {
	t.Helper()
	err := d.GetContext(ctx, &n, d.Rebind(`SELECT p.stock + COALESCE((SELECT SUM(i.quantity) FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE i.product = p.slug AND o.restocked = 0), 0) FROM products p WHERE p.slug = ? AND p.stock >= 0`), slug)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
