package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

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

// Category is a department with the number of its articles that a search found.
type Category struct {
	Slug        string `db:"slug"`
	Name        string `db:"name"`
	Description string `db:"description"`
	Count       int    `db:"count"`
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

// Listing is one page of the catalogue.
type Listing struct {
	Products    []Product
	Total       int // articles on all pages
	Page, Pages int
	Categories  []Category // with counts for the searched words, whatever category is chosen
	All         int        // articles found in all categories
}

const productColumns = `p.slug, p.category, c.name AS category_name, p.name, p.price_cents, p.stock, p.short, p.description, p.specs, p.added_at`

// Search is one page of what q asks for.
func (s *Store) Search(ctx context.Context, q Query) (Listing, error) {
	found, args := "1 = 1", []any{}
	for _, w := range words(q.Text) {
		found += ` AND p.search LIKE ? ESCAPE '!'`
		args = append(args, w)
	}
	l := Listing{Page: max(q.Page, 1)}
	err := s.db.SelectContext(ctx, &l.Categories, s.db.Rebind(`SELECT c.slug, c.name, c.description, COUNT(p.slug) AS count
		FROM categories c LEFT JOIN products p ON p.category = c.slug AND `+found+`
		GROUP BY c.slug, c.name, c.description, c.position ORDER BY c.position`), args...)
	if err != nil {
		return Listing{}, fmt.Errorf("categories: %w", err)
	}
	for _, c := range l.Categories {
		l.All += c.Count
		if q.Category == "" || q.Category == c.Slug {
			l.Total += c.Count
		}
	}
	l.Pages = max(1, (l.Total+q.PerPage-1)/q.PerPage)
	l.Page = min(l.Page, l.Pages)
	if q.Category != "" {
		found += ` AND p.category = ?`
		args = append(args, q.Category)
	}
	order, orderArgs := orderBy(q)
	args = append(append(args, orderArgs...), q.PerPage, (l.Page-1)*q.PerPage)
	err = s.db.SelectContext(ctx, &l.Products, s.db.Rebind(`SELECT `+productColumns+`
		FROM products p JOIN categories c ON c.slug = p.category WHERE `+found+` ORDER BY `+order+` LIMIT ? OFFSET ?`), args...)
	if err != nil {
		return Listing{}, fmt.Errorf("products: %w", err)
	}
	return l, nil
}

func orderBy(q Query) (string, []any) {
	switch q.Sort {
	case Newest:
		return `p.added_at DESC, p.slug`, nil
	case PriceUp:
		return `p.price_cents, p.slug`, nil
	case PriceDown:
		return `p.price_cents DESC, p.slug`, nil
	case Name:
		return `p.name_lower, p.slug`, nil
	}
	w := words(q.Text)
	if len(w) == 0 {
		return `p.featured, p.slug`, nil
	}
	args := make([]any, len(w))
	for i := range w {
		args[i] = w[i]
	}
	return `CASE WHEN ` + strings.TrimSuffix(strings.Repeat(`p.name_lower LIKE ? ESCAPE '!' AND `, len(w)), " AND ") + ` THEN 0 ELSE 1 END, p.featured, p.slug`, args
}

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

// Related are at most n other articles, those of the same category first.
func (s *Store) Related(ctx context.Context, p Product, n int) ([]Product, error) {
	var out []Product
	err := s.db.SelectContext(ctx, &out, s.db.Rebind(`SELECT `+productColumns+`
		FROM products p JOIN categories c ON c.slug = p.category WHERE p.slug <> ?
		ORDER BY CASE WHEN p.category = ? THEN 0 ELSE 1 END, p.featured, p.slug LIMIT ?`), p.Slug, p.Category, n)
	if err != nil {
		return nil, fmt.Errorf("related products: %w", err)
	}
	return out, nil
}

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
