package store

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// MaxSavedFilters limits the saved filters of an administrator for one list.
const MaxSavedFilters = 20

// ErrTooManyFilters means that the administrator has MaxSavedFilters saved filters for the list.
var ErrTooManyFilters = errors.New("store: too many saved filters")

// SavedFilter is a named query of a list of the console.
type SavedFilter struct {
	Name  string `db:"name"`
	Query string `db:"query"`
}

const savedFiltersOf = `SELECT name, query FROM saved_filters WHERE user_id = ? AND list = ? ORDER BY name LIMIT ?`

// SavedFilters returns an administrator's saved filters for a list by name, at most MaxSavedFilters.
func (s *Store) SavedFilters(ctx context.Context, userID, list string) ([]SavedFilter, error) {
	return db.All[SavedFilter](ctx, s.db, "saved filters", savedFiltersOf, userID, list, MaxSavedFilters)
}

// SaveFilter stores a filter of a list for an administrator, and replaces the one of that name. It returns
// ErrTooManyFilters if the filter is new and there are MaxSavedFilters.
func (s *Store) SaveFilter(ctx context.Context, userID, list string, f SavedFilter) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// The lock serialises the requests of one administrator, so that they do not exceed the limit together.
		if _, err := s.lockUndeleted(ctx, tx, userID); err != nil {
			return err
		}
		others, err := db.One[int](ctx, tx, "saved filters", `SELECT COUNT(*) FROM saved_filters WHERE user_id = ? AND list = ? AND name <> ?`, userID, list, f.Name)
		if err != nil {
			return err
		}
		if others >= MaxSavedFilters {
			return ErrTooManyFilters
		}
		return db.Exec(ctx, tx, "save a filter", `INSERT INTO saved_filters (user_id, list, name, query) VALUES (?, ?, ?, ?)
			ON CONFLICT (user_id, list, name) DO UPDATE SET query = excluded.query`, userID, list, f.Name, f.Query)
	})
}

// DeleteSavedFilter deletes an administrator's filter of that name, and returns it. It returns ErrNotFound if there is
// none.
func (s *Store) DeleteSavedFilter(ctx context.Context, userID, list, name string) (SavedFilter, error) {
	return db.One[SavedFilter](ctx, s.db, "delete a filter",
		`DELETE FROM saved_filters WHERE user_id = ? AND list = ? AND name = ? RETURNING name, query`, userID, list, name)
}
