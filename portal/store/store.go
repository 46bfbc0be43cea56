package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/db"
)

// ErrNotFound means that there is no such record.
var ErrNotFound = errors.New("store: no such record")

// Store is the portal's database. It is safe for concurrent use.
type Store struct {
	db     *db.DB
	locked []string
}

// New returns a store on d, which must be migrated, or an error if d is nil. The users with the ids locked can't sign in.
func New(d *db.DB, locked ...string) (*Store, error) {
	if d == nil {
		return nil, errors.New("store: a database is needed")
	}
	return &Store{db: d, locked: locked}, nil
}

// Locked reports whether the user can't sign in to this portal, whatever the database says of them.
func (s *Store) Locked(userID string) bool { return slices.Contains(s.locked, userID) }

// toList encodes a list as a JSON array.
func toList(items []string) string {
	if len(items) == 0 {
		return "[]"
	}
	raw, _ := json.Marshal(items) // strings always marshal
	return string(raw)
}

// fromList decodes a list that toList encoded.
func fromList(raw string) ([]string, error) {
	var items []string
	if err := json.Unmarshal([]byte(raw), &items); err != nil {
		return nil, fmt.Errorf("store: a list is not a JSON array of strings: %w", err)
	}
	return items, nil
}

// timeOf converts an optional column to a time; NULL is the zero time.
func timeOf(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return db.Time(*ms)
}

// millisOf converts an optional time for a column; the zero time is NULL.
func millisOf(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := db.Millis(t)
	return &ms
}
