package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Shipping is a way to deliver an order.
type Shipping struct {
	Key, Name        string
	Cents            int64
	MinDays, MaxDays int // working days from the order to its delivery
}

// ShippingOptions are the ways to deliver an order, the first one by default.
var ShippingOptions = []Shipping{
	{"standard", "Standard", 0, 3, 5},
	{"express", "Express", 690, 2, 2},
	{"next-day", "Next working day", 1290, 1, 1},
}

// ShippingByKey returns the way to deliver with this key, and whether there is one.
func ShippingByKey(key string) (Shipping, bool) {
	for _, s := range ShippingOptions {
		if s.Key == key {
			return s, true
		}
	}
	return Shipping{Key: key, Name: key}, false
}

// Estimate returns the first and the last day on which an order of this time is expected to arrive.
func (s Shipping) Estimate(ordered time.Time) (first, last time.Time) {
	day, passed := ordered.UTC(), 0
	first = day
	for passed < s.MaxDays {
		day = day.AddDate(0, 0, 1)
		if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
			continue
		}
		if passed++; passed == s.MinDays {
			first = day
		}
	}
	return first, day
}

// TestCard is a payment that charges nothing.
type TestCard struct {
	Key, Name string
	Declined  bool
}

// TestCards are the payments that the checkout offers. There are no others: the shop never asks for a card number.
var TestCards = []TestCard{
	{"test-approved", "Test card that is approved", false},
	{"test-declined", "Test card that is declined", true},
}

// TestCardByKey returns the card with this key, and whether there is one.
func TestCardByKey(key string) (TestCard, bool) {
	for _, c := range TestCards {
		if c.Key == key {
			return c, true
		}
	}
	return TestCard{}, false
}

// Choices are what the user has chosen in the checkout of their cart. The address is that of LastAddress.
type Choices struct {
	Addressed bool   `db:"addressed"` // the user has confirmed the address
	Shipping  string `db:"shipping"`  // key of a Shipping, or ""
	Payment   string `db:"payment"`   // key of a TestCard, or ""
}

// Choices returns what the user has chosen in the checkout so far.
func (s *Store) Choices(ctx context.Context, subject string) (Choices, error) {
	c, err := db.One[Choices](ctx, s.db, "checkout", `SELECT addressed, shipping, payment FROM carts WHERE id = ?`, PersonCart(subject))
	if errors.Is(err, ErrNotFound) {
		return c, nil
	}
	return c, err
}

// ChooseAddress stores the address for the checkout of the user's cart, and for their next one.
func (s *Store) ChooseAddress(ctx context.Context, subject string, a Address, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := putAddress(ctx, tx, subject, a, now); err != nil {
			return err
		}
		return db.Exec(ctx, tx, "checkout", `UPDATE carts SET addressed = 1, updated_at = ? WHERE id = ?`, db.Millis(now), PersonCart(subject))
	})
}

// ChooseShipping stores how the user's order is to be delivered; key is that of a Shipping.
func (s *Store) ChooseShipping(ctx context.Context, subject, key string, now time.Time) error {
	return db.Exec(ctx, s.db, "checkout", `UPDATE carts SET shipping = ?, updated_at = ? WHERE id = ?`, key, db.Millis(now), PersonCart(subject))
}

// ChoosePayment stores how the user pays; key is that of a TestCard.
func (s *Store) ChoosePayment(ctx context.Context, subject, key string, now time.Time) error {
	return db.Exec(ctx, s.db, "checkout", `UPDATE carts SET payment = ?, updated_at = ? WHERE id = ?`, key, db.Millis(now), PersonCart(subject))
}

// ForgetPayment forgets a choice of payment that was declined, unless another was chosen meanwhile.
func (s *Store) ForgetPayment(ctx context.Context, subject, declined string, now time.Time) error {
	return db.Exec(ctx, s.db, "checkout", `UPDATE carts SET payment = '', updated_at = ? WHERE id = ? AND payment = ?`, db.Millis(now), PersonCart(subject), declined)
}

func putAddress(ctx context.Context, tx *sqlx.Tx, subject string, a Address, now time.Time) error {
	return db.Exec(ctx, tx, "address", `INSERT INTO addresses (subject, name, street, postcode, city, country, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (subject) DO UPDATE SET name = excluded.name, street = excluded.street, postcode = excluded.postcode,
			city = excluded.city, country = excluded.country, updated_at = excluded.updated_at`, subject, a.Name, a.Street, a.Postcode, a.City, a.Country, db.Millis(now))
}
