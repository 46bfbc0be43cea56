// Package store keeps the portal's records in its database: a file per table, and
// nothing but SQL in it. Each caller declares the few methods it needs as an
// interface of its own; [Store] happens to have them all.
//
// Times go in and come out as [time.Time] with millisecond precision and are
// stored as Unix milliseconds. Lists are JSON arrays.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/db"
)

// ErrNotFound says that there is no such record.
var ErrNotFound = errors.New("store: no such record")

// Store is the portal's database. It is safe for concurrent use.
type Store struct{ db *db.DB }

// New is a store on d, which has been migrated.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("store: a database is needed")
	}
	return &Store{db: d}, nil
}

// toList is how a list is stored.
func toList(items []string) string {
	if len(items) == 0 {
		return "[]"
	}
	raw, _ := json.Marshal(items) // strings always marshal
	return string(raw)
}

// fromList reads what toList wrote.
func fromList(raw string) ([]string, error) {
	var items []string
	if err := json.Unmarshal([]byte(raw), &items); err != nil {
		return nil, fmt.Errorf("store: a list is not a JSON array of strings: %w", err)
	}
	return items, nil
}

// timeOf reads an optional time; NULL is the zero time.
func timeOf(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return db.Time(*ms)
}

// millisOf is how an optional time is stored; the zero time is NULL.
func millisOf(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := db.Millis(t)
	return &ms
}
