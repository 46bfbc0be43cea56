package store

import (
	"context"
	"fmt"
)

// Seller is how well a product sold.
type Seller struct {
	Product  string `db:"product"`
	Name     string `db:"name"`
	Quantity int64  `db:"quantity"`
	Cents    int64  `db:"cents"`
}

// Sellers are the products that sold most pieces in s, at most limit of them.
func (s *Store) Sellers(ctx context.Context, span Span, limit int) ([]Seller, error) {
	source, at := "sales_hourly", "hour_at"
	if span.Raw {
		source, at = "sales", "happened_at"
	}
	where, args := span.where(at)
	query := `SELECT product, MAX(name) AS name, CAST(SUM(quantity) AS BIGINT) AS quantity, CAST(SUM(cents) AS BIGINT) AS cents FROM ` + source +
		where + ` GROUP BY product ORDER BY quantity DESC, cents DESC, product LIMIT ?`
	var sellers []Seller
	if err := s.db.SelectContext(ctx, &sellers, s.db.Rebind(query), append(args, limit)...); err != nil {
		return nil, fmt.Errorf("analytics: best sellers: %w", err)
	}
	return sellers, nil
}
