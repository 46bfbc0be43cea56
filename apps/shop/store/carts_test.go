package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gatehouse/apps/shop/store"
	"gatehouse/db"
)

func TestCart_CountsWithinBounds(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx, id := t.Context(), store.GuestCart("a cookie")
		want := func(got int, err error, n int) {
			t.Helper()
			if err != nil || got != n {
				t.Errorf("%d in the cart, want %d; %v", got, n, err)
			}
		}
		n, err := s.Add(ctx, id, "ring-door-knocker", 2, now)
		want(n, err, 2)
		n, err = s.Add(ctx, id, "ring-door-knocker", 2, now) // three are in stock
		want(n, err, 3)
		n, err = s.SetQuantity(ctx, id, "stoneware-mug", 99, now)
		want(n, err, 99)
		n, err = s.Add(ctx, id, "stoneware-mug", 1, now)
		want(n, err, 99)
		n, err = s.Units(ctx, id)
		want(n, err, 102)
		if _, err := s.Add(ctx, id, "bypass-secateurs", 1, now); !errors.Is(err, store.ErrSoldOut) {
			t.Errorf("a sold-out article: %v", err)
		}
		if _, err := s.Add(ctx, id, "no-such", 1, now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown article: %v", err)
		}
		n, err = s.SetQuantity(ctx, id, "stoneware-mug", 0, now)
		want(n, err, 0)
		if lines, err := s.Cart(ctx, id); err != nil || len(lines) != 1 || lines[0].Slug != "ring-door-knocker" {
			t.Errorf("lines %v, %v", lines, err)
		}
	})
}

func TestMerge_OnceHoweverOften(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx, guest, person := t.Context(), store.GuestCart("g"), store.PersonCart("p")
		for id, q := range map[store.CartID]int{guest: 60, person: 50} {
			if _, err := s.SetQuantity(ctx, id, "stoneware-mug", q, now); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Add(ctx, guest, "olive-soap", 2, now); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := s.Merge(ctx, guest, person, now); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		lines, err := s.Cart(ctx, person)
		got := map[string]int{}
		for _, l := range lines {
			got[l.Slug] = l.Quantity
		}
		if err != nil || len(got) != 2 || got["stoneware-mug"] != 99 || got["olive-soap"] != 2 {
			t.Errorf("merged: %v, %v", got, err)
		}
		if there, err := s.Exists(ctx, guest); err != nil || there {
			t.Errorf("the guest's cart is still there: %v", err)
		}
	})
}

func TestPrune_OnlyOldGuests(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		for id, at := range map[store.CartID]time.Time{
			store.GuestCart("old"): now.AddDate(0, 0, -31), store.GuestCart("new"): now, store.PersonCart("p"): now.AddDate(-1, 0, 0),
		} {
			if _, err := s.Add(ctx, id, "olive-soap", 1, at); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Prune(ctx, now.AddDate(0, 0, -30)); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[store.CartID]int{store.GuestCart("old"): 0, store.GuestCart("new"): 1, store.PersonCart("p"): 1} {
			if n, err := s.Units(ctx, id); err != nil || n != want {
				t.Errorf("%s: %d, want %d; %v", id, n, want, err)
			}
		}
	})
}
