package store

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/jmoiron/sqlx"

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
	Shipping      string `db:"shipping"`       // key of a Shipping
	ShippingCents int64  `db:"shipping_cents"` // part of TotalCents
	Payment       string `db:"payment"`        // key of a TestCard; "" for an order from before there was a payment
	PlacedAt      int64  `db:"placed_at"`      // milliseconds since 1970, as the others
	Ahead         int64  `db:"ahead"`          // milliseconds by which a merchant has put its clock ahead
	PaidAt        *int64 `db:"paid_at"`        // this and the next three: when a merchant or the clock did so, if fixed
	PackedAt      *int64 `db:"packed_at"`
	SentAt        *int64 `db:"sent_at"`
	DeliveredAt   *int64 `db:"delivered_at"`
	CancelledAt   *int64 `db:"cancelled_at"` // nil if the order was not cancelled
	ReturnedAt    *int64 `db:"returned_at"`  // nil if the order was not returned
	Restocked     bool   `db:"restocked"`    // its products are back in stock
	Items         []Item
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

const orderColumns = `id, subject, total_cents, units, name, street, postcode, city, country, shipping, shipping_cents, payment, placed_at,
	ahead, paid_at, packed_at, sent_at, delivered_at, cancelled_at, returned_at, restocked`

var orderPattern = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// Order returns the user's order with its items, or ErrNotFound if there is none or it is another user's.
func (s *Store) Order(ctx context.Context, subject, id string) (Order, error) {
	if !orderPattern.MatchString(id) {
		return Order{}, ErrNotFound
	}
	return readOrder(ctx, s.db, subject, id)
}

// readOrder returns the order with its items, or ErrNotFound also if subject is neither its user nor "".
func readOrder(ctx context.Context, q sqlx.ExtContext, subject, id string) (Order, error) {
	o, err := db.One[Order](ctx, q, "order", `SELECT `+orderColumns+` FROM orders WHERE id = ?`, id)
	if err != nil {
		return o, err
	}
	if subject != "" && o.Subject != subject {
		return Order{}, ErrNotFound
	}
	o.Items, err = db.All[Item](ctx, q, "order", `SELECT order_id, product, name, quantity, price_cents FROM order_items WHERE order_id = ? ORDER BY line`, id)
	return o, err
}

// OrderPage is a page of a user's orders, newest first.
type OrderPage struct {
	Orders             []Order
	Total, Page, Pages int
}

// Orders returns one page of a user's orders with their items, or the last page if page is past the end.
func (s *Store) Orders(ctx context.Context, subject string, page, perPage int) (out OrderPage, err error) {
	if out.Total, err = db.One[int](ctx, s.db, "orders", `SELECT COUNT(*) FROM orders WHERE subject = ?`, subject); err != nil {
		return out, err
	}
	var skip int
	out.Page, out.Pages, skip = db.Page(page, out.Total, perPage)
	ids := `SELECT id FROM orders WHERE subject = ? ORDER BY placed_at DESC, id LIMIT ? OFFSET ?`
	args := []any{subject, perPage, skip}
	out.Orders, err = db.All[Order](ctx, s.db, "orders", `SELECT `+orderColumns+` FROM orders WHERE id IN (`+ids+`) ORDER BY placed_at DESC, id`, args...)
	if err != nil {
		return out, err
	}
	items, err := db.All[Item](ctx, s.db, "orders", `SELECT order_id, product, name, quantity, price_cents FROM order_items
		WHERE order_id IN (`+ids+`) ORDER BY order_id, line`, args...)
	if err != nil {
		return out, err
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
	a, err := db.One[Address](ctx, s.db, "address", `SELECT name, street, postcode, city, country FROM addresses WHERE subject = ?`, subject)
	if errors.Is(err, ErrNotFound) {
		return a, false, nil
	}
	return a, err == nil, err
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
	all, err := db.All[UsedAddress](ctx, s.db, "addresses", UsedAddressesStatement, subject, maxUsedOrders)
	if err != nil {
		return nil, err
	}
	var out []UsedAddress
	seen := map[Address]bool{}
	for _, a := range all {
		if !seen[a.Address] {
			seen[a.Address] = true
			out = append(out, a)
		}
	}
	return out, nil
}
