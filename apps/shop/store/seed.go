package store

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/apps/shop/goods"
	"gatehouse.example/db"
	"gatehouse.example/db/fulltext"
)

// SeedCatalogue stores the catalogue if there are no products. Replicas may call it concurrently: rows that exist
// already, perhaps with less stock, are not changed.
func (s *Store) SeedCatalogue(ctx context.Context, c goods.Catalogue, now time.Time) error {
	if n, err := db.One[int](ctx, s.db, "catalogue", `SELECT COUNT(*) FROM products`); err != nil || n > 0 {
		return err
	}
	names := map[string]string{}
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for i, k := range c.Categories {
			names[k.Slug] = k.Name
			if err := db.Exec(ctx, tx, "catalogue", `INSERT INTO categories (slug, name, description, position)
				VALUES (?, ?, ?, ?) ON CONFLICT (slug) DO NOTHING`, k.Slug, k.Name, k.Description, i+1); err != nil {
				return err
			}
		}
		for _, p := range c.Products {
			specs, err := json.Marshal(p.Specs)
			if err != nil {
				return fmt.Errorf("catalogue: %w", err)
			}
			search := strings.ToLower(strings.Join([]string{p.Name, names[p.Category], p.Short, p.Description}, "\n"))
			err = db.Exec(ctx, tx, "catalogue", `INSERT INTO products (slug, category, name, name_lower, price_cents, stock, short, description, specs, featured, added_at, search)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (slug) DO NOTHING`,
				p.Slug, p.Category, p.Name, strings.ToLower(p.Name), p.PriceCents, p.Stock, p.Short, p.Description, string(specs), p.Featured,
				db.Millis(now.AddDate(0, 0, -p.AddedDaysAgo)), search)
			if err != nil {
				return err
			}
			if err := fulltext.Put(ctx, tx, s.db.Dialect, p.Slug, fulltext.Words(search)); err != nil {
				return fmt.Errorf("catalogue: %w", err)
			}
		}
		return countProducts(ctx, tx)
	})
}

// demoOrders are the past orders of the demo accounts, by days ago.
var demoOrders = []struct {
	subject, key string
	daysAgo      int
	address      Address
	items        map[string]int
}{
	{"demo-alice", "demo-1", 96, alice, map[string]int{"claw-hammer": 1, "brass-padlock": 2}},
	{"demo-alice", "demo-2", 54, alice, map[string]int{"porch-lantern": 1, "filament-bulbs": 2, "brass-lever-handle": 1}},
	{"demo-alice", "demo-3", 23, alice, map[string]int{"watering-can": 1, "enamel-kettle": 1}},
	{"demo-alice", "demo-4", 6, alice, map[string]int{"linen-notebook": 3, "beeswax-polish": 1}},
	{"demo-bob", "demo-1", 41, Address{"Bob Demo", "4 Mill Lane", "LA1 1TH", "Lancaster", "GB"}, map[string]int{"spirit-level": 1, "porch-lantern": 2}},
}

var alice = Address{"Alice Demo", "12 Orchard Row", "BA1 5NF", "Bath", "GB"}

// SeedDemoOrders stores the past orders of the demo accounts, once, also if several replicas call it. They do not
// reduce the stock and record no event, since they are in the past.
func (s *Store) SeedDemoOrders(ctx context.Context, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, d := range demoOrders {
			if err := seedOrder(ctx, tx, demoID(d.subject+d.key), Checkout{
				Subject: d.subject, Key: d.key, Details: Details{d.address, "standard", "test-approved"}, Now: now.AddDate(0, 0, -d.daysAgo),
			}, d.items); err != nil {
				return fmt.Errorf("demo orders: %w", err)
			}
		}
		return nil
	})
}

// demoID returns an id that is the same on every replica.
func demoID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26]
}

// demoReviews are reviews by the demo accounts of what they bought, by days ago, in the order of their products.
var demoReviews = []struct {
	product, subject, name string
	stars, daysAgo         int
	title, body            string
}{
	{"brass-lever-handle", "demo-alice", "Alice Demo", 5, 47, "Feels right in the hand",
		"Heavy, well finished, and the screws line up with the old holes. I've ordered two more for upstairs."},
	{"brass-padlock", "demo-alice", "Alice Demo", 4, 88, "Solid, a little stiff at first",
		"One drop of oil and it turns smoothly.\n\nI'd have liked a third key."},
	{"claw-hammer", "demo-alice", "Alice Demo", 5, 80, "Good balance", "Pulls old nails without marking the board. The handle doesn't slip."},
	{"linen-notebook", "demo-alice", "Alice Demo", 3, 2, "Lovely cover, thin paper", "It opens flat and looks good on a desk, but fountain pen ink shows through."},
	{"porch-lantern", "demo-alice", "Alice Demo", 5, 45, "Warm light, no rust", "It has been out through a wet month and still looks new."},
	{"porch-lantern", "demo-bob", "Bob Demo", 4, 33, "Nice, but mind the screws",
		"The light is just right for a front door. The screws in the box are too short for brick, so buy longer ones."},
	{"spirit-level", "demo-bob", "Bob Demo", 5, 30, "Accurate", "I checked it against the one from work: no difference either way round."},
	{"watering-can", "demo-alice", "Alice Demo", 2, 15, "The rose drips", "It pours well, but the rose drips where it's screwed on."},
}

// SeedDemoReviews stores the reviews by the demo accounts if there are no reviews yet. Several replicas may call it.
func (s *Store) SeedDemoReviews(ctx context.Context, now time.Time) error {
	if some, err := db.All[string](ctx, s.db, "demo reviews", `SELECT id FROM reviews LIMIT 1`); err != nil || len(some) > 0 {
		return err
	}
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, d := range demoReviews {
			err := lockReviews(ctx, tx, d.product)
			if errors.Is(err, ErrNotFound) { // the catalogue does not have this product
				continue
			}
			if err == nil {
				_, err = insertReview(ctx, tx, Review{
					ID: demoID(d.subject + d.product), Product: d.product, Subject: d.subject, Name: d.name, Stars: d.stars,
					Title: d.title, Body: d.body, CreatedAt: db.Millis(now.AddDate(0, 0, -d.daysAgo)),
				})
			}
			if err != nil {
				return fmt.Errorf("demo reviews: %w", err)
			}
		}
		return nil
	})
}

func seedOrder(ctx context.Context, tx *sqlx.Tx, id string, c Checkout, quantities map[string]int) error {
	slugs := make([]string, 0, len(quantities))
	for slug := range quantities {
		slugs = append(slugs, slug)
	}
	lines, err := db.All[Line](ctx, tx, "products", `SELECT `+productColumns+`
		FROM products p JOIN categories c ON c.slug = p.category WHERE p.slug IN (?) ORDER BY p.slug`, slugs)
	if err != nil {
		return err
	}
	if len(lines) == 0 { // the catalogue has none of these products
		return nil
	}
	for i := range lines {
		lines[i].Quantity = quantities[lines[i].Slug]
	}
	// PostgreSQL can continue the transaction after a duplicate key only from a savepoint.
	if err := db.Exec(ctx, tx, "savepoint", `SAVEPOINT demo`); err != nil {
		return err
	}
	if _, err := insertOrder(ctx, tx, id, c, lines); err != nil {
		if !db.IsUnique(err) {
			return err
		}
		if err := db.Exec(ctx, tx, "savepoint", `ROLLBACK TO SAVEPOINT demo`); err != nil {
			return err
		}
	}
	return db.Exec(ctx, tx, "savepoint", `RELEASE SAVEPOINT demo`)
}
