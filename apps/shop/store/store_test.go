package store_test

import (
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/shop/goods"
	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
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
		if err := s.SeedCatalogue(t.Context(), c, now); err != nil {
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
				if err := s.SeedCatalogue(t.Context(), c, now); err != nil {
					t.Error(err)
				}
				if err := s.SeedDemoOrders(t.Context(), now); err != nil {
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
