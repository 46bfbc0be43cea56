package store

import (
	"errors"
	"regexp"

	"gatehouse.example/db"
)

// Errors of the store, for use with errors.Is.
var (
	ErrNotFound = db.ErrNotFound
	ErrEmpty    = errors.New("the cart is empty")
	ErrSoldOut  = errors.New("sold out")
	ErrFull     = errors.New("the cart is full")
)

// MaxQuantity limits the units of one product in a cart, and MaxLines the number of different products.
const (
	MaxQuantity = 99
	MaxLines    = 100
)

// Store reads and writes the shop's database.
type Store struct{ db *db.DB }

// New returns a store that uses the migrated database d. It returns an error if d is nil.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("shop: the store needs a database")
	}
	return &Store{db: d}, nil
}

var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ValidSlug reports whether s has the format of a product's or category's slug. Other text is not used in queries.
func ValidSlug(s string) bool { return len(s) <= 80 && slugPattern.MatchString(s) }
