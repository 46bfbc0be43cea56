package store

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Errors of the merchant's changes.
var (
	ErrMoved = errors.New("the order has another status by now")
	ErrStale = errors.New("the product has changed since it was shown")
)

// Cursor is a position in the list of all orders: the order with this id and time.
type Cursor struct {
	PlacedAt int64
	ID       string
}

// OrderQuery selects a page of all orders, newest first.
type OrderQuery struct {
	Status  *Status // nil for any
	Prefix  string  // of the order's id; "" for any
	After   *Cursor // the page of the orders after this one, or
	Before  *Cursor // the page of those before this one; both nil for the first page
	PerPage int
	Now     time.Time
}

// maxByPrefix is the number of orders that are looked through for a prefix.
const maxByPrefix = 200

var prefixPattern = regexp.MustCompile(`^[A-Z2-7]{1,26}$`)

// Statement returns the query and its arguments. Between placing an order and its delivery by the clock, a status is a
// time in which the order was placed, so that the index by that time serves all of them.
func (q OrderQuery) Statement() (string, []any) {
	from, where, args := `orders`, ` WHERE 1 = 1`, []any{}
	if q.Prefix != "" {
		from = `(SELECT * FROM orders WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?) AS orders`
		args = append(args, q.Prefix, q.Prefix+"ZZZZZZZZZZZZZZZZZZZZZZZZZZ"[len(q.Prefix):], maxByPrefix)
	}
	add := func(condition string, more ...any) { where, args = where+` AND `+condition, append(args, more...) }
	switch {
	case q.Status == nil:
	case *q.Status == Cancelled:
		add(`cancelled_at IS NOT NULL`)
	case *q.Status == Returned:
		add(`returned_at IS NOT NULL`)
	default:
		add(`cancelled_at IS NULL AND returned_at IS NULL`)
		if *q.Status > Placed {
			add(`placed_at - ahead <= ?`, db.Millis(q.Now.Add(-reachedAfter[*q.Status])))
		}
		if *q.Status < Delivered {
			since := db.Millis(q.Now.Add(-reachedAfter[*q.Status+1]))
			add(`placed_at - ahead > ? AND placed_at > ?`, since, since) // ahead is not negative
		}
	}
	order := ` ORDER BY placed_at DESC, id`
	switch {
	case q.After != nil:
		add(`placed_at <= ? AND (placed_at < ? OR id > ?)`, q.After.PlacedAt, q.After.PlacedAt, q.After.ID)
	case q.Before != nil:
		add(`placed_at >= ? AND (placed_at > ? OR id < ?)`, q.Before.PlacedAt, q.Before.PlacedAt, q.Before.ID)
		order = ` ORDER BY placed_at, id DESC`
	}
	return `SELECT ` + orderColumns + ` FROM ` + from + where + order + ` LIMIT ?`, append(args, q.PerPage+1)
}

// AllOrders returns a page of all users' orders, without their items, and whether there are more in the direction of
// the query. It returns none if Prefix cannot begin an id.
func (s *Store) AllOrders(ctx context.Context, q OrderQuery) (orders []Order, more bool, err error) {
	if q.Prefix != "" && !prefixPattern.MatchString(q.Prefix) {
		return nil, false, nil
	}
	query, args := q.Statement()
	orders, err = db.All[Order](ctx, s.db, "orders", query, args...)
	if more = len(orders) > q.PerPage; more {
		orders = orders[:q.PerPage]
	}
	if q.Before != nil {
		slices.Reverse(orders)
	}
	return orders, more, err
}

// AnyOrder returns an order of any user with its items, or ErrNotFound.
func (s *Store) AnyOrder(ctx context.Context, id string) (Order, error) {
	if !orderPattern.MatchString(id) {
		return Order{}, ErrNotFound
	}
	return readOrder(ctx, s.db, "", id)
}

// MoveOn gives an order with the status from the next one, up to Delivered. What the order had reached before keeps its
// time, and the clock goes on from there. It returns ErrMoved if the order has another status, and ErrNotFound if there
// is no such order.
func (s *Store) MoveOn(ctx context.Context, id string, from Status, now time.Time) error {
	return s.changeOrder(ctx, "", id, func(ctx context.Context, tx *sqlx.Tx, o Order) error {
		if o.Status(now) != from || from >= Delivered {
			return ErrMoved
		}
		next := from + 1
		at := func(st Status) *int64 { // when the order reached it, or nil
			ms := db.Millis(o.Reaches(st))
			switch {
			case st == next:
				ms = db.Millis(now)
			case st > next:
				return nil
			}
			return &ms
		}
		ahead := o.PlacedAt + reachedAfter[next].Milliseconds() - db.Millis(now)
		return db.Exec(ctx, tx, "move order on", `UPDATE orders SET ahead = ?, paid_at = ?, packed_at = ?, sent_at = ?, delivered_at = ? WHERE id = ?`,
			max(ahead, o.Ahead), at(Paid), at(Packed), at(Sent), at(Delivered), id)
	})
}

// Refund ends an order with the status from, and puts its products back into stock once: an order that was delivered is
// then returned, one before that cancelled. by is the merchant. It returns ErrMoved if the order has another status, or
// its products are back already, and ErrNotFound if there is no such order.
func (s *Store) Refund(ctx context.Context, by, id string, from Status, now time.Time) error {
	return s.changeOrder(ctx, "", id, func(ctx context.Context, tx *sqlx.Tx, o Order) error {
		if o.Status(now) != from || o.Restocked || from == Cancelled {
			return ErrMoved
		}
		switch {
		case from < Delivered:
			return cancelOrder(ctx, tx, o, by, now)
		case from == Delivered:
			if err := returnOrder(ctx, tx, o, by, now); err != nil {
				return err
			}
		}
		return restock(ctx, tx, o)
	})
}

// ProductChange is a new price and stock of a product. Had are those that the merchant saw.
type ProductChange struct {
	Slug                 string
	PriceCents, HadCents int64
	Stock, HadStock      int
}

// ChangeProduct changes the price and the stock of a product, but not of orders. It returns ErrStale if they are not
// those that the merchant saw, and ErrNotFound if there is no such product.
func (s *Store) ChangeProduct(ctx context.Context, c ProductChange) error {
	n, err := db.Change(ctx, s.db, "product", `UPDATE products SET price_cents = ?, stock = ? WHERE slug = ? AND price_cents = ? AND stock = ?`,
		c.PriceCents, c.Stock, c.Slug, c.HadCents, c.HadStock)
	if err != nil || n > 0 {
		return err
	}
	if _, err := s.Product(ctx, c.Slug); err != nil {
		return err
	}
	return ErrStale
}
