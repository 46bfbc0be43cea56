package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/apps/shop/goods"
	"gatehouse/apps/shop/store"
	"gatehouse/db"
	"gatehouse/tests/env"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// each runs test on a shop that is open, on both databases.
func each(t *testing.T, test func(t *testing.T, s *store.Store, d *db.DB)) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		c, err := goods.Load()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Stock(t.Context(), c, now); err != nil {
			t.Fatal(err)
		}
		test(t, s, d)
	})
}

func slugs(l store.Listing) []string {
	out := make([]string, len(l.Products))
	for i, p := range l.Products {
		out[i] = p.Slug
	}
	return out
}

func stockOf(t *testing.T, s *store.Store, slug string) int {
	t.Helper()
	p, err := s.Product(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	return p.Stock
}

func TestSearch_WordsCategoriesAndWildcards(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		find := func(text, category string) store.Listing {
			t.Helper()
			l, err := s.Search(t.Context(), store.Query{Text: text, Category: category, Sort: store.Featured, Page: 1, PerPage: 50})
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return l
		}
		if l := find("", ""); l.Total != 40 || len(l.Products) != 40 || len(l.Categories) != 8 {
			t.Errorf("everything: %d of %d in %d categories", len(l.Products), l.Total, len(l.Categories))
		}
		if l := find("PADLOCK", ""); l.Total == 0 || l.Products[0].Slug != "brass-padlock" {
			t.Errorf("PADLOCK: %v", slugs(l))
		}
		// A name that has the word comes before a description that has it.
		if l := find("brass", ""); l.Total < 5 || l.Products[0].Slug != "brass-lever-handle" || l.Products[1].Slug != "brass-padlock" {
			t.Errorf("brass: %v", slugs(l))
		}
		if all, some := find("brass", ""), find("brass", "doors"); some.Total == 0 || some.Total >= all.Total || some.All != all.Total {
			t.Errorf("brass in lamps: %d of %d", some.Total, all.Total)
		}
		for _, text := range []string{"%", "_", "!", "100%_!", `\`, "'; DROP TABLE products; --", "<script>", "zz\x00zz", "\xff\xfe"} {
			if l := find(text, ""); l.Total != 0 && text != "\xff\xfe" {
				t.Errorf("%q found %v", text, slugs(l))
			}
		}
		if l := find("", "no-such"); l.Total != 0 || len(l.Products) != 0 {
			t.Errorf("an unknown category has %d articles", l.Total)
		}
	})
}

func TestSearch_OrdersAndPages(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ordered := map[store.Sort]func(a, b store.Product) bool{
			store.PriceUp:   func(a, b store.Product) bool { return a.PriceCents <= b.PriceCents },
			store.PriceDown: func(a, b store.Product) bool { return a.PriceCents >= b.PriceCents },
			store.Newest:    func(a, b store.Product) bool { return a.AddedAt >= b.AddedAt },
			store.Name:      func(a, b store.Product) bool { return a.Name <= b.Name },
		}
		for sort, inOrder := range ordered {
			var all []store.Product
			for page := 1; page <= 4; page++ {
				l, err := s.Search(t.Context(), store.Query{Sort: sort, Page: page, PerPage: 12})
				if err != nil || l.Pages != 4 || l.Page != page {
					t.Fatalf("%s, page %d: %d of %d, %v", sort, page, l.Page, l.Pages, err)
				}
				all = append(all, l.Products...)
			}
			seen := map[string]bool{}
			for i, p := range all {
				if seen[p.Slug] || i > 0 && !inOrder(all[i-1], p) {
					t.Errorf("%s: %s is out of place or there twice", sort, p.Slug)
				}
				seen[p.Slug] = true
			}
			if len(seen) != 40 {
				t.Errorf("%s: the pages hold %d articles", sort, len(seen))
			}
		}
		if l, err := s.Search(t.Context(), store.Query{Page: 1 << 40, PerPage: 12}); err != nil || l.Page != 4 || len(l.Products) != 4 {
			t.Errorf("beyond the end: page %d with %d articles, %v", l.Page, len(l.Products), err)
		}
	})
}

func TestStock_TogetherAndAgain(t *testing.T) {
	env.EachDB(t, "shop", func(t *testing.T, d *db.DB) {
		s, _ := store.New(d)
		c, err := goods.Load()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := s.Stock(t.Context(), c, now); err != nil {
					t.Error(err)
				}
				if err := s.Demo(t.Context(), now); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if l, err := s.Search(t.Context(), store.Query{Page: 1, PerPage: 50}); err != nil || l.Total != 40 {
			t.Errorf("%d articles, %v", l.Total, err)
		}
		page, err := s.Orders(t.Context(), "demo-alice", 1, 10)
		if err != nil || page.Total != 4 || len(page.Orders[0].Items) != 2 {
			t.Errorf("alice has %d orders, %v", page.Total, err)
		}
		if buyers, err := s.Buyers(t.Context(), "porch-lantern", []string{"demo-alice", "demo-bob", "demo-carol"}); err != nil || len(buyers) != 2 {
			t.Errorf("porch lanterns were bought by %v, %v", buyers, err)
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

var home = store.Address{Name: "A", Street: "1 Street", Postcode: "1234", City: "City", Country: "NO"}

func summary(ctx context.Context, t *testing.T, s *store.Store, sub string) string {
	t.Helper()
	lines, err := s.Cart(ctx, store.PersonCart(sub))
	if err != nil {
		t.Fatal(err)
	}
	return store.Summary(lines)
}

func TestPlace_LastItemsAreSoldOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		const people, left = 50, 3 // of the knocker; of the soap there is enough for all
		sums := make([]string, people)
		for i := range people {
			sub := fmt.Sprintf("p%d", i)
			for _, slug := range []string{"ring-door-knocker", "olive-soap"} {
				if _, err := s.Add(ctx, store.PersonCart(sub), slug, 1, now); err != nil {
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
				_, _, err := s.Place(ctx, store.Checkout{Subject: fmt.Sprintf("p%d", i), Address: home, Key: "k", Summary: sums[i], Now: now})
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
		if _, err := s.Add(ctx, store.PersonCart("p"), "olive-soap", 2, now); err != nil {
			t.Fatal(err)
		}
		before, sum := stockOf(t, s, "olive-soap"), summary(ctx, t, s, "p")
		var wg sync.WaitGroup
		var mu sync.Mutex
		ids, firsts := map[string]bool{}, 0
		for range 12 {
			wg.Go(func() {
				id, again, err := s.Place(ctx, store.Checkout{Subject: "p", Address: home, Key: "same", Summary: sum, Now: now})
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

func TestPlace_OnlyWhatWasSeen(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		place := func(key, sum string) error {
			_, _, err := s.Place(ctx, store.Checkout{Subject: "p", Address: home, Key: key, Summary: sum, Now: now})
			return err
		}
		if err := place("k1", ""); !errors.Is(err, store.ErrEmpty) {
			t.Errorf("an empty cart: %v", err)
		}
		if _, err := s.Add(ctx, store.PersonCart("p"), "olive-soap", 1, now); err != nil {
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
		if err := place("k1", store.Summary(lines)); err != nil {
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
