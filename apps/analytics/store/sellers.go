package store

import (
	"context"

	"gatehouse.example/db"
)

// Seller is a product with the quantity sold and the revenue.
type Seller struct {
	Product  string `db:"product"`
	Name     string `db:"name"`
	Quantity int64  `db:"quantity"`
	Cents    int64  `db:"cents"`
}

// Sellers returns the best-selling products in span by quantity, at most limit, with their newest names in it.
func (s *Store) Sellers(ctx context.Context, span Span, limit int) ([]Seller, error) {
	sources := span.sources(0, "sales", "sales_hourly", "sales_rollups")
	if len(sources) == 0 {
		return nil, nil
	}
	query, args := sellersOf(sources)
	return db.All[Seller](ctx, s.db, "analytics: best sellers", query, append(args, limit)...)
}

func sellersOf(sources []source) (query string, args []any) {
	rows, args := union(sources, func(o source) string { return `product, name, quantity, cents, ` + o.at + ` AS at` })
	return `SELECT product, MAX(newest) AS name, CAST(SUM(quantity) AS BIGINT) AS quantity, CAST(SUM(cents) AS BIGINT) AS cents
		FROM (SELECT product, quantity, cents, FIRST_VALUE(name) OVER (PARTITION BY product ORDER BY at DESC, name) AS newest FROM ` + rows + `) AS named
		GROUP BY product ORDER BY quantity DESC, cents DESC, product LIMIT ?`, args
}
