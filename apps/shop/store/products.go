package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Product is an article as the shop shows it. Prices are US cents.
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
}

// Spec is a line of a product's table of facts.
type Spec struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Specs are the product's facts, none if they can't be read.
func (p Product) Specs() []Spec {
	var s []Spec
	if json.Unmarshal([]byte(p.SpecsJSON), &s) != nil {
		return nil
	}
	return s
}

// NotCounted is the Count of categories when a search finds too much to count.
const NotCounted = -1

// Category is a department with the number of its articles that a search found.
type Category struct {
	Slug        string `db:"slug"`
	Name        string `db:"name"`
	Description string `db:"description"`
	Count       int    `db:"count"` // or NotCounted
}

// Sort is an order of the catalogue.
type Sort string

// The orders of the catalogue. Featured, the default, puts articles whose name
// has the searched words first.
const (
	Featured  Sort = "featured"
	Newest    Sort = "newest"
	PriceUp   Sort = "price-up"
	PriceDown Sort = "price-down"
	Name      Sort = "name"
)

// Query says which part of the catalogue is wanted.
type Query struct {
	Text     string
	Category string // "" for all
	Sort     Sort
	Page     int // from 1; beyond the last one it is the last one
	PerPage  int
}

const productColumns = `p.slug, p.category, c.name AS category_name, p.name, p.price_cents, p.stock, p.short, p.description, p.specs, p.added_at`

// Product is the article with this slug; ErrNotFound if there is none.
func (s *Store) Product(ctx context.Context, slug string) (Product, error) {
	var p Product
	if !ValidSlug(slug) {
		return p, ErrNotFound
	}
	err := s.db.GetContext(ctx, &p, s.db.Rebind(`SELECT `+productColumns+`
		FROM products p JOIN categories c ON c.slug = p.category WHERE p.slug = ?`), slug)
	if db.Missing(err) {
		return p, ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("product: %w", err)
	}
	return p, nil
}

// bySlug returns the articles in the order of their slugs.
func (s *Store) bySlug(ctx context.Context, slugs []string) ([]Product, error) {
	if len(slugs) == 0 {
		return nil, nil
	}
	query, args, err := sqlx.In(`SELECT `+productColumns+` FROM products p CROSS JOIN categories c WHERE c.slug = p.category AND p.slug IN (?)`, slugs)
	if err != nil {
		return nil, err
	}
	var out []Product
	if err := s.db.SelectContext(ctx, &out, s.db.Rebind(query), args...); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b Product) int { return slices.Index(slugs, a.Slug) - slices.Index(slugs, b.Slug) })
	return out, nil
}

// Related are at most n other articles, those of the same category first.
func (s *Store) Related(ctx context.Context, p Product, n int) ([]Product, error) {
	var slugs []string
	err := s.db.SelectContext(ctx, &slugs, s.db.Rebind(RelatedOfCategory), p.Category, p.Slug, n)
	if err != nil {
		return nil, fmt.Errorf("related products: %w", err)
	}
	if len(slugs) < n {
		var others []string
		if err := s.db.SelectContext(ctx, &others, s.db.Rebind(RelatedOfOthers), p.Category, n-len(slugs)); err != nil {
			return nil, fmt.Errorf("related products: %w", err)
		}
		slugs = append(slugs, others...)
	}
	out, err := s.bySlug(ctx, slugs)
	if err != nil {
		return nil, fmt.Errorf("related products: %w", err)
	}
	return out, nil
}

// The queries of Related. The second is for categories with next to no articles, so that it skips few.
const (
	RelatedOfCategory = `SELECT p.slug FROM products p WHERE p.category = ? AND p.slug <> ? ORDER BY p.featured, p.slug LIMIT ?`
	RelatedOfOthers   = `SELECT p.slug FROM products p WHERE p.category <> ? ORDER BY p.featured, p.slug LIMIT ?`
)

// Buyers are those of subs who bought product.
func (s *Store) Buyers(ctx context.Context, product string, subs []string) ([]string, error) {
	out := []string{}
	if len(subs) == 0 {
		return out, nil
	}
	query, args, err := sqlx.In(`SELECT DISTINCT o.subject FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE i.product = ? AND o.subject IN (?) ORDER BY o.subject`, product, subs)
	if err != nil {
		return nil, fmt.Errorf("buyers: %w", err)
	}
	if err := s.db.SelectContext(ctx, &out, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("buyers: %w", err)
	}
	return out, nil
}
