// Package store is the shop's memory: goods, carts, addresses and orders, in SQL
// that runs on SQLite and PostgreSQL alike.
//
// Two promises rest on it. Stock never goes below zero: it is only ever lowered by
// an UPDATE that asks for enough of it, in the transaction that writes the order.
// And one press of "place order" is one order: the form's key is unique per person.
package store

import (
	"errors"
	"regexp"

	"gatehouse/db"
)

// The reasons for which the store declines.
var (
	ErrNotFound = errors.New("not found")
	ErrEmpty    = errors.New("the cart is empty")
	ErrSoldOut  = errors.New("sold out")
	ErrFull     = errors.New("the cart is full")
)

// MaxQuantity is how many units of one article a cart takes, and MaxLines how many articles.
const (
	MaxQuantity = 99
	MaxLines    = 100
)

// Store is the shop's database.
type Store struct{ db *db.DB }

// New is the store in d, which is migrated.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("shop: the store needs a database")
	}
	return &Store{db: d}, nil
}

var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ValidSlug reports whether s could be the slug of a product or category, so that
// nothing else reaches the database.
func ValidSlug(s string) bool { return len(s) <= 80 && slugPattern.MatchString(s) }
