package store

import (
	"context"

	"gatehouse.example/db"
)

// Discussion returns the path of the forum's thread about a lesson, or ErrNotFound if there is none yet.
func (s *Store) Discussion(ctx context.Context, lesson string) (string, error) {
	return db.One[string](ctx, s.db, "discussion", `SELECT path FROM discussions WHERE lesson = ?`, lesson)
}

// KeepDiscussion stores the path of a lesson's thread.
func (s *Store) KeepDiscussion(ctx context.Context, lesson, path string) error {
	return db.Exec(ctx, s.db, "keep discussion", `INSERT INTO discussions (lesson, path) VALUES (?, ?)
		ON CONFLICT (lesson) DO UPDATE SET path = excluded.path`, lesson, path)
}
