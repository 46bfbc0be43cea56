package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// CartID names a cart: a person's, or a guest's by the hash of the cookie, so that
// whoever reads the database can't use the carts. "" is no cart.
type CartID string

const guestPrefix = "guest:"

// perNetwork limits the new carts of guests: an office or a school behind one address
// has room, a program that fills the database has not.
var perNetwork = db.RateLimit{Max: 60, Window: time.Hour}

// PersonCart is the cart of the person with this sub.
func PersonCart(sub string) CartID { return CartID("person:" + sub) }

// GuestCart is the cart of the guest with this cookie.
func GuestCart(cookie string) CartID {
	h := sha256.Sum256([]byte(cookie))
	return CartID(guestPrefix + hex.EncodeToString(h[:]))
}

// Line is an article in a cart.
type Line struct {
	Product
	Quantity  int   `db:"quantity"`
	SeenCents int64 `db:"seen_cents"` // the price when it was put in
}

// Cents is what the line costs now.
func (l Line) Cents() int64 { return l.PriceCents * int64(l.Quantity) }

// Lacking reports that there is not enough in stock.
func (l Line) Lacking() bool { return l.Quantity > l.Stock }

// Cart is the lines of a cart, oldest first.
func (s *Store) Cart(ctx context.Context, id CartID) ([]Line, error) {
	if id == "" {
		return nil, nil
	}
	return lines(ctx, s.db, id)
}

type rebinder interface {
	sqlx.QueryerContext
	Rebind(query string) string
}

func lines(ctx context.Context, q rebinder, id CartID) ([]Line, error) {
	var out []Line
	err := sqlx.SelectContext(ctx, q, &out, q.Rebind(`SELECT `+productColumns+`, i.quantity, i.price_cents AS seen_cents
		FROM cart_items i JOIN products p ON p.slug = i.product JOIN categories c ON c.slug = p.category
		WHERE i.cart_id = ? ORDER BY i.added_at, p.slug`), id)
	if err != nil {
		return nil, fmt.Errorf("cart: %w", err)
	}
	return out, nil
}

// Units is how many things are in a cart.
func (s *Store) Units(ctx context.Context, id CartID) (int, error) {
	if id == "" {
		return 0, nil
	}
	var n int
	if err := s.db.GetContext(ctx, &n, s.db.Rebind(`SELECT COALESCE(SUM(quantity), 0) FROM cart_items WHERE cart_id = ?`), id); err != nil {
		return 0, fmt.Errorf("cart: %w", err)
	}
	return n, nil
}

// Exists reports whether there is a cart with this id.
func (s *Store) Exists(ctx context.Context, id CartID) (bool, error) { return exists(ctx, s.db, id) }

func exists(ctx context.Context, q rebinder, id CartID) (bool, error) {
	var n int
	if err := sqlx.GetContext(ctx, q, &n, q.Rebind(`SELECT COUNT(*) FROM carts WHERE id = ?`), id); err != nil {
		return false, fmt.Errorf("cart: %w", err)
	}
	return n > 0, nil
}

// hold makes the cart if it is missing and locks it until tx ends, so that two
// requests of one browser change it one after the other.
func hold(ctx context.Context, tx *sqlx.Tx, id CartID, now time.Time) error {
	_, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO carts (id, updated_at) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at`), id, db.Millis(now))
	if err != nil {
		return fmt.Errorf("cart: %w", err)
	}
	return nil
}

// Add puts quantity more of a product into the cart and tells how many are in it
// then: not more than there are in stock, nor than MaxQuantity. ErrNotFound if there
// is no such product, ErrSoldOut if none is left, ErrFull if the cart has MaxLines
// others, and a [*db.RateLimitError] if the guest's network made too many carts.
func (s *Store) Add(ctx context.Context, id CartID, product string, quantity int, network string, now time.Time) (int, error) {
	return s.change(ctx, id, product, network, now, func(had int) int { return had + quantity })
}

// SetQuantity makes it so many, within the same bounds; 0 takes it out.
func (s *Store) SetQuantity(ctx context.Context, id CartID, product string, quantity int, now time.Time) (int, error) {
	if quantity <= 0 {
		return 0, s.Remove(ctx, id, product, now)
	}
	return s.change(ctx, id, product, "", now, func(int) int { return quantity })
}

func (s *Store) change(ctx context.Context, id CartID, product, network string, now time.Time, want func(had int) int) (int, error) {
	p, err := s.Product(ctx, product)
	if err != nil {
		return 0, err
	}
	if p.Stock == 0 {
		return 0, ErrSoldOut
	}
	var quantity int
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := limitGuest(ctx, tx, id, network, now); err != nil {
			return err
		}
		if err := hold(ctx, tx, id, now); err != nil {
			return err
		}
		var had int
		err := tx.GetContext(ctx, &had, tx.Rebind(`SELECT quantity FROM cart_items WHERE cart_id = ? AND product = ?`), id, p.Slug)
		if err != nil && !db.Missing(err) {
			return fmt.Errorf("cart: %w", err)
		}
		if db.Missing(err) {
			var lines int
			if err := tx.GetContext(ctx, &lines, tx.Rebind(`SELECT COUNT(*) FROM cart_items WHERE cart_id = ?`), id); err != nil {
				return fmt.Errorf("cart: %w", err)
			}
			if lines >= MaxLines {
				return ErrFull
			}
		}
		quantity = min(want(had), p.Stock, MaxQuantity)
		return put(ctx, tx, id, p.Slug, quantity, p.PriceCents, now)
	})
	return quantity, err
}

// limitGuest counts a new cart of a guest against the limit of the network that it comes from.
func limitGuest(ctx context.Context, tx *sqlx.Tx, id CartID, network string, now time.Time) error {
	if !strings.HasPrefix(string(id), guestPrefix) {
		return nil
	}
	if there, err := exists(ctx, tx, id); err != nil || there {
		return err
	}
	return perNetwork.Take(ctx, tx, "cart "+network, now)
}

func put(ctx context.Context, tx *sqlx.Tx, id CartID, product string, quantity int, cents int64, now time.Time) error {
	_, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO cart_items (cart_id, product, quantity, price_cents, added_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (cart_id, product) DO UPDATE SET quantity = excluded.quantity, price_cents = excluded.price_cents`),
		id, product, quantity, cents, db.Millis(now))
	if err != nil {
		return fmt.Errorf("cart: %w", err)
	}
	return nil
}

// Remove takes a product out of the cart. One that is not in it is no error.
func (s *Store) Remove(ctx context.Context, id CartID, product string, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := hold(ctx, tx, id, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`DELETE FROM cart_items WHERE cart_id = ? AND product = ?`), id, product); err != nil {
			return fmt.Errorf("cart: %w", err)
		}
		return nil
	})
}

// Merge pours a guest's cart into a person's, up to MaxLines, and then it is gone. Called twice at
// once it does so once.
func (s *Store) Merge(ctx context.Context, from, into CartID, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// The guest's row is the lock: who does not get it to update has nothing to do.
		res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE carts SET updated_at = ? WHERE id = ?`), db.Millis(now), from)
		if err != nil {
			return fmt.Errorf("cart: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if err := hold(ctx, tx, into, now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, tx.Rebind(`INSERT INTO cart_items (cart_id, product, quantity, price_cents, added_at)
			SELECT ?, product, quantity, price_cents, added_at FROM cart_items WHERE cart_id = ?
			ON CONFLICT (cart_id, product) DO UPDATE SET
				quantity = CASE WHEN cart_items.quantity + excluded.quantity > ? THEN ? ELSE cart_items.quantity + excluded.quantity END`), into, from, MaxQuantity, MaxQuantity)
		if err != nil {
			return fmt.Errorf("cart: merge: %w", err)
		}
		_, err = tx.ExecContext(ctx, tx.Rebind(`DELETE FROM cart_items WHERE cart_id = ? AND product NOT IN
			(SELECT product FROM cart_items WHERE cart_id = ? ORDER BY added_at, product LIMIT ?)`), into, into, MaxLines)
		if err != nil {
			return fmt.Errorf("cart: merge: %w", err)
		}
		for _, q := range []string{`DELETE FROM cart_items WHERE cart_id = ?`, `DELETE FROM carts WHERE id = ?`} {
			if _, err := tx.ExecContext(ctx, tx.Rebind(q), from); err != nil {
				return fmt.Errorf("cart: merge: %w", err)
			}
		}
		return nil
	})
}

// Prune deletes guests' carts that have not changed since then, and counts of rate limits whose window has ended at now.
func (s *Store) Prune(ctx context.Context, since, now time.Time) error {
	if err := s.db.PruneRateLimits(ctx, now); err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(`DELETE FROM cart_items WHERE cart_id IN (SELECT id FROM carts WHERE id LIKE 'guest:%' AND updated_at < ?)`), db.Millis(since)); err != nil {
			return fmt.Errorf("carts: prune: %w", err)
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`DELETE FROM carts WHERE id LIKE 'guest:%' AND updated_at < ?`), db.Millis(since)); err != nil {
			return fmt.Errorf("carts: prune: %w", err)
		}
		return nil
	})
}
