package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// CartID identifies a cart: a user's by sub, or a guest's by the hash of the cookie, so that read access to the
// database does not give access to the carts. "" is no cart.
type CartID string

const (
	guestPrefix  = "guest:"
	personPrefix = "person:"
)

// cartsPerNetwork limits the new carts of guests per network: enough for an office or a school behind one address, but
// not for a program that would fill the database.
var cartsPerNetwork = db.RateLimit{Max: 60, Window: time.Hour}

// PersonCart returns the id of the cart of the user with this sub.
func PersonCart(sub string) CartID { return CartID(personPrefix + sub) }

// GuestCart returns the id of the cart of the guest with this cookie.
func GuestCart(cookie string) CartID {
	h := sha256.Sum256([]byte(cookie))
	return CartID(guestPrefix + hex.EncodeToString(h[:]))
}

// Line is a product in a cart.
type Line struct {
	Product
	Quantity  int   `db:"quantity"`
	SeenCents int64 `db:"seen_cents"` // the price when it was added
}

// Cents returns the current price of the line.
func (l Line) Cents() int64 { return l.PriceCents * int64(l.Quantity) }

// Lacking reports whether the line has more units than are in stock.
func (l Line) Lacking() bool { return l.Quantity > l.Stock }

// Cart returns the lines of a cart, oldest first.
func (s *Store) Cart(ctx context.Context, id CartID) ([]Line, error) {
	if id == "" {
		return nil, nil
	}
	return cartLines(ctx, s.db, id)
}

func cartLines(ctx context.Context, q sqlx.ExtContext, id CartID) ([]Line, error) {
	return db.All[Line](ctx, q, "cart", `SELECT `+productColumns+`, i.quantity, i.price_cents AS seen_cents
		FROM cart_items i JOIN products p ON p.slug = i.product JOIN categories c ON c.slug = p.category
		WHERE i.cart_id = ? ORDER BY i.added_at, p.slug`, id)
}

// Units returns the number of units in a cart.
func (s *Store) Units(ctx context.Context, id CartID) (int, error) {
	if id == "" {
		return 0, nil
	}
	return db.One[int](ctx, s.db, "cart", `SELECT COALESCE(SUM(quantity), 0) FROM cart_items WHERE cart_id = ?`, id)
}

// Exists reports whether there is a cart with this id.
func (s *Store) Exists(ctx context.Context, id CartID) (bool, error) {
	return cartExists(ctx, s.db, id)
}

func cartExists(ctx context.Context, q sqlx.ExtContext, id CartID) (bool, error) {
	n, err := db.One[int](ctx, q, "cart", `SELECT COUNT(*) FROM carts WHERE id = ?`, id)
	return n > 0, err
}

// lockCart creates the cart if it is missing and locks it until tx ends, so that concurrent requests of one browser
// change it one after the other.
func lockCart(ctx context.Context, tx *sqlx.Tx, id CartID, now time.Time) error {
	return db.Exec(ctx, tx, "cart", `INSERT INTO carts (id, updated_at) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at`, id, db.Millis(now))
}

// Add adds quantity units of a product to the cart and returns how many were in it before and how many are in it then,
// which is at most the stock and at most MaxQuantity. It returns ErrNotFound if there is no such product, ErrSoldOut if
// none is in stock, ErrFull if the cart has MaxLines other products, and a [*db.RateLimitError] if the guest's network
// created too many carts.
func (s *Store) Add(ctx context.Context, id CartID, product string, quantity int, network string, now time.Time) (had, have int, err error) {
	return s.changeItem(ctx, id, product, network, now, func(had int) int { return had + quantity })
}

// SetQuantity sets the quantity of a product with the same limits and errors as Add; 0 removes the product. It returns
// the new quantity.
func (s *Store) SetQuantity(ctx context.Context, id CartID, product string, quantity int, now time.Time) (int, error) {
	if quantity <= 0 {
		return 0, s.Remove(ctx, id, product, now)
	}
	_, have, err := s.changeItem(ctx, id, product, "", now, func(int) int { return quantity })
	return have, err
}

// Restore puts a product that was removed into the cart again, with the same limits and errors as Add. It changes
// nothing if the cart has the product already, so that a second call does nothing. It returns the new quantity.
func (s *Store) Restore(ctx context.Context, id CartID, product string, quantity int, network string, now time.Time) (int, error) {
	_, have, err := s.changeItem(ctx, id, product, network, now, func(had int) int {
		if had > 0 {
			return had
		}
		return quantity
	})
	return have, err
}

func (s *Store) changeItem(ctx context.Context, id CartID, product, network string, now time.Time, want func(had int) int) (had, have int, err error) {
	p, err := s.Product(ctx, product)
	if err != nil {
		return 0, 0, err
	}
	if p.Stock == 0 {
		return 0, 0, ErrSoldOut
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := limitGuest(ctx, tx, id, network, now); err != nil {
			return err
		}
		if err := lockCart(ctx, tx, id, now); err != nil {
			return err
		}
		had, err = db.One[int](ctx, tx, "cart", `SELECT quantity FROM cart_items WHERE cart_id = ? AND product = ?`, id, p.Slug)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil { // the product is new in the cart
			lines, err := countLines(ctx, tx, id)
			if err != nil {
				return err
			}
			if lines >= MaxLines {
				return ErrFull
			}
			if lines == 0 {
				if err := recordStart(ctx, tx, id, p.Slug); err != nil {
					return err
				}
			}
		}
		have = min(want(had), p.Stock, MaxQuantity)
		return putItem(ctx, tx, id, p.Slug, have, p.PriceCents, now)
	})
	return had, have, err
}

func countLines(ctx context.Context, tx *sqlx.Tx, id CartID) (int, error) {
	return db.One[int](ctx, tx, "cart", `SELECT COUNT(*) FROM cart_items WHERE cart_id = ?`, id)
}

// recordStart records the event cart_started for the first product of a user's cart. Guests' carts have no event: their
// products become a user's cart when they sign in.
func recordStart(ctx context.Context, tx *sqlx.Tx, id CartID, product string) error {
	sub, isUser := strings.CutPrefix(string(id), personPrefix)
	if !isUser {
		return nil
	}
	return events.Record(ctx, tx, events.New(events.CartStarted, sub, map[string]any{"product": product}))
}

// limitGuest counts a guest's new cart against the rate limit of the guest's network.
func limitGuest(ctx context.Context, tx *sqlx.Tx, id CartID, network string, now time.Time) error {
	if !strings.HasPrefix(string(id), guestPrefix) {
		return nil
	}
	if there, err := cartExists(ctx, tx, id); err != nil || there {
		return err
	}
	return cartsPerNetwork.Count(ctx, tx, "cart "+network, now)
}

func putItem(ctx context.Context, tx *sqlx.Tx, id CartID, product string, quantity int, cents int64, now time.Time) error {
	return db.Exec(ctx, tx, "cart", `INSERT INTO cart_items (cart_id, product, quantity, price_cents, added_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (cart_id, product) DO UPDATE SET quantity = excluded.quantity, price_cents = excluded.price_cents`, id, product, quantity, cents, db.Millis(now))
}

// Remove removes a product from the cart. It returns no error if the cart does not have the product.
func (s *Store) Remove(ctx context.Context, id CartID, product string, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := lockCart(ctx, tx, id, now); err != nil {
			return err
		}
		return db.Exec(ctx, tx, "cart", `DELETE FROM cart_items WHERE cart_id = ? AND product = ?`, id, product)
	})
}

// Merge moves the lines of a guest's cart to a user's, up to MaxLines and MaxQuantity, and deletes the guest's cart. Of
// concurrent calls only one does so; the others change nothing.
func (s *Store) Merge(ctx context.Context, from, into CartID, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// The guest's row is the lock: if the update finds no row, another call has merged the cart.
		if n, err := db.Change(ctx, tx, "cart", `UPDATE carts SET updated_at = ? WHERE id = ?`, db.Millis(now), from); err != nil || n == 0 {
			return err
		}
		if err := lockCart(ctx, tx, into, now); err != nil {
			return err
		}
		if err := recordMerge(ctx, tx, from, into); err != nil {
			return err
		}
		err := db.Exec(ctx, tx, "cart: merge", `INSERT INTO cart_items (cart_id, product, quantity, price_cents, added_at)
			SELECT ?, product, quantity, price_cents, added_at FROM cart_items WHERE cart_id = ?
			ON CONFLICT (cart_id, product) DO UPDATE SET
				quantity = CASE WHEN cart_items.quantity + excluded.quantity > ? THEN ? ELSE cart_items.quantity + excluded.quantity END`, into, from, MaxQuantity, MaxQuantity)
		if err != nil {
			return err
		}
		err = db.Exec(ctx, tx, "cart: merge", `DELETE FROM cart_items WHERE cart_id = ? AND product NOT IN
			(SELECT product FROM cart_items WHERE cart_id = ? ORDER BY added_at, product LIMIT ?)`, into, into, MaxLines)
		if err != nil {
			return err
		}
		if err := db.Exec(ctx, tx, "cart: merge", `DELETE FROM cart_items WHERE cart_id = ?`, from); err != nil {
			return err
		}
		return db.Exec(ctx, tx, "cart: merge", `DELETE FROM carts WHERE id = ?`, from)
	})
}

// recordMerge records that into has started if it is empty and from is not.
func recordMerge(ctx context.Context, tx *sqlx.Tx, from, into CartID) error {
	if n, err := countLines(ctx, tx, into); err != nil || n > 0 {
		return err
	}
	first, err := db.One[string](ctx, tx, "cart: merge", `SELECT product FROM cart_items WHERE cart_id = ? ORDER BY added_at, product LIMIT 1`, from)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return recordStart(ctx, tx, into, first)
}

// Prune deletes guests' carts that have not changed since then, and the rate limit counters whose window has ended at
// now.
func (s *Store) Prune(ctx context.Context, since, now time.Time) error {
	if err := s.db.PruneRateLimits(ctx, now); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := db.Exec(ctx, tx, "carts: prune", `DELETE FROM cart_items WHERE cart_id IN (SELECT id FROM carts WHERE id LIKE 'guest:%' AND updated_at < ?)`, db.Millis(since)); err != nil {
			return err
		}
		return db.Exec(ctx, tx, "carts: prune", `DELETE FROM carts WHERE id LIKE 'guest:%' AND updated_at < ?`, db.Millis(since))
	})
}
