package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// MaxReads is the number of threads of which the store knows how far a user has read them: those read last.
const MaxReads = 500

// ReadsQuery selects how far a user has read some threads.
const ReadsQuery = `SELECT r.thread_id, r.number FROM reads r WHERE r.sub = ? AND r.thread_id IN (?)`

// Reads returns, by thread id, the number of the last post that the user has read. Threads that the user has not read
// are not in the result.
func (s *Store) Reads(ctx context.Context, sub string, threads ...string) (map[string]int, error) {
	if sub == "" || len(threads) == 0 {
		return nil, nil
	}
	type row struct {
		Thread string `db:"thread_id"`
		Number int    `db:"number"`
	}
	rows, err := db.All[row](ctx, s.db, "reads", ReadsQuery, sub, threads)
	if err != nil {
		return nil, err
	}
	read := make(map[string]int, len(rows))
	for _, r := range rows {
		read[r.Thread] = r.Number
	}
	return read, nil
}

// MarkRead stores that the user has read a thread up to a post number. It never lowers the number. If the user then has
// more than MaxReads threads that they do not follow, it forgets those read longest ago.
func (s *Store) MarkRead(ctx context.Context, sub, thread string, number int, at time.Time) error {
	now := db.Millis(at)
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		n, err := db.Change(ctx, tx, "reads", `UPDATE reads SET number = ?, read_at = ? WHERE sub = ? AND thread_id = ? AND number < ?`,
			number, now, sub, thread, number)
		if err != nil || n > 0 {
			return err
		}
		n, err = db.Change(ctx, tx, "reads", `INSERT INTO reads (sub, thread_id, number, read_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (sub, thread_id) DO UPDATE SET number = excluded.number, read_at = excluded.read_at WHERE reads.number < excluded.number`,
			sub, thread, number, now)
		if err != nil || n == 0 {
			return err
		}
		const surplus = 100 // deleted at once, at most; more than one row only after concurrent requests
		return db.Exec(ctx, tx, "reads", `DELETE FROM reads WHERE sub = ? AND thread_id IN (
			SELECT thread_id FROM reads WHERE sub = ? AND thread_id NOT IN (SELECT thread_id FROM follows WHERE sub = ?)
			ORDER BY read_at DESC, thread_id LIMIT ? OFFSET ?)`, sub, sub, sub, surplus, MaxReads)
	})
	if err != nil {
		return fmt.Errorf("mark read: %w", err)
	}
	return nil
}
