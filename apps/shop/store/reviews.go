package store

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// MaxStars is the best rating of a review. The worst is 1.
const MaxStars = 5

// ReviewsPerPage is the page size of a product's reviews.
const ReviewsPerPage = 10

// reviewLimit limits how often a user writes, edits and deletes reviews.
var reviewLimit = db.RateLimit{Max: 20, Window: 10 * time.Minute}

// ErrNotBuyer says that the user has no order of the product that was not cancelled.
var ErrNotBuyer = errors.New("the user did not buy the product")

// Review is a buyer's review of a product.
type Review struct {
	ID        string `db:"id"`
	Product   string `db:"product"` // slug
	Subject   string `db:"subject"`
	Name      string `db:"name"`  // the author's, at the time of writing
	Stars     int    `db:"stars"` // 1 to MaxStars
	Title     string `db:"title"`
	Body      string `db:"body"` // plain text
	CreatedAt int64  `db:"created_at"`
	EditedAt  *int64 `db:"edited_at"` // nil if it was not edited
}

// Created returns when the review was written.
func (r Review) Created() time.Time { return db.Time(r.CreatedAt) }

const reviewColumns = `id, product, subject, name, stars, title, body, created_at, edited_at`

// The queries of Reviews, ReviewOf and Bought. CROSS JOIN has SQLite begin with the user's orders, which are few.
const (
	ReviewsStatement  = `SELECT ` + reviewColumns + ` FROM reviews WHERE product = ? ORDER BY created_at DESC, id LIMIT ? OFFSET ?`
	ReviewOfStatement = `SELECT ` + reviewColumns + ` FROM reviews WHERE product = ? AND subject = ?`
	BoughtStatement   = `SELECT o.id FROM orders o CROSS JOIN order_items i
		WHERE o.subject = ? AND o.cancelled_at IS NULL AND i.order_id = o.id AND i.product = ? LIMIT 1`
)

// Reviews returns a page of the reviews of p, newest first, with its number and the number of pages. Past the end, it
// returns the last page.
func (s *Store) Reviews(ctx context.Context, p Product, page int) (reviews []Review, shown, pages int, err error) {
	shown, pages, skip := db.Page(page, p.ReviewCount, ReviewsPerPage)
	if p.ReviewCount == 0 {
		return nil, shown, pages, nil
	}
	reviews, err = db.All[Review](ctx, s.db, "reviews", ReviewsStatement, p.Slug, ReviewsPerPage, skip)
	return reviews, shown, pages, err
}

// ReviewOf returns the user's review of a product, or ErrNotFound.
func (s *Store) ReviewOf(ctx context.Context, product, subject string) (Review, error) {
	return db.One[Review](ctx, s.db, "review", ReviewOfStatement, product, subject)
}

// Bought reports whether the user has an order of the product that was not cancelled.
func (s *Store) Bought(ctx context.Context, product, subject string) (bool, error) {
	return bought(ctx, s.db, product, subject)
}

func bought(ctx context.Context, q sqlx.ExtContext, product, subject string) (bool, error) {
	orders, err := db.All[string](ctx, q, "buyer", BoughtStatement, subject, product)
	return len(orders) > 0, err
}

// PutReview stores the user's review of a product, or edits the one that they have written before, and reports which.
// It uses neither r's ID nor its times. It returns ErrNotFound if there is no such product, ErrNotBuyer if the user may
// not review it, and a [*db.RateLimitError] after too many changes.
func (s *Store) PutReview(ctx context.Context, r Review, now time.Time) (edited bool, err error) {
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := reviewLimit.Count(ctx, tx, "review "+r.Subject, now); err != nil {
			return err
		}
		if err := lockReviews(ctx, tx, r.Product); err != nil {
			return err
		}
		old, err := db.One[Review](ctx, tx, "review", ReviewOfStatement, r.Product, r.Subject)
		switch {
		case err == nil:
			edited = true
			if err := db.Exec(ctx, tx, "review", `UPDATE reviews SET name = ?, stars = ?, title = ?, body = ?, edited_at = ? WHERE id = ?`,
				r.Name, r.Stars, r.Title, r.Body, db.Millis(now), old.ID); err != nil {
				return err
			}
			return countStars(ctx, tx, r.Product, map[int]int{old.Stars: -1}, map[int]int{r.Stars: 1})
		case !errors.Is(err, ErrNotFound):
			return err
		}
		if buyer, err := bought(ctx, tx, r.Product, r.Subject); err != nil {
			return err
		} else if !buyer {
			return ErrNotBuyer
		}
		r.ID, r.CreatedAt = rand.Text(), db.Millis(now)
		_, err = insertReview(ctx, tx, r)
		return err
	})
	return edited, err
}

// insertReview stores a review of a product whose reviews are locked, and counts it. It reports false and changes
// nothing if the user has reviewed the product already.
func insertReview(ctx context.Context, tx *sqlx.Tx, r Review) (bool, error) {
	n, err := db.Change(ctx, tx, "review", `INSERT INTO reviews (id, product, subject, name, stars, title, body, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, r.ID, r.Product, r.Subject, r.Name, r.Stars, r.Title, r.Body, r.CreatedAt)
	if err != nil || n == 0 {
		return false, err
	}
	return true, countStars(ctx, tx, r.Product, map[int]int{r.Stars: 1})
}

// DeleteReview deletes the user's own review of a product. It returns ErrNotFound if there is none, and a
// [*db.RateLimitError] after too many changes.
func (s *Store) DeleteReview(ctx context.Context, product, subject string, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := reviewLimit.Count(ctx, tx, "review "+subject, now); err != nil {
			return err
		}
		return deleteReview(ctx, tx, product, `subject = ?`, subject)
	})
}

// RemoveReview deletes the review with this id, for moderators, and returns it. It returns ErrNotFound if there is
// none.
func (s *Store) RemoveReview(ctx context.Context, id string) (r Review, err error) {
	if !orderPattern.MatchString(id) {
		return r, ErrNotFound
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if r, err = db.One[Review](ctx, tx, "review", `SELECT `+reviewColumns+` FROM reviews WHERE id = ?`, id); err != nil {
			return err
		}
		return deleteReview(ctx, tx, r.Product, `id = ?`, id)
	})
	return r, err
}

// deleteReview deletes the review of a product that the condition where selects, or returns ErrNotFound.
func deleteReview(ctx context.Context, tx *sqlx.Tx, product, where string, arg any) error {
	if err := lockReviews(ctx, tx, product); err != nil {
		return err
	}
	stars, err := db.One[int](ctx, tx, "review", `DELETE FROM reviews WHERE product = ? AND `+where+` RETURNING stars`, product, arg)
	if err != nil {
		return err
	}
	return countStars(ctx, tx, product, map[int]int{stars: -1})
}

// lockReviews locks the reviews of a product until tx ends, so that each is counted once. It returns ErrNotFound if
// there is no such product.
func lockReviews(ctx context.Context, tx *sqlx.Tx, product string) error {
	n, err := db.Change(ctx, tx, "review", `UPDATE products SET rating = rating WHERE slug = ?`, product)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// countStars adds changes, numbers of reviews by their stars, to those of a product, and computes its rating.
func countStars(ctx context.Context, tx *sqlx.Tx, product string, changes ...map[int]int) error {
	sum := func(stars int) (n int) {
		for _, c := range changes {
			n += c[stars]
		}
		return n
	}
	if err := db.Exec(ctx, tx, "count reviews", `UPDATE products SET stars_1 = stars_1 + ?, stars_2 = stars_2 + ?, stars_3 = stars_3 + ?,
		stars_4 = stars_4 + ?, stars_5 = stars_5 + ? WHERE slug = ?`, sum(1), sum(2), sum(3), sum(4), sum(5), product); err != nil {
		return err
	}
	const count, total = `(stars_1 + stars_2 + stars_3 + stars_4 + stars_5)`, `(stars_1 + 2 * stars_2 + 3 * stars_3 + 4 * stars_4 + 5 * stars_5)`
	return db.Exec(ctx, tx, "count reviews", `UPDATE products SET review_count = `+count+`,
		rating = COALESCE((20 * `+total+` + `+count+`) / NULLIF(2 * `+count+`, 0), 0) WHERE slug = ?`, product)
}
