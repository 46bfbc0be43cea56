package store

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	Similar     string     // the words that were searched for instead of those of the query, which no product has
	matched     bool       // a product has the searched words, whatever its price, stock and category
}

// Search returns one page of the products that q selects.
func (s *Store) Search(ctx context.Context, q Query) (Listing, error) {
	categories, err := db.All[Category](ctx, s.db, "categories", `SELECT slug, name, description, products AS count FROM categories ORDER BY position`)
	if err != nil {
		return Listing{}, err
	}
	l := Listing{Page: max(q.Page, 1), Categories: categories}
	list := s.browseSlugs
	if strings.TrimSpace(q.Text) != "" || q.Filtered() {
		list = s.searchSlugs
	}
	slugs, err := list(ctx, q, &l)
	if err != nil {
		return Listing{}, fmt.Errorf("products: %w", err)
	}
	if q.Similar && q.Text != "" && !l.matched {
		if similar, ok, err := s.searchSimilar(ctx, q); ok || err != nil {
			return similar, err
		}
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
	slugs, err = db.All[string](ctx, s.db, "page", query, args...)
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
	case BestRated:
		return `p.rating` + down + `, p.review_count` + down + `, p.slug` + up
	}
	return `p.featured` + up + `, p.slug` + up
}

// searchSlugs returns the slugs of a page of the products that match the searched words and the filters, and sets the
// counts of l.
func (s *Store) searchSlugs(ctx context.Context, q Query, l *Listing) ([]string, error) {
	query, args, err := s.FindStatement(ctx, q)
	var found []Product
	if err == nil && query != "" {
		found, err = db.All[Product](ctx, s.db, "matches", query, args...)
	}
	if err != nil {
		return nil, err
	}
	var slugs []string
	counts := map[string]int{}
	l.matched = len(found) > 0
	for _, p := range found {
		if p.PriceCents < q.MinCents || q.MaxCents > 0 && p.PriceCents > q.MaxCents || q.InStock && p.Stock == 0 || q.TopRated && p.Rating < TopRating {
			continue
		}
		l.All++
		counts[p.Category]++
		if q.Category == "" || q.Category == p.Category {
			slugs = append(slugs, p.Slug)
		}
	}
	if len(found) > MaxFound {
		most := maxPages * q.PerPage
		first, err := s.findMany(ctx, q)
		if err != nil {
			return nil, err
		}
		if len(first) == most || len(first) >= len(slugs) {
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

// FindStatement returns a query for at most MaxFound+1 products in all categories, or "" if it is known that none
// match: those with the searched words, still to be filtered, or without words those that the filters select. CROSS
// JOIN keeps SQLite from scanning all products first.
func (s *Store) FindStatement(ctx context.Context, q Query) (query string, args []any, err error) {
	words := fulltext.QueryWords(q.Text)
	var match string
	if strings.TrimSpace(q.Text) == "" {
		match, args = q.filterStatement()
	} else if match, args, err = fulltext.Match(ctx, s.db, q.Text, MaxFound+1); err != nil || match == "" {
		return "", nil, err
	}
	order := q.order(false)
	if len(words) > 0 && (q.Sort == Featured || q.Sort == "") { // products whose names match come first
		order = `CASE WHEN ` + strings.TrimSuffix(strings.Repeat(`p.name_lower LIKE ? AND `, len(words)), " AND ") + ` THEN 0 ELSE 1 END, ` + order
		for _, w := range words {
			args = append(args, "%"+w+"%")
		}
	}
	return `SELECT p.slug, p.category, p.price_cents, p.stock, p.rating FROM (` + match + `) m CROSS JOIN products p WHERE p.slug = m.id ORDER BY ` + order, args, nil
}

// filterStatement returns a query for the ids of at most MaxFound+1 products that the filters select, the cheapest
// first. It reads the index of prices, or that of the prices in stock or of the best rated products.
func (q Query) filterStatement() (query string, args []any) {
	query = `SELECT p.slug AS id FROM products p WHERE p.price_cents >= ?`
	args = append(args, q.MinCents)
	if q.MaxCents > 0 {
		query, args = query+` AND p.price_cents <= ?`, append(args, q.MaxCents)
	}
	if q.InStock {
		query += ` AND p.stock > 0`
	}
	if q.TopRated {
		query += ` AND p.rating >= 40` // TopRating, as a constant, so that the database can use the partial index
	}
	return query + ` ORDER BY p.price_cents, p.slug LIMIT ?`, append(args, MaxFound+1)
}

// findMany returns the slugs of the first maxPages pages of a search with very many matches, or fewer if the first
// maxWalked products do not have as many.
func (s *Store) findMany(ctx context.Context, q Query) ([]string, error) {
	query, args := q.ManyStatement()
	return db.All[string](ctx, s.db, "frequent matches", query, args...)
}

// ManyStatement returns a query for the slugs of maxPages pages. The query follows the order's index for at most
// maxWalked products and compares the words, price and stock of each, which quickly finds what is frequent. The result
// has the order of the inner query.
func (q Query) ManyStatement() (query string, args []any) {
	walk, args := q.BrowseStatement(0, maxWalked, false)
	var conditions, matches []string
	for _, pattern := range fulltext.Patterns(q.Text) {
		matches = append(matches, `' ' || d.words || ' ' LIKE ?`)
		args = append(args, pattern)
	}
	if matches != nil {
		conditions = append(conditions, `COALESCE((SELECT `+strings.Join(matches, " AND ")+` FROM search_documents d WHERE d.id = w.slug), FALSE)`)
	}
	if q.Filtered() {
		filter := `COALESCE((SELECT p.price_cents >= ? AND p.price_cents <= ? AND p.stock >= ? AND p.rating >= ? FROM products p WHERE p.slug = w.slug), FALSE)`
		most, least, rating := q.MaxCents, 0, 0
		if most == 0 {
			most = math.MaxInt64
		}
		if q.InStock {
			least = 1
		}
		if q.TopRated {
			rating = TopRating
		}
		conditions, args = append(conditions, filter), append(args, q.MinCents, most, least, rating)
	}
	return `SELECT w.slug FROM (` + walk + `) w WHERE ` + strings.Join(conditions, " AND ") + ` LIMIT ?`, append(args, maxPages*q.PerPage)
}

// Index indexes the products that are not indexed yet: those written before the index existed, by an older version or
// by an import.
func (s *Store) Index(ctx context.Context) error {
	return fulltext.IndexMissing(ctx, s.db, `SELECT slug AS id FROM products`, indexBatch, func(ctx context.Context, tx *sqlx.Tx, slug string) error {
		text, err := db.One[string](ctx, tx, "search text", `SELECT search FROM products WHERE slug = ?`, slug)
		if err != nil {
			return err
		}
		return fulltext.Put(ctx, tx, s.db.Dialect, slug, fulltext.Words(text))
	})
}

// countProducts corrects the stored numbers of products per category.
func countProducts(ctx context.Context, q sqlx.ExtContext) error {
	const count = `(SELECT COUNT(*) FROM products p WHERE p.category = categories.slug)`
	return db.Exec(ctx, q, "count products", `UPDATE categories SET products = `+count+` WHERE products <> `+count)
}

// CleanUp indexes products that are not indexed yet, and corrects stored counts.
func (s *Store) CleanUp(ctx context.Context) error {
	return errors.Join(s.Index(ctx), countProducts(ctx, s.db))
}
