// Package store reads and writes the Academy's database: progress, answers, runs of
// experiments and rooms.
package store

import (
	"crypto/rand"
	"errors"
	"strings"

	"gatehouse/db"
)

// ErrNotFound says that there is no such thing, or that it is another person's.
var ErrNotFound = errors.New("academy: not found")

// Store reads and writes the Academy's database.
type Store struct{ db *db.DB }

// New is the store over a migrated database.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("academy store: no database")
	}
	return &Store{db: d}, nil
}

// NewID is a new id of a run or a room: 80 random bits.
func NewID() string { return strings.ToLower(rand.Text()[:16]) }
