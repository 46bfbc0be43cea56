package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// Status is how far an order has come.
type Status int

// The statuses of an order. It passes through the first five by the clock, or earlier if a merchant moves it on. Its
// user can cancel it until it is packed, and return it for ReturnPeriod after it is delivered.
const (
	Placed Status = iota
	Paid
	Packed
	Sent
	Delivered
	Cancelled
	Returned
)

// ReturnPeriod is how long after its delivery an order can be returned.
const ReturnPeriod = 30 * 24 * time.Hour

// reachedAfter are the times from placing an order to each status. The shop has no warehouse, so the clock
// moves an order on unless a merchant did: every replica computes the same status, and no job must run. A merchant puts
// the order's own clock ahead (Order.Ahead), never back.
var reachedAfter = map[Status]time.Duration{
	Paid: time.Minute, Packed: 10 * time.Minute, Sent: 30 * time.Minute, Delivered: time.Hour,
}

// Errors of Cancel and Return.
var (
	ErrPacked      = errors.New("the order is packed already")
	ErrNotReturned = errors.New("the order cannot be returned now")
)

// Status returns the order's status at now.
func (o Order) Status(now time.Time) Status {
	switch {
	case o.CancelledAt != nil:
		return Cancelled
	case o.ReturnedAt != nil:
		return Returned
	}
	status := Placed
	for next := Paid; next <= Delivered && !now.Before(o.Reaches(next)); next++ {
		status = next
	}
	return status
}

// Reaches returns when the order has the given status or, in future, will have it, unless it is cancelled before. It
// returns the zero time for Cancelled and Returned if the order was not.
func (o Order) Reaches(s Status) time.Time {
	fixed := map[Status]*int64{
		Paid: o.PaidAt, Packed: o.PackedAt, Sent: o.SentAt, Delivered: o.DeliveredAt, Cancelled: o.CancelledAt, Returned: o.ReturnedAt,
	}[s]
	switch {
	case fixed != nil:
		return db.Time(*fixed)
	case s > Delivered:
		return time.Time{}
	case s == Placed:
		return o.Placed()
	}
	return o.Placed().Add(reachedAfter[s] - time.Duration(o.Ahead)*time.Millisecond)
}

// CanCancel reports whether Cancel succeeds at now.
func (o Order) CanCancel(now time.Time) bool { return o.Status(now) < Packed }

// CanReturn reports whether Return succeeds at now.
func (o Order) CanReturn(now time.Time) bool {
	return o.Status(now) == Delivered && now.Before(o.ReturnUntil())
}

// ReturnUntil returns when the order can no longer be returned.
func (o Order) ReturnUntil() time.Time { return o.Reaches(Delivered).Add(ReturnPeriod) }

// Cancel cancels the user's order and puts its products back into stock. Of concurrent calls only one does so; the
// others, and later ones, change nothing and return no error. It returns ErrNotFound if there is no such order of this
// user, and ErrPacked if it is too late.
func (s *Store) Cancel(ctx context.Context, subject, id string, now time.Time) error {
	return s.changeOrder(ctx, subject, id, func(ctx context.Context, tx *sqlx.Tx, o Order) error {
		switch {
		case o.CancelledAt != nil:
			return nil
		case !o.CanCancel(now):
			return ErrPacked
		}
		return cancelOrder(ctx, tx, o, subject, now)
	})
}

// Return records that the user returns an order. Its products do not go back into stock: a merchant checks them first.
// Later calls change nothing and return no error. It returns ErrNotFound if there is no such order of this user, and
// ErrNotReturned if it was not delivered, was cancelled, or was delivered more than ReturnPeriod ago.
func (s *Store) Return(ctx context.Context, subject, id string, now time.Time) error {
	return s.changeOrder(ctx, subject, id, func(ctx context.Context, tx *sqlx.Tx, o Order) error {
		switch {
		case o.ReturnedAt != nil:
			return nil
		case !o.CanReturn(now):
			return ErrNotReturned
		}
		return returnOrder(ctx, tx, o, subject, now)
	})
}

func cancelOrder(ctx context.Context, tx *sqlx.Tx, o Order, by string, now time.Time) error {
	if err := db.Exec(ctx, tx, "cancel order", `UPDATE orders SET cancelled_at = ? WHERE id = ?`, db.Millis(now), o.ID); err != nil {
		return err
	}
	if err := restock(ctx, tx, o); err != nil {
		return err
	}
	return recordEnd(ctx, tx, o, by, "cancelled")
}

func returnOrder(ctx context.Context, tx *sqlx.Tx, o Order, by string, now time.Time) error {
	if err := db.Exec(ctx, tx, "return order", `UPDATE orders SET returned_at = ? WHERE id = ?`, db.Millis(now), o.ID); err != nil {
		return err
	}
	return recordEnd(ctx, tx, o, by, "returned")
}

func recordEnd(ctx context.Context, tx *sqlx.Tx, o Order, by, how string) error {
	return events.Record(ctx, tx, events.New(events.OrderCancelled, by, map[string]any{"order_id": o.ID, "total_cents": o.TotalCents, "how": how}))
}

// restock puts the products of an order back into stock.
func restock(ctx context.Context, tx *sqlx.Tx, o Order) error {
	if err := db.Exec(ctx, tx, "restock", `UPDATE orders SET restocked = 1 WHERE id = ?`, o.ID); err != nil {
		return err
	}
	// In the order of takeStock, so that the two cannot deadlock.
	slices.SortFunc(o.Items, func(a, b Item) int { return cmp.Compare(a.Product, b.Product) })
	for _, it := range o.Items {
		if err := db.Exec(ctx, tx, "restock", `UPDATE products SET stock = stock + ? WHERE slug = ?`, it.Quantity, it.Product); err != nil {
			return err
		}
	}
	return nil
}

// changeOrder calls change with the order and its items, locked until change's transaction is over. It returns
// ErrNotFound if there is no such order, or subject is neither its user nor "".
func (s *Store) changeOrder(ctx context.Context, subject, id string, change func(ctx context.Context, tx *sqlx.Tx, o Order) error) error {
	if !orderPattern.MatchString(id) {
		return ErrNotFound
	}
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		n, err := db.Change(ctx, tx, "order", `UPDATE orders SET id = id WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		o, err := readOrder(ctx, tx, subject, id)
		if err != nil {
			return err
		}
		return change(ctx, tx, o)
	})
}

// Reorder puts the products of the user's order into their cart again, in the same quantities as far as there are
// enough in stock and the cart has room. Products of which the cart has as many already are not changed, so that a
// second call does nothing. It returns ErrNotFound if there is no such order of this user.
func (s *Store) Reorder(ctx context.Context, subject, id string, now time.Time) error {
	o, err := s.Order(ctx, subject, id)
	if err != nil {
		return err
	}
	cart := PersonCart(subject)
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := lockCart(ctx, tx, cart, now); err != nil {
			return err
		}
		lines, err := cartLines(ctx, tx, cart)
		if err != nil {
			return err
		}
		had := map[string]int{}
		for _, l := range lines {
			had[l.Slug] = l.Quantity
		}
		for _, it := range o.Items {
			p, err := db.One[Product](ctx, tx, "reorder", `SELECT stock, price_cents FROM products WHERE slug = ?`, it.Product)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			want := min(it.Quantity, p.Stock, MaxQuantity)
			if want <= had[it.Product] || had[it.Product] == 0 && len(had) >= MaxLines {
				continue
			}
			if len(had) == 0 {
				if err := recordStart(ctx, tx, cart, it.Product); err != nil {
					return err
				}
			}
			had[it.Product] = want
			if err := putItem(ctx, tx, cart, it.Product, want, p.PriceCents, now); err != nil {
				return err
			}
		}
		return nil
	})
}
