package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// MaxViews limits the saved views of a user.
const MaxViews = 20

// savesPerUser limits how often a user saves a view.
var savesPerUser = db.RateLimit{Max: 60, Window: time.Hour}

// ErrTooManyViews means that the user has MaxViews saved views.
var ErrTooManyViews = errors.New("analytics: too many saved views")

// View is a named query of the dashboard.
type View struct {
	Name  string `db:"name"`
	Query string `db:"query"`
}

const viewsOf = `SELECT name, query FROM saved_views WHERE subject = ? ORDER BY name LIMIT ?`

// Views returns the saved views of a user by name, at most MaxViews.
func (s *Store) Views(ctx context.Context, subject string) ([]View, error) {
	return db.All[View](ctx, s.db, "analytics: saved views", viewsOf, subject, MaxViews)
}

// SaveView stores v for a user, and replaces the user's view of that name. It returns ErrTooManyViews if v is new and
// the user has MaxViews views,
// and a [*db.RateLimitError] if the user saves views too often.
func (s *Store) SaveView(ctx context.Context, subject string, v View, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// The limit's counter serialises the requests of one user, so that they do not exceed MaxViews together.
		if err := savesPerUser.Count(ctx, tx, "view "+subject, now); err != nil {
			return err
		}
		others, err := db.One[int](ctx, tx, "analytics: saved views", `SELECT COUNT(*) FROM saved_views WHERE subject = ? AND name <> ?`, subject, v.Name)
		if err != nil {
			return err
		}
		if others >= MaxViews {
			return ErrTooManyViews
		}
		return db.Exec(ctx, tx, "analytics: save a view", `INSERT INTO saved_views (subject, name, query) VALUES (?, ?, ?)
			ON CONFLICT (subject, name) DO UPDATE SET query = excluded.query`, subject, v.Name, v.Query)
	})
}

// DeleteView deletes the user's view of that name, and returns it. It returns db.ErrNotFound if there is none.
func (s *Store) DeleteView(ctx context.Context, subject, name string) (View, error) {
	return db.One[View](ctx, s.db, "analytics: delete a view", `DELETE FROM saved_views WHERE subject = ? AND name = ? RETURNING name, query`, subject, name)
}
