package store

import (
	"context"
	"fmt"

	"gatehouse/db"
)

// Board is a place for threads of one kind.
type Board struct {
	Slug        string `db:"slug"`
	Name        string `db:"name"`
	Description string `db:"description"`
	Icon        string `db:"icon"`
	Position    int    `db:"position"`
	StaffOnly   bool   `db:"staff_only"` // only moderators begin threads
	Threads     int    `db:"threads"`    // how many are not removed; not read by PutBoard
}

const boardColumns = `b.slug, b.name, b.description, b.icon, b.position, b.staff_only, b.threads`

// Boards are all boards in their order.
func (s *Store) Boards(ctx context.Context) ([]Board, error) {
	var bs []Board
	if err := s.db.SelectContext(ctx, &bs, `SELECT `+boardColumns+` FROM boards b ORDER BY b.position`); err != nil {
		return nil, fmt.Errorf("boards: %w", err)
	}
	return bs, nil
}

// Board is the board with this slug, or ErrNotFound.
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

// countThreads makes the kept numbers of threads what they are: a replica of an older version does not keep them.
func (s *Store) countThreads(ctx context.Context) error {
	const count = `(SELECT COUNT(*) FROM threads t WHERE t.board = boards.slug AND t.removed_at = 0)`
	if _, err := s.db.ExecContext(ctx, `UPDATE boards SET threads = `+count+` WHERE threads <> `+count); err != nil {
		return fmt.Errorf("count threads: %w", err)
	}
	return nil
}

// PutBoard adds b, or brings its name and description up to date.
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
