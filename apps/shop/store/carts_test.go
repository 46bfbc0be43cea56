package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
)

func TestAdd_ReportsItsOwnChange(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		var all sync.WaitGroup
		var before [4]atomic.Int64 // number of calls that found this many in the cart
		for range before {
			all.Go(func() {
				had, have, err := s.Add(t.Context(), store.PersonCart("p"), "stoneware-mug", 1, "192.0.2.1", now)
				if err != nil || have != had+1 || had >= len(before) {
					t.Errorf("%d before, %d after, %v", had, have, err)
					return
				}
				before[had].Add(1)
			})
		}
		all.Wait()
		for had := range before {
			if n := before[had].Load(); n != 1 {
				t.Errorf("%d calls found %d in the cart", n, had)
			}
		}
	})
}

func TestCart_CountsWithinBounds(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx, id := t.Context(), store.GuestCart("a cookie")
		want := func(got int, err error, n int) {
			t.Helper()
			if err != nil || got != n {
				t.Errorf("%d in the cart, want %d; %v", got, n, err)
			}
		}
		_, n, err := s.Add(ctx, id, "ring-door-knocker", 2, "192.0.2.1", now)
		want(n, err, 2)
		_, n, err = s.Add(ctx, id, "ring-door-knocker", 2, "192.0.2.1", now) // three are in stock
		want(n, err, 3)
		n, err = s.SetQuantity(ctx, id, "stoneware-mug", 99, now)
		want(n, err, 99)
		_, n, err = s.Add(ctx, id, "stoneware-mug", 1, "192.0.2.1", now)
		want(n, err, 99)
		n, err = s.Units(ctx, id)
		want(n, err, 102)
		if _, _, err := s.Add(ctx, id, "bypass-secateurs", 1, "192.0.2.1", now); !errors.Is(err, store.ErrSoldOut) {
			t.Errorf("a sold-out article: %v", err)
		}
		if _, _, err := s.Add(ctx, id, "no-such", 1, "192.0.2.1", now); !errors.Is(err, store.ErrNotFound) {
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
		if _, _, err := s.Add(ctx, guest, "olive-soap", 2, "192.0.2.1", now); err != nil {
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
			if _, _, err := s.Add(ctx, id, "olive-soap", 1, "192.0.2.1", at); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Prune(ctx, now.AddDate(0, 0, -30), now); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[store.CartID]int{store.GuestCart("old"): 0, store.GuestCart("new"): 1, store.PersonCart("p"): 1} {
			if n, err := s.Units(ctx, id); err != nil || n != want {
				t.Errorf("%s: %d, want %d; %v", id, n, want, err)
			}
		}
	})
}

// Guests make rows without an account: as many as their network may, however many ask at once, and others still can.
func TestAdd_LimitsNewCartsOfANetwork(t *testing.T) {
	const most = 60
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		add := func(cookie, network string, at time.Time) error {
			_, _, err := s.Add(ctx, store.GuestCart(cookie), "olive-soap", 1, network, at)
			return err
		}
		carts := func() (n int) {
			t.Helper()
			if err := d.GetContext(ctx, &n, `SELECT COUNT(*) FROM carts`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		var wg sync.WaitGroup
		var refused atomic.Int64
		var made atomic.Value // the cookie of a cart that was not refused
		for worker := range 4 {
			wg.Go(func() {
				for i := range 20 {
					cookie, limit := fmt.Sprint(worker, " ", i), (*db.RateLimitError)(nil)
					switch err := add(cookie, "192.0.2.1", now); {
					case errors.As(err, &limit) && limit.Wait == time.Hour:
						refused.Add(1)
					case err != nil:
						t.Error(err)
					default:
						made.Store(cookie)
					}
				}
			})
		}
		wg.Wait()
		if n := carts(); n != most || refused.Load() != 20 {
			t.Errorf("%d carts, %d refused", n, refused.Load())
		}
		if err := add(made.Load().(string), "192.0.2.1", now); err != nil {
			t.Error("a cart that exists is refused:", err)
		}
		if err := add("elsewhere", "192.0.2.2", now); err != nil {
			t.Error("another network is refused:", err)
		}
		if _, _, err := s.Add(ctx, store.PersonCart("p"), "olive-soap", 1, "192.0.2.1", now); err != nil {
			t.Error("a person is refused:", err)
		}
		if err := add("later", "192.0.2.1", now.Add(time.Hour)); err != nil {
			t.Error("refused after the window:", err)
		}
		if err := s.Prune(ctx, now.AddDate(0, 0, -30), now.Add(3*time.Hour)); err != nil {
			t.Fatal(err)
		}
		var limits int
		if err := d.GetContext(ctx, &limits, `SELECT COUNT(*) FROM rate_limits`); err != nil || limits != 0 {
			t.Errorf("%d limits are left, %v", limits, err)
		}
	})
}

func TestAdd_CartsHoldSoManyArticles(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		_, err := d.ExecContext(ctx, `INSERT INTO products (slug, category, name, name_lower, price_cents, stock, short, description, specs, featured, added_at, search)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 150)
			SELECT 'p' || CAST(i AS TEXT), 'doors', 'P', 'p', 1, 9, '', '', '', 1, 1, '' FROM n`)
		if err != nil {
			t.Fatal(err)
		}
		fill := func(id store.CartID, from, to int) (err error) {
			for i := from; i <= to && err == nil; i++ {
				_, _, err = s.Add(ctx, id, fmt.Sprint("p", i), 1, "192.0.2.1", now.Add(time.Duration(i)))
			}
			return err
		}
		person, guest := store.PersonCart("p"), store.GuestCart("g")
		if err := fill(person, 1, store.MaxLines); err != nil {
			t.Fatal(err)
		}
		if err := fill(person, store.MaxLines+1, store.MaxLines+1); !errors.Is(err, store.ErrFull) {
			t.Error(err)
		}
		if _, n, err := s.Add(ctx, person, "p1", 1, "192.0.2.1", now); n != 2 || err != nil {
			t.Error("more of what is in it:", n, err)
		}
		if err := fill(guest, 90, 140); err != nil {
			t.Fatal(err)
		}
		if err := s.Merge(ctx, guest, person, now); err != nil {
			t.Fatal(err)
		}
		if lines, err := s.Cart(ctx, person); len(lines) != store.MaxLines || err != nil {
			t.Errorf("%d articles after merging, %v", len(lines), err)
		}
	})
}
