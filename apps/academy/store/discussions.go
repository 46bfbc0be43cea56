package store

import (
	"context"
	"fmt"

	"gatehouse/db"
)

// Discussion returns the path of the forum's thread about a lesson, or ErrNotFound if there is none yet.
func (s *Store) Discussion(ctx context.Context, lesson string) (path string, err error) {
	err = s.db.GetContext(ctx, &path, s.db.Rebind(`SELECT path FROM discussions WHERE lesson = ?`), lesson)
	if db.Missing(err) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("discussion: %w", err)
	}
	return path, nil
}

// KeepDiscussion stores the path of a lesson's thread.
func (s *Store) KeepDiscussion(ctx context.Context, lesson, path string) error {
	_, err := s.db.ExecContext(ctx, s.db.Rebind(`INSERT INTO discussions (lesson, path) VALUES (?, ?)
		ON CONFLICT (lesson) DO UPDATE SET path = excluded.path`), lesson, path)
	if err != nil {
		return fmt.Errorf("keep discussion: %w", err)
	}
	return nil
}
