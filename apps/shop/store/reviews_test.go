package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
)

// buy places an order of one unit for a user.
func buy(t *testing.T, s *store.Store, subject, product string) (order string) {
	t.Helper()
	if _, _, err := s.Add(t.Context(), store.PersonCart(subject), product, 1, "", now); err != nil {
		t.Fatal(err)
	}
	id, _, err := s.PlaceOrder(t.Context(), store.Checkout{
		Subject: subject, Details: details, Key: "k" + subject + product, Summary: summary(t.Context(), t, s, subject), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func productOf(t *testing.T, s *store.Store, slug string) store.Product {
	t.Helper()
	p, err := s.Product(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReviews_AreOfBuyersAndCounted(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		const soap = "olive-soap"
		put := func(subject string, stars int, title string) error {
			_, err := s.PutReview(ctx, store.Review{Product: soap, Subject: subject, Name: subject, Stars: stars, Title: title, Body: "b"}, now)
			return err
		}
		counted := func(rating, count int, stars [5]int) {
			t.Helper()
			if p := productOf(t, s, soap); p.Rating != rating || p.ReviewCount != count || p.StarCounts() != stars {
				t.Errorf("rating %d, %d reviews, %v; want %d, %d, %v", p.Rating, p.ReviewCount, p.StarCounts(), rating, count, stars)
			}
		}
		if err := put("ann", 5, "t"); !errors.Is(err, store.ErrNotBuyer) {
			t.Errorf("without an order: %v", err)
		}
		order := buy(t, s, "ann", soap)
		if err := s.Cancel(ctx, "ann", order, now); err != nil {
			t.Fatal(err)
		}
		if err := put("ann", 5, "t"); !errors.Is(err, store.ErrNotBuyer) {
			t.Errorf("with a cancelled order: %v", err)
		}
		buy(t, s, "bea", soap)
		buy(t, s, "cem", soap)
		if err := errors.Join(put("bea", 5, "first"), put("cem", 4, "second")); err != nil {
			t.Fatal(err)
		}
		counted(45, 2, [5]int{1, 1, 0, 0, 0})
		if err := put("bea", 1, "changed"); err != nil {
			t.Fatal(err)
		}
		counted(25, 2, [5]int{0, 1, 0, 0, 1})
		own, err := s.ReviewOf(ctx, soap, "bea")
		if err != nil || own.Title != "changed" || own.EditedAt == nil {
			t.Errorf("%+v, %v", own, err)
		}
		if removed, err := s.RemoveReview(ctx, own.ID); err != nil || removed.Product != soap {
			t.Errorf("%+v, %v", removed, err)
		}
		counted(40, 1, [5]int{0, 1, 0, 0, 0})
		if err := s.DeleteReview(ctx, soap, "bea", now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
		if err := s.DeleteReview(ctx, soap, "cem", now); err != nil {
			t.Error(err)
		}
		counted(0, 0, [5]int{})
		if _, err := s.PutReview(ctx, store.Review{Product: "none", Subject: "cem", Stars: 1}, now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of no product: %v", err)
		}
		if err := errors.Join(s.SeedDemoOrders(ctx, now), s.SeedDemoReviews(ctx, now), s.SeedDemoReviews(ctx, now)); err != nil {
			t.Fatal(err)
		}
		best, err := s.Search(ctx, store.Query{Sort: store.BestRated, Page: 1, PerPage: 6})
		if want := "brass-lever-handle claw-hammer spirit-level porch-lantern brass-padlock linen-notebook"; err != nil || strings.Join(slugs(best), " ") != want {
			t.Errorf("the best rated are %v, %v", slugs(best), err)
		}
		top, err := s.Search(ctx, store.Query{TopRated: true, Sort: store.Name, Page: 1, PerPage: 12})
		if err != nil || top.Total != 5 || top.Products[2].Slug != "brass-padlock" {
			t.Errorf("with four stars and up: %v, %v", slugs(top), err)
		}
		if l, err := s.Search(ctx, store.Query{Text: "brass", TopRated: true, Page: 1, PerPage: 12}); err != nil || l.Total != 3 {
			t.Errorf("of brass with four stars and up: %v, %v", slugs(l), err)
		}
		if p := productOf(t, s, "porch-lantern"); p.Rating != 45 || p.ReviewCount != 2 {
			t.Errorf("the lantern has %d reviews, rating %d", p.ReviewCount, p.Rating)
		}
		var unbought int
		if err := d.GetContext(ctx, &unbought, `SELECT COUNT(*) FROM reviews r WHERE NOT EXISTS
			(SELECT 1 FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.subject = r.subject AND i.product = r.product)`); err != nil || unbought != 0 {
			t.Errorf("%d demo reviews of what was not bought, %v", unbought, err)
		}
	})
}

// However many buyers write, edit and delete at the same time, each has at most one review, and the counts are right.
func TestReviews_Concurrent(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		const buyers = 8
		for i := range buyers {
			buy(t, s, fmt.Sprint("p", i), "olive-soap")
		}
		var wg sync.WaitGroup
		for i := range buyers {
			for n := range 3 { // at the same time for the same user, too
				wg.Go(func() {
					subject := fmt.Sprint("p", i)
					if _, err := s.PutReview(ctx, store.Review{Product: "olive-soap", Subject: subject, Stars: (i+n)%5 + 1}, now); err != nil {
						t.Error(err)
					}
					if n == 2 && i%4 == 0 {
						if err := s.DeleteReview(ctx, "olive-soap", subject, now); err != nil && !errors.Is(err, store.ErrNotFound) {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		p := productOf(t, s, "olive-soap")
		var want struct{ N, Total int }
		if err := d.GetContext(ctx, &want, `SELECT COUNT(*) AS n, SUM(stars) AS total FROM reviews WHERE product = 'olive-soap'`); err != nil {
			t.Fatal(err)
		}
		n, total := 0, 0
		for i, c := range p.StarCounts() {
			n, total = n+c, total+c*(store.MaxStars-i)
		}
		if n != want.N || total != want.Total || p.ReviewCount != n || n > buyers || n < buyers-2 || p.Rating != (20*total+n)/(2*n) {
			t.Errorf("counted %d with %d stars, rating %d; there are %+v", n, total, p.Rating, want)
		}
	})
}

func TestReviews_PagesAndLimit(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		for i := range 23 {
			if _, err := d.ExecContext(ctx, d.Rebind(`INSERT INTO reviews (id, product, subject, name, stars, title, body, created_at)
				VALUES (?, 'olive-soap', ?, 'n', 4, ?, 'b', ?)`), fmt.Sprint("r", i), fmt.Sprint("s", i), fmt.Sprint(i), i); err != nil {
				t.Fatal(err)
			}
		}
		p := productOf(t, s, "olive-soap")
		p.ReviewCount = 23
		list, page, pages, err := s.Reviews(ctx, p, 1)
		if err != nil || len(list) != 10 || page != 1 || pages != 3 || list[0].Title != "22" || list[9].Title != "13" {
			t.Errorf("%d reviews on page %d of %d, %v", len(list), page, pages, err)
		}
		if list, page, _, err := s.Reviews(ctx, p, 99); err != nil || page != 3 || len(list) != 3 || list[2].Title != "0" {
			t.Errorf("%d reviews on page %d, %v", len(list), page, err)
		}
		buy(t, s, "pat", "olive-soap")
		put := func(at time.Time) error {
			_, err := s.PutReview(ctx, store.Review{Product: "olive-soap", Subject: "pat", Stars: 5}, at)
			return err
		}
		for range 20 {
			if err := put(now); err != nil {
				t.Fatal(err)
			}
		}
		limit := (*db.RateLimitError)(nil)
		if err := put(now); !errors.As(err, &limit) || limit.Wait != 10*time.Minute {
			t.Errorf("the 21st change: %v", err)
		}
		if err := s.DeleteReview(ctx, "olive-soap", "pat", now); !errors.As(err, &limit) {
			t.Errorf("a deletion after it: %v", err)
		}
		if err := put(now.Add(10 * time.Minute)); err != nil {
			t.Error(err)
		}
	})
}

// The reviews of a product, and whether a user may write one, are found by indexes.
func TestPlans_Reviews(t *testing.T) {
	grown(t, 200, func(t *testing.T, _ *store.Store, d *db.DB) {
		const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 2000) `
		for _, statement := range []string{
			numbers + `INSERT INTO reviews (id, product, subject, name, stars, title, body, created_at)
				SELECT 'r' || CAST(i AS TEXT), 'p' || CAST(i % 20 + 1 AS TEXT), 's' || CAST(i AS TEXT), '', 3, '', '', i FROM n`,
			numbers + `INSERT INTO orders (id, subject, idempotency_key, total_cents, units, name, street, postcode, city, country, placed_at)
				SELECT 'o' || CAST(i AS TEXT), 's' || CAST(i % 100 AS TEXT), CAST(i AS TEXT), 1, 1, '', '', '', '', '', i FROM n`,
			numbers + `INSERT INTO order_items (order_id, line, product, name, quantity, price_cents)
				SELECT 'o' || CAST(i AS TEXT), 1, 'p' || CAST(i % 20 + 1 AS TEXT), '', 1, 1 FROM n`,
		} {
			if d.Dialect == db.Postgres {
				statement = strings.Replace(statement, numbers, "", 1)
				statement = strings.Replace(statement, "SELECT '", numbers+"SELECT '", 1)
			}
			if _, err := d.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.ExecContext(t.Context(), `ANALYZE`); err != nil {
			t.Fatal(err)
		}
		for query, args := range map[string][]any{
			store.ReviewsStatement: {"p3", 10, 20}, store.ReviewOfStatement: {"p3", "s2"}, store.BoughtStatement: {"s7", "p3"},
		} {
			if p := plan(t, d, query, args...); strings.Contains(p, "SCAN") || strings.Contains(p, "Seq Scan") || sorted.MatchString(p) {
				t.Errorf("reads too much: %s\n%s", query, p)
			}
		}
	})
}
