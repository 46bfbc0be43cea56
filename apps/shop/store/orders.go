package store

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"gatehouse.example/db"
)

// Address is the delivery address of an order.
type Address struct {
	Name     string `db:"name"`
	Street   string `db:"street"`
	Postcode string `db:"postcode"`
	City     string `db:"city"`
	Country  string `db:"country"` // ISO 3166-1 alpha-2
}

// Order is a placed order, with the prices at that time.
type Order struct {
	ID         string `db:"id"`
	Subject    string `db:"subject"`
	TotalCents int64  `db:"total_cents"`
	Units      int    `db:"units"`
	Address
	PlacedAt    int64  `db:"placed_at"`    // milliseconds since 1970
	CancelledAt *int64 `db:"cancelled_at"` // nil if the order was not cancelled
	ReturnedAt  *int64 `db:"returned_at"`  // nil if the order was not returned
	Items       []Item
}

// Placed returns when the order was placed.
func (o Order) Placed() time.Time { return db.Time(o.PlacedAt) }

// Item is a line of an order.
type Item struct {
	OrderID    string `db:"order_id"`
	Product    string `db:"product"`
	Name       string `db:"name"`
	Quantity   int    `db:"quantity"`
	PriceCents int64  `db:"price_cents"`
}

// Cents returns the price of the line.
func (i Item) Cents() int64 { return i.PriceCents * int64(i.Quantity) }

const orderColumns = `id, subject, total_cents, units, name, street, postcode, city, country, placed_at, cancelled_at, returned_at`

var orderPattern = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// Order returns the user's order with its items, or ErrNotFound if there is none or it is another user's.
func (s *Store) Order(ctx context.Context, subject, id string) (Order, error) {
	if !orderPattern.MatchString(id) {
		return Order{}, ErrNotFound
	}
	return readOrder(ctx, s.db, subject, id)
}

func readOrder(ctx context.Context, q db.Querier, subject, id string) (Order, error) {
	var o Order
	err := db.Get(ctx, q, "order", &o, `SELECT `+orderColumns+` FROM orders WHERE id = ? AND subject = ?`, id, subject)
	if err != nil {
		return o, err
	}
	err = db.Select(ctx, q, "order", &o.Items, `SELECT order_id, product, name, quantity, price_cents FROM order_items WHERE order_id = ? ORDER BY line`, id)
	return o, err
}

// OrderPage is a page of a user's orders, newest first.
type OrderPage struct {
	Orders             []Order
	Total, Page, Pages int
}

// Orders returns one page of a user's orders with their items, or the last page if page is past the end.
func (s *Store) Orders(ctx context.Context, subject string, page, perPage int) (OrderPage, error) {
	var out OrderPage
	if err := s.db.GetContext(ctx, &out.Total, s.db.Rebind(`SELECT COUNT(*) FROM orders WHERE subject = ?`), subject); err != nil {
		return out, fmt.Errorf("orders: %w", err)
	}
	var skip int
	out.Page, out.Pages, skip = db.Page(page, out.Total, perPage)
	ids := `SELECT id FROM orders WHERE subject = ? ORDER BY placed_at DESC, id LIMIT ? OFFSET ?`
	args := []any{subject, perPage, skip}
	err := s.db.SelectContext(ctx, &out.Orders, s.db.Rebind(`SELECT `+orderColumns+` FROM orders WHERE id IN (`+ids+`) ORDER BY placed_at DESC, id`), args...)
	if err != nil {
		return out, fmt.Errorf("orders: %w", err)
	}
	var items []Item
	err = s.db.SelectContext(ctx, &items, s.db.Rebind(`SELECT order_id, product, name, quantity, price_cents FROM order_items
		WHERE order_id IN (`+ids+`) ORDER BY order_id, line`), args...)
	if err != nil {
		return out, fmt.Errorf("orders: %w", err)
	}
	at := map[string]int{}
	for i, o := range out.Orders {
		at[o.ID] = i
	}
	for _, it := range items {
		if i, ok := at[it.OrderID]; ok {
			out.Orders[i].Items = append(out.Orders[i].Items, it)
		}
	}
	return out, nil
}

// LastAddress returns the address that the user entered last, and whether there is one.
func (s *Store) LastAddress(ctx context.Context, subject string) (Address, bool, error) {
	var a Address
	err := s.db.GetContext(ctx, &a, s.db.Rebind(`SELECT name, street, postcode, city, country FROM addresses WHERE subject = ?`), subject)
	if db.Missing(err) {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("address: %w", err)
	}
	return a, true, nil
}

// maxUsedOrders is the number of a user's latest orders that UsedAddresses reads.
const maxUsedOrders = 20

// UsedAddress is an address to which the user had an order delivered.
type UsedAddress struct {
	OrderID string `db:"id"`
	Address
}

// UsedAddressesStatement is the query of UsedAddresses.
const UsedAddressesStatement = `SELECT id, name, street, postcode, city, country FROM orders WHERE subject = ? ORDER BY placed_at DESC LIMIT ?`

// UsedAddresses returns the different addresses of the user's latest orders, the last used first.
func (s *Store) UsedAddresses(ctx context.Context, subject string) ([]UsedAddress, error) {
	var all, out []UsedAddress
	if err := db.Select(ctx, s.db, "addresses", &all, UsedAddressesStatement, subject, maxUsedOrders); err != nil {
		return nil, err
	}
	seen := map[Address]bool{}
	for _, a := range all {
		if !seen[a.Address] {
			seen[a.Address] = true
			out = append(out, a)
		}
	}
	return out, nil
}

// PutAddress stores an address for the user's next checkout.
func (s *Store) PutAddress(ctx context.Context, subject string, a Address, now time.Time) error {
	return db.Exec(ctx, s.db, "address", `INSERT INTO addresses (subject, name, street, postcode, city, country, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (subject) DO UPDATE SET name = excluded.name, street = excluded.street, postcode = excluded.postcode,
			city = excluded.city, country = excluded.country, updated_at = excluded.updated_at`, subject, a.Name, a.Street, a.Postcode, a.City, a.Country, db.Millis(now))
}
