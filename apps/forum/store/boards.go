package store

import (
	"context"

	"gatehouse.example/db"
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
	return db.All[Board](ctx, s.db, "boards", `SELECT `+boardColumns+` FROM boards b ORDER BY b.position`)
}

// Board returns the board with this slug, or ErrNotFound.
func (s *Store) Board(ctx context.Context, slug string) (Board, error) {
	return db.One[Board](ctx, s.db, "board", `SELECT `+boardColumns+` FROM boards b WHERE b.slug = ?`, slug)
}

// countThreads corrects the stored numbers of threads, which replicas of an older version do not update.
func (s *Store) countThreads(ctx context.Context) error {
	const count = `(SELECT COUNT(*) FROM threads t WHERE t.board = boards.slug AND t.removed_at = 0)`
	return db.Exec(ctx, s.db, "count threads", `UPDATE boards SET threads = `+count+` WHERE threads <> `+count)
}

// PutBoard adds b, or updates the board with its slug.
func (s *Store) PutBoard(ctx context.Context, b Board) error {
	return db.Exec(ctx, s.db, "put board", `
		INSERT INTO boards (slug, name, description, icon, position, staff_only) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description,
			icon = excluded.icon, position = excluded.position, staff_only = excluded.staff_only`, b.Slug, b.Name, b.Description, b.Icon, b.Position, b.StaffOnly)
}
