//go:build unix

package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/shop"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

var shopSuite = suite{
	service: "shop", rows: "products", small: 100, large: 100_000, seed: seedShop, start: startShop,
	requests: []request{
		{name: "catalogue", path: "/"},
		{name: "catalogue, last page", path: "/?page=1000000"},
		{name: "catalogue, by price", path: "/?sort=price-up"},
		{name: "category, by name", path: "/?category=c3&sort=name"},
		{name: "product page", path: "/products/p77"},
		{name: "search, a rare beginning", path: "/?q=unique77"},
		{name: "search, a word of all products", path: "/?q=brass"},
		{name: "search, a word of all products, by price", path: "/?q=brass&sort=price-down&category=c3"},
		{name: "search, common words that no product shares", path: "/?q=oak+pine"},
		{name: "search, nothing", path: "/?q=nowhere"},
		{name: "search, eight at once", path: "/?q=brass+word7", atOnce: true},
		{name: "API, all", path: "/api/v1/products?limit=50"},
		{name: "API, a word of all products", path: "/api/v1/products?query=brass"},
	},
}

func startShop(ctx context.Context, d *db.DB, rdb redis.UniversalClient) (http.Handler, error) {
	estate, err := web.ParseEstate("http://localhost:8080")
	if err != nil {
		return nil, err
	}
	app, err := shop.New(ctx, shop.Deps{DB: d, Redis: rdb, Estate: estate, Replica: "shop-1", Logger: slog.New(slog.DiscardHandler), ClientSecret: "secret", Keys: sessionKeys})
	if err != nil {
		return nil, err
	}
	return app.Handler(), nil
}

// seedShop inserts n products in eight categories. All contain "brass", every second one "oak" and the others "pine",
// every thousandth the same numbered word, and each a unique word.
func seedShop(ctx context.Context, d *db.DB, n int) error {
	const words = `'a brass thing of ' || CASE WHEN i % 2 = 0 THEN 'oak' ELSE 'pine' END || ' word' || CAST(i % 1000 AS TEXT) || ' unique' || CAST(i AS TEXT)`
	statements := []string{
		`INSERT INTO categories (slug, name, description, position) VALUES ('c0', 'C0', '', 1), ('c1', 'C1', '', 2), ('c2', 'C2', '', 3), ('c3', 'C3', '', 4),
			('c4', 'C4', '', 5), ('c5', 'C5', '', 6), ('c6', 'C6', '', 7), ('c7', 'C7', '', 8)`,
		`%n INSERT INTO products (slug, category, name, name_lower, price_cents, stock, short, description, specs, featured, added_at, search)
			SELECT 'p' || CAST(i AS TEXT), 'c' || CAST(i % 8 AS TEXT), 'Thing ' || CAST(i AS TEXT), 'thing ' || CAST(i AS TEXT), 100 + i * 7919 % 90000, 5, 'Short', 'Long', '[]',
			i % 1000, 1700000000000 + i * 1000, ` + words + ` FROM n`,
		`%n INSERT INTO search_documents (id, words) SELECT 'p' || CAST(i AS TEXT), ` + words + ` FROM n`,
		`UPDATE categories SET products = (SELECT COUNT(*) FROM products WHERE category = categories.slug)`,
	}
	if d.Dialect == db.SQLite {
		statements = append(statements, `%n INSERT INTO search_vocabulary (word) SELECT 'unique' || CAST(i AS TEXT) FROM n UNION SELECT 'word' || CAST(i % 1000 AS TEXT) FROM n`,
			`INSERT INTO search_vocabulary (word) VALUES ('a'), ('brass'), ('thing'), ('of'), ('oak'), ('pine')`)
	}
	return fill(ctx, d, n, statements...)
}
