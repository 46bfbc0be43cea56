package store

import (
	"context"
	"fmt"

	"gatehouse/db"
)

// Board is a section of the forum for threads on one topic.
type Board struct {
	Slug        string `db:"slug"`
	Name        string `db:"name"`
	Description string `db:"description"`
	Icon        string `db:"icon"`
	Position    int    `db:"position"`
	StaffOnly   bool   `db:"staff_only"` // only moderators may start threads
	Threads     int    `db:"threads"`    // threads that are not removed; not written by PutBoard
}

const boardColumns = `b.slug, b.name, b.description, b.icon, b.position, b.staff_only, b.threads`

// Boards returns all boards in their order.
func (s *Store) Boards(ctx context.Context) ([]Board, error) {
	var bs []Board
	if err := s.db.SelectContext(ctx, &bs, `SELECT `+boardColumns+` FROM boards b ORDER BY b.position`); err != nil {
		return nil, fmt.Errorf("boards: %w", err)
	}
	return bs, nil
}

// Board returns the board with this slug, or ErrNotFound.
func (s *Store) Board(ctx context.Context, slug string) (Board, error) {
	var b Board
	err := s.db.GetContext(ctx, &b, s.db.Rebind(`SELECT `+boardColumns+` FROM boards b WHERE b.slug = ?`), slug)
	if db.Missing(err) {
		return Board{}, ErrNotFound
	}
	if err != nil {
		return Board{}, fmt.Errorf("board: %w", err)
	}
	return b, nil
}

// countThreads corrects the stored numbers of threads, which replicas of an older version do not update.
func (s *Store) countThreads(ctx context.Context) error {
	const count = `(SELECT COUNT(*) FROM threads t WHERE t.board = boards.slug AND t.removed_at = 0)`
	if _, err := s.db.ExecContext(ctx, `UPDATE boards SET threads = `+count+` WHERE threads <> `+count); err != nil {
		return fmt.Errorf("count threads: %w", err)
	}
	return nil
}

// PutBoard adds b, or updates the board with its slug.
func (s *Store) PutBoard(ctx context.Context, b Board) error {
	_, err := s.db.ExecContext(ctx, s.db.Rebind(`
		INSERT INTO boards (slug, name, description, icon, position, staff_only) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description,
			icon = excluded.icon, position = excluded.position, staff_only = excluded.staff_only`),
		b.Slug, b.Name, b.Description, b.Icon, b.Position, b.StaffOnly)
	if err != nil {
		return fmt.Errorf("put board: %w", err)
	}
	return nil
}
