package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// Checkout is an order to be placed.
type Checkout struct {
	Subject string
	Details
	// Key is the form's idempotency key: a second checkout with the same key returns the first order.
	Key string
	// Summary is the fingerprint of the lines that the user saw.
	Summary string
	Now     time.Time
}

// Details are what a user chooses in the checkout.
type Details struct {
	Address
	Shipping string // key of a Shipping
	Payment  string // key of a TestCard
}

// LackingError lists the lines that exceed the stock. It matches [ErrSoldOut].
type LackingError struct{ Lines []Line }

// Error returns a message with the names of the products.
func (e *LackingError) Error() string {
	names := make([]string, len(e.Lines))
	for i, l := range e.Lines {
		names[i] = l.Name
	}
	return "not enough of " + strings.Join(names, ", ")
}

// Is reports whether target is [ErrSoldOut].
func (e *LackingError) Is(target error) bool { return target == ErrSoldOut }

// Errors of PlaceOrder.
var (
	ErrChanged  = errors.New("the cart, a price or a choice has changed since it was shown")
	ErrDeclined = errors.New("the payment was declined")
)

// Summary returns a fingerprint of an order: products, quantities and prices, and the user's choices.
func Summary(lines []Line, d Details) string {
	h := sha256.New()
	shipping, _ := ShippingByKey(d.Shipping)
	fmt.Fprintf(h, "%q %d\n", d, shipping.Cents)
	for _, l := range lines {
		fmt.Fprintf(h, "%s %d %d\n", l.Slug, l.Quantity, l.PriceCents)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// PlaceOrder turns the user's cart into an order, or changes nothing. If the key was used before, it returns the
// existing order with again set. It returns ErrEmpty, ErrChanged (also if a choice is missing), ErrDeclined, or a
// [LackingError] if the stock does not suffice.
func (s *Store) PlaceOrder(ctx context.Context, c Checkout) (id string, again bool, err error) {
	if id, err = s.orderByKey(ctx, c.Subject, c.Key); id != "" || err != nil {
		return id, true, err
	}
	id = rand.Text()
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error { return placeOrder(ctx, tx, id, c) })
	if err == nil {
		return id, false, nil
	}
	// The same form may have been sent twice at once: the second request finds that the key is taken or that the cart
	// has been emptied.
	if db.IsUnique(err) || errors.Is(err, ErrEmpty) || errors.Is(err, ErrChanged) {
		if first, lookErr := s.orderByKey(ctx, c.Subject, c.Key); lookErr != nil {
			return "", false, lookErr
		} else if first != "" {
			return first, true, nil
		}
	}
	return "", false, err
}

func (s *Store) orderByKey(ctx context.Context, subject, key string) (string, error) {
	id, err := db.One[string](ctx, s.db, "order", `SELECT id FROM orders WHERE subject = ? AND idempotency_key = ?`, subject, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", err
	}
	return id, nil
}

// ordersPerUser limits the orders of one user: cancelling gives the stock back, so the stock does not limit them.
var ordersPerUser = db.RateLimit{Max: 100, Window: time.Hour}

func placeOrder(ctx context.Context, tx *sqlx.Tx, id string, c Checkout) error {
	if err := ordersPerUser.Count(ctx, tx, "order "+c.Subject, c.Now); err != nil {
		return err
	}
	cart := PersonCart(c.Subject)
	if err := lockCart(ctx, tx, cart, c.Now); err != nil {
		return err
	}
	lines, err := cartLines(ctx, tx, cart)
	_, ships := ShippingByKey(c.Shipping)
	card, pays := TestCardByKey(c.Payment)
	switch {
	case err != nil:
		return err
	case len(lines) == 0:
		return ErrEmpty
	case Summary(lines, c.Details) != c.Summary, c.Address == Address{}, !ships, !pays:
		return ErrChanged
	}
	if err := takeStock(ctx, tx, lines); err != nil {
		return err
	}
	if card.Declined { // last, so that what the user can't have anyway is not paid
		return ErrDeclined
	}
	total, err := insertOrder(ctx, tx, id, c, lines)
	if err != nil {
		return err
	}
	if err := db.Exec(ctx, tx, "order: empty the cart", `DELETE FROM cart_items WHERE cart_id = ?`, cart); err != nil {
		return err
	}
	if err := db.Exec(ctx, tx, "order: empty the cart", `UPDATE carts SET addressed = 0, shipping = '', payment = '' WHERE id = ?`, cart); err != nil {
		return err
	}
	return events.Record(ctx, tx, placedEvent(id, total, c, lines))
}

// takeStock reduces the stock of all lines in the order of their slugs, so that concurrent orders of the same products
// cannot deadlock. It returns ErrChanged if a price has changed, or a [LackingError] if the stock does not suffice.
func takeStock(ctx context.Context, tx *sqlx.Tx, lines []Line) error {
	lines = slices.SortedFunc(slices.Values(lines), func(a, b Line) int { return cmp.Compare(a.Slug, b.Slug) })
	var lacking []Line
	for _, l := range lines {
		// The price is checked again: it may have changed since the cart was read.
		if n, err := db.Change(ctx, tx, "order: take from stock", `UPDATE products SET stock = stock - ? WHERE slug = ? AND stock >= ? AND price_cents = ?`, l.Quantity, l.Slug, l.Quantity, l.PriceCents); err != nil {
			return err
		} else if n == 1 {
			continue
		}
		now, err := db.One[Product](ctx, tx, "order: take from stock", `SELECT stock, price_cents FROM products WHERE slug = ?`, l.Slug)
		if err != nil {
			return err
		}
		if now.PriceCents != l.PriceCents {
			return ErrChanged
		}
		l.Stock = now.Stock
		lacking = append(lacking, l)
	}
	if lacking != nil {
		return &LackingError{Lines: lacking}
	}
	return nil
}

// insertOrder stores an order, and returns its total.
func insertOrder(ctx context.Context, tx *sqlx.Tx, id string, c Checkout, lines []Line) (total int64, err error) {
	shipping, _ := ShippingByKey(c.Shipping)
	total = shipping.Cents
	units := 0
	for _, l := range lines {
		total += l.Cents()
		units += l.Quantity
	}
	a := c.Address
	err = db.Exec(ctx, tx, "order", `INSERT INTO orders (id, subject, idempotency_key, total_cents, units, name, street, postcode, city, country, shipping, shipping_cents, payment, placed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, c.Subject, c.Key, total, units, a.Name, a.Street, a.Postcode, a.City, a.Country, shipping.Key, shipping.Cents, c.Payment, db.Millis(c.Now))
	if err != nil {
		return 0, err
	}
	for i, l := range lines {
		if err := db.Exec(ctx, tx, fmt.Sprintf("order: line %d", i+1), `INSERT INTO order_items (order_id, line, product, name, quantity, price_cents)
			VALUES (?, ?, ?, ?, ?, ?)`, id, i+1, l.Slug, l.Name, l.Quantity, l.PriceCents); err != nil {
			return 0, err
		}
	}
	return total, nil
}

func placedEvent(id string, total int64, c Checkout, lines []Line) events.Event {
	items := make([]map[string]any, len(lines))
	for i, l := range lines {
		items[i] = map[string]any{"product": l.Slug, "name": l.Name, "quantity": l.Quantity, "cents": l.Cents()}
	}
	return events.New(events.OrderPlaced, c.Subject, map[string]any{"order_id": id, "total_cents": total, "items": items})
}
