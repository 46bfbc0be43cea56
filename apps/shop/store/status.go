package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Status is how far an order has come.
type Status int

// The statuses of an order. It passes through the first five by the clock, unless it is cancelled before it is packed.
// It can be returned for ReturnPeriod after it is delivered.
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

// reachedAfter are the times from placing an order to each status. The shop has no warehouse, so the clock is the one
// thing that moves an order on: every replica computes the same status, and no job must run.
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
	at := func(ms *int64) time.Time {
		if ms == nil {
			return time.Time{}
		}
		return db.Time(*ms)
	}
	switch s {
	case Cancelled:
		return at(o.CancelledAt)
	case Returned:
		return at(o.ReturnedAt)
	}
	return o.Placed().Add(reachedAfter[s])
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
	return s.endOrder(ctx, subject, id, func(ctx context.Context, tx *sqlx.Tx, o Order) error {
		switch {
		case o.CancelledAt != nil:
			return nil
		case !o.CanCancel(now):
			return ErrPacked
		}
		if err := db.Exec(ctx, tx, "cancel order", `UPDATE orders SET cancelled_at = ? WHERE id = ?`, db.Millis(now), id); err != nil {
			return err
		}
		// In the order of takeStock, so that the two cannot deadlock.
		slices.SortFunc(o.Items, func(a, b Item) int { return cmp.Compare(a.Product, b.Product) })
		for _, it := range o.Items {
			if err := db.Exec(ctx, tx, "cancel order", `UPDATE products SET stock = stock + ? WHERE slug = ?`, it.Quantity, it.Product); err != nil {
				return err
			}
		}
		return nil
	})
}

// Return records that the user returns an order. Its products do not go back into stock: they are checked first. Later
// calls change nothing and return no error. It returns ErrNotFound if there is no such order of this user, and
// ErrNotReturned if it was not delivered, was cancelled, or was delivered more than ReturnPeriod ago.
func (s *Store) Return(ctx context.Context, subject, id string, now time.Time) error {
	return s.endOrder(ctx, subject, id, func(ctx context.Context, tx *sqlx.Tx, o Order) error {
		switch {
		case o.ReturnedAt != nil:
			return nil
		case !o.CanReturn(now):
			return ErrNotReturned
		}
		return db.Exec(ctx, tx, "return order", `UPDATE orders SET returned_at = ? WHERE id = ?`, db.Millis(now), id)
	})
}

// endOrder calls end with the user's order and its items, locked until end's transaction is over.
func (s *Store) endOrder(ctx context.Context, subject, id string, end func(ctx context.Context, tx *sqlx.Tx, o Order) error) error {
	if !orderPattern.MatchString(id) {
		return ErrNotFound
	}
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		n, err := db.Change(ctx, tx, "order", `UPDATE orders SET id = id WHERE id = ? AND subject = ?`, id, subject)
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
		return end(ctx, tx, o)
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
