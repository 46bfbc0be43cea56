package store

import (
	"errors"
	"time"

	"gatehouse/db"
)

// Retention bounds what is kept.
type Retention struct {
	Raw     time.Duration // raw events, from when they were received; also how long a second delivery is recognised
	Rollups time.Duration // rollups, from when it happened
	Rejects int           // how many events that could not be counted are kept to be looked at
}

// Store is the database of analytics.
type Store struct {
	db   *db.DB
	keep Retention
}

// New is a store in d, which is migrated.
func New(d *db.DB, keep Retention) (*Store, error) {
	if d == nil {
		return nil, errors.New("analytics: the store needs a database")
	}
	if keep.Raw <= 0 || keep.Rollups < keep.Raw || keep.Rejects <= 0 {
		return nil, errors.New("analytics: retention must be positive, and rollups are kept at least as long as raw events")
	}
	return &Store{db: d, keep: keep}, nil
}

// Keep is how long what is kept.
func (s *Store) Keep() Retention { return s.keep }
