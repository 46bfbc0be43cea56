package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gatehouse.example/db"
)

// Product is a product with the name of its category. Prices are in US cents.
type Product struct {
	Slug         string `db:"slug"`
	Category     string `db:"category"`
	CategoryName string `db:"category_name"`
	Name         string `db:"name"`
	PriceCents   int64  `db:"price_cents"`
	Stock        int    `db:"stock"`
	Short        string `db:"short"`
	Description  string `db:"description"`
	SpecsJSON    string `db:"specs"`
	AddedAt      int64  `db:"added_at"`

	Rating      int `db:"rating"` // the average of its reviews in tenths of a star, 0 without any
	ReviewCount int `db:"review_count"`
	Stars1      int `db:"stars_1"` // the number of reviews with one star
	Stars2      int `db:"stars_2"`
	Stars3      int `db:"stars_3"`
	Stars4      int `db:"stars_4"`
	Stars5      int `db:"stars_5"`
}

// StarCounts returns the number of reviews by their stars, the best first.
func (p Product) StarCounts() [MaxStars]int {
	return [MaxStars]int{p.Stars5, p.Stars4, p.Stars3, p.Stars2, p.Stars1}
}

// Spec is a row of a product's specifications.
type Spec struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Specs returns the product's specifications, or none if they cannot be decoded.
func (p Product) Specs() []Spec {
	var s []Spec
	if json.Unmarshal([]byte(p.SpecsJSON), &s) != nil {
		return nil
	}
	return s
}

// NotCounted is the Count of a category if a search finds too many products to count.
const NotCounted = -1

// Category is a category with the number of its products that a search found.
type Category struct {
	Slug        string `db:"slug"`
	Name        string `db:"name"`
	Description string `db:"description"`
	Count       int    `db:"count"` // or NotCounted
}

// Sort is an order of the catalogue.
type Sort string

// The orders of the catalogue. Featured, the default, puts products whose name contains the searched words first.
const (
	Featured  Sort = "featured"
	Newest    Sort = "newest"
	PriceUp   Sort = "price-up"
	PriceDown Sort = "price-down"
	Name      Sort = "name"
	BestRated Sort = "rating" // the products with the same rating by the number of their reviews
)

// Query selects a page of the catalogue.
type Query struct {
	Text               string
	Category           string // "" for all
	MinCents, MaxCents int64  // of the price; 0 for any
	InStock            bool   // only products in stock
	TopRated           bool   // only products with a rating of TopRating and up
	Similar            bool   // search for similar words if no product has those of Text
	Sort               Sort
	Page               int // from 1; past the end, the last page is returned
	PerPage            int
}

// TopRating is the rating, in tenths of a star, that TopRated selects by. The index products_top_rated has it, too.
const TopRating = 40

// Filtered reports whether q selects by price, stock or rating.
func (q Query) Filtered() bool { return q.MinCents > 0 || q.MaxCents > 0 || q.InStock || q.TopRated }

const productColumns = `p.slug, p.category, c.name AS category_name, p.name, p.price_cents, p.stock, p.short, p.description, p.specs, p.added_at,
	p.rating, p.review_count, p.stars_1, p.stars_2, p.stars_3, p.stars_4, p.stars_5`

// Product returns the product with this slug, or ErrNotFound.
func (s *Store) Product(ctx context.Context, slug string) (Product, error) {
	if !ValidSlug(slug) {
		return Product{}, ErrNotFound
	}
	return db.One[Product](ctx, s.db, "product", `SELECT `+productColumns+`
		FROM products p JOIN categories c ON c.slug = p.category WHERE p.slug = ?`, slug)
}

// bySlug returns the products in the order of slugs.
func (s *Store) bySlug(ctx context.Context, slugs []string) ([]Product, error) {
	if len(slugs) == 0 {
		return nil, nil
	}
	out, err := db.All[Product](ctx, s.db, "products", `SELECT `+productColumns+` FROM products p CROSS JOIN categories c
		WHERE c.slug = p.category AND p.slug IN (?)`, slugs)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Product) int { return slices.Index(slugs, a.Slug) - slices.Index(slugs, b.Slug) })
	return out, nil
}

// Related returns at most n other products, those of the same category first.
func (s *Store) Related(ctx context.Context, p Product, n int) ([]Product, error) {
	slugs, err := db.All[string](ctx, s.db, "related products", RelatedOfCategory, p.Category, p.Slug, n)
	if err != nil {
		return nil, err
	}
	if len(slugs) < n {
		others, err := db.All[string](ctx, s.db, "related products", RelatedOfOthers, p.Category, n-len(slugs))
		if err != nil {
			return nil, err
		}
		slugs = append(slugs, others...)
	}
	out, err := s.bySlug(ctx, slugs)
	if err != nil {
		return nil, fmt.Errorf("related products: %w", err)
	}
	return out, nil
}

// The queries of Related. The second one is for categories with very few products, so that it skips few rows.
const (
	RelatedOfCategory = `SELECT p.slug FROM products p WHERE p.category = ? AND p.slug <> ? ORDER BY p.featured, p.slug LIMIT ?`
	RelatedOfOthers   = `SELECT p.slug FROM products p WHERE p.category <> ? ORDER BY p.featured, p.slug LIMIT ?`
)

// Buyers returns those of subs that bought product, and did not cancel the order.
func (s *Store) Buyers(ctx context.Context, product string, subs []string) ([]string, error) {
	out := []string{}
	if len(subs) == 0 {
		return out, nil
	}
	found, err := db.All[string](ctx, s.db, "buyers", `SELECT DISTINCT o.subject FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE i.product = ? AND o.subject IN (?) AND o.cancelled_at IS NULL ORDER BY o.subject`, product, subs)
	return append(out, found...), err
}
