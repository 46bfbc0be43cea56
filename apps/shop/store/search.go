package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/db/fulltext"
)

const (
	// MaxFound limits how many products a search finds, counts and sorts.
	MaxFound = 500
	// maxPages is the number of pages that are shown if a search finds more.
	maxPages = 10
	// maxWalked limits how many products such a search examines. If too few of them match, the newest matches are
	// shown.
	maxWalked = 5_000
	// indexBatch is the number of products that are indexed in one transaction.
	indexBatch = 200
)

// Listing is one page of the catalogue.
type Listing struct {
	Products    []Product
	Total       int  // products on all pages
	Many        bool // the search finds more than MaxFound; Total counts the first or the newest of them
	Page, Pages int
	Categories  []Category // with counts of the products found, in all categories
	All         int        // products found in all categories, or NotCounted
}

// Search returns one page of the products that q selects.
func (s *Store) Search(ctx context.Context, q Query) (Listing, error) {
	l := Listing{Page: max(q.Page, 1)}
	err := s.db.SelectContext(ctx, &l.Categories, `SELECT slug, name, description, products AS count FROM categories ORDER BY position`)
	if err != nil {
		return Listing{}, fmt.Errorf("categories: %w", err)
	}
	list := s.browseSlugs
	if strings.TrimSpace(q.Text) != "" {
		list = s.searchSlugs
	}
	slugs, err := list(ctx, q, &l)
	if err != nil {
		return Listing{}, fmt.Errorf("products: %w", err)
	}
	if l.Products, err = s.bySlug(ctx, slugs); err != nil {
		return Listing{}, fmt.Errorf("products: %w", err)
	}
	return l, nil
}

// setPage sets Pages, and Page to an existing page, and returns how many products come before it.
func (l *Listing) setPage(perPage int) (skip int) {
	l.Page, l.Pages, skip = db.Page(l.Page, l.Total, perPage)
	return skip
}

// browseSlugs returns the slugs of a page of a category, or of the whole catalogue.
func (s *Store) browseSlugs(ctx context.Context, q Query, l *Listing) (slugs []string, err error) {
	for _, c := range l.Categories {
		l.All += c.Count
		if q.Category == "" || q.Category == c.Slug {
			l.Total += c.Count
		}
	}
	skip := l.setPage(q.PerPage)
	back := skip > l.Total/2
	size := min(q.PerPage, l.Total-skip)
	if back { // the end is nearer
		skip = l.Total - skip - size
	}
	query, args := q.BrowseStatement(skip, size, back)
	err = s.db.SelectContext(ctx, &slugs, s.db.Rebind(query), args...)
	if back {
		slices.Reverse(slugs)
	}
	return slugs, err
}

// BrowseStatement returns a query for the slugs of a page, counted from the end and in reverse order if back is set.
// The query reads indexes only: each order has an index that ends with the slug.
func (q Query) BrowseStatement(skip, size int, back bool) (query string, args []any) {
	query = `SELECT p.slug FROM products p`
	if q.Category != "" {
		query, args = query+` WHERE p.category = ?`, []any{q.Category}
	}
	return query + ` ORDER BY ` + q.order(back) + ` LIMIT ? OFFSET ?`, append(args, size, skip)
}

// order returns the ORDER BY terms of q. Each Sort has its own text, so that no part of the request becomes SQL.
func (q Query) order(back bool) string {
	up, down := "", " DESC"
	if back {
		up, down = down, up
	}
	switch q.Sort {
	case Newest:
		return `p.added_at` + down + `, p.slug` + up
	case PriceUp:
		return `p.price_cents` + up + `, p.slug` + up
	case PriceDown:
		return `p.price_cents` + down + `, p.slug` + up
	case Name:
		return `p.name_lower` + up + `, p.slug` + up
	}
	return `p.featured` + up + `, p.slug` + up
}

// searchSlugs returns the slugs of a page of the products that match the searched words, and sets the counts of l.
func (s *Store) searchSlugs(ctx context.Context, q Query, l *Listing) ([]string, error) {
	query, args, err := s.FindStatement(ctx, q)
	var found []struct{ Slug, Category string }
	if err == nil && query != "" {
		err = s.db.SelectContext(ctx, &found, s.db.Rebind(query), args...)
	}
	if err != nil {
		return nil, err
	}
	var slugs []string
	counts := map[string]int{}
	for _, p := range found {
		counts[p.Category]++
		if q.Category == "" || q.Category == p.Category {
			slugs = append(slugs, p.Slug)
		}
	}
	if l.All = len(found); l.All > MaxFound {
		most := maxPages * q.PerPage
		first, err := s.findMany(ctx, q)
		if err != nil {
			return nil, err
		}
		if len(first) == most || q.Category != "" && len(first) >= len(slugs) {
			slugs = first
		}
		slugs = slugs[:min(len(slugs), most)]
		l.All, l.Many = NotCounted, true
	}
	for i, c := range l.Categories {
		l.Categories[i].Count = counts[c.Slug]
		if l.Many {
			l.Categories[i].Count = NotCounted
		}
	}
	l.Total = len(slugs)
	skip := l.setPage(q.PerPage)
	return slugs[skip:min(skip+q.PerPage, len(slugs))], nil
}

// FindStatement returns a query for slug and category of at most MaxFound+1 products in all categories, or "" if it is
// known that none match. CROSS JOIN keeps SQLite from scanning all products first.
func (s *Store) FindStatement(ctx context.Context, q Query) (query string, args []any, err error) {
	match, args, err := fulltext.Match(ctx, s.db, q.Text, MaxFound+1)
	if err != nil || match == "" {
		return "", nil, err
	}
	order := q.order(false)
	if q.Sort == Featured || q.Sort == "" { // products whose names match come first
		words := fulltext.QueryWords(q.Text)
		order = `CASE WHEN ` + strings.TrimSuffix(strings.Repeat(`p.name_lower LIKE ? AND `, len(words)), " AND ") + ` THEN 0 ELSE 1 END, ` + order
		for _, w := range words {
			args = append(args, "%"+w+"%")
		}
	}
	return `SELECT p.slug, p.category FROM (` + match + `) m CROSS JOIN products p WHERE p.slug = m.id ORDER BY ` + order, args, nil
}

// findMany returns the slugs of the first maxPages pages of a search with very many matches, or fewer if the first
// maxWalked products do not have as many.
func (s *Store) findMany(ctx context.Context, q Query) (slugs []string, err error) {
	query, args := q.ManyStatement()
	err = s.db.SelectContext(ctx, &slugs, s.db.Rebind(query), args...)
	return slugs, err
}

// ManyStatement returns a query for the slugs of maxPages pages. The query follows the order's index for at most
// maxWalked products and compares the words of each, which quickly finds frequent words. The result has the order of
// the inner query.
func (q Query) ManyStatement() (query string, args []any) {
	walk, args := q.BrowseStatement(0, maxWalked, false)
	var matches []string
	for _, pattern := range fulltext.Patterns(q.Text) {
		matches = append(matches, `' ' || d.words || ' ' LIKE ?`)
		args = append(args, pattern)
	}
	return `SELECT w.slug FROM (` + walk + `) w WHERE COALESCE((SELECT ` + strings.Join(matches, " AND ") + `
		FROM search_documents d WHERE d.id = w.slug), FALSE) LIMIT ?`, append(args, maxPages*q.PerPage)
}

// Index indexes the products that are not indexed yet: those written before the index existed, by an older version or
// by an import.
func (s *Store) Index(ctx context.Context) error {
	return fulltext.IndexMissing(ctx, s.db, `SELECT slug AS id FROM products`, indexBatch, func(ctx context.Context, tx *sqlx.Tx, slug string) error {
		var text string
		if err := tx.GetContext(ctx, &text, tx.Rebind(`SELECT search FROM products WHERE slug = ?`), slug); err != nil {
			return err
		}
		return fulltext.Put(ctx, tx, s.db.Dialect, slug, fulltext.Words(text))
	})
}

// countProducts corrects the stored numbers of products per category.
func countProducts(ctx context.Context, q db.Querier) error {
	const count = `(SELECT COUNT(*) FROM products p WHERE p.category = categories.slug)`
	return db.Exec(ctx, q, "count products", `UPDATE categories SET products = `+count+` WHERE products <> `+count)
}

// CleanUp indexes products that are not indexed yet, and corrects stored counts.
func (s *Store) CleanUp(ctx context.Context) error {
	return errors.Join(s.Index(ctx), countProducts(ctx, s.db))
}
