package store

import (
	"crypto/rand"
	"errors"
	"strings"

	"gatehouse/db"
)

// ErrNotFound means that the record does not exist or belongs to another user.
var ErrNotFound = errors.New("academy: not found")

// Store reads and writes the Academy's database.
type Store struct{ db *db.DB }

// New returns a Store on a migrated database, or an error if d is nil.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("academy store: no database")
	}
	return &Store{db: d}, nil
}

// NewID returns a new ID of a run or a room: 80 random bits.
func NewID() string { return strings.ToLower(rand.Text()[:16]) }
