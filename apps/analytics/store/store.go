package store

import (
	"errors"
	"time"

	"gatehouse.example/db"
)

// Retention sets how long data is kept.
type Retention struct {
	Raw     time.Duration // raw events, from when they were received; also how long duplicate events are recognised
	Rollups time.Duration // rollups, from when the events happened
	Rejects int           // how many events that could not be counted are kept
}

// Store reads and writes the database of analytics.
type Store struct {
	db        *db.DB
	retention Retention
}

// New returns a store that uses the migrated database d. It returns an error if d is nil or keep is invalid.
func New(d *db.DB, keep Retention) (*Store, error) {
	if d == nil {
		return nil, errors.New("analytics: the store needs a database")
	}
	if keep.Raw <= 0 || keep.Rollups < keep.Raw || keep.Rejects <= 0 {
		return nil, errors.New("analytics: retention must be positive, and rollups are kept at least as long as raw events")
	}
	return &Store{db: d, retention: keep}, nil
}
