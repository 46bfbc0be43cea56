package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

const (
	maxOpenReports = 20                  // of one user
	reportTTL      = 90 * 24 * time.Hour // after a report is closed
	maxQueue       = 1000                // open reports that are listed and counted
)

// NewReport is a report to be created.
type NewReport struct {
	Post   string
	By     Author
	Reason string
	At     time.Time
}

// Report is an open report of a post.
type Report struct {
	ID      string `db:"id"`
	Name    string `db:"name"` // of the person who reported it
	Reason  string `db:"reason"`
	At      Stamp  `db:"at"`
	Post    string `db:"post_id"`
	Number  int    `db:"number"`
	Author  string `db:"author_name"` // of the post
	Source  string `db:"source"`
	Removed Stamp  `db:"removed_at"` // the post was removed or deleted in the meantime
	Title   string `db:"title"`
}

// CreateReport adds an open report. It returns ErrNotFound, ErrRemoved, ErrOwnPost, ErrReported if the user has an open
// report of the post, ErrReports if the user has too many open reports, or a [*db.RateLimitError].
func (s *Store) CreateReport(ctx context.Context, n NewReport) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := reportLimit.Count(ctx, tx, "report "+n.By.Sub, n.At); err != nil {
			return err
		}
		if _, err := votablePost(ctx, tx, n.Post, n.By.Sub); err != nil {
			return err
		}
		added, err := db.Change(ctx, tx, "reports", `INSERT INTO reports (id, post_id, sub, name, reason, at, closed_at)
			VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`, newID(), n.Post, n.By.Sub, n.By.Name, n.Reason, db.Millis(n.At))
		if err != nil {
			return err
		}
		if added == 0 {
			return ErrReported
		}
		open, err := db.One[int](ctx, tx, "reports", `SELECT COUNT(*) FROM reports WHERE sub = ? AND closed_at = 0`, n.By.Sub)
		if err != nil {
			return err
		}
		if open > maxOpenReports {
			return ErrReports
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("create report: %w", err)
	}
	return nil
}

// OpenReports returns the number of open reports, but not more than most.
func (s *Store) OpenReports(ctx context.Context, most int) (int, error) {
	return db.One[int](ctx, s.db, "count reports", `SELECT COUNT(*) FROM (SELECT 1 FROM reports r WHERE r.closed_at = 0 LIMIT ?) o`, most)
}

// QueueQuery selects a page of the open reports, oldest first.
const QueueQuery = `SELECT r.id, r.name, r.reason, r.at, r.post_id, p.number, p.author_name, p.source, p.removed_at, t.title
	FROM reports r JOIN posts p ON p.id = r.post_id JOIN threads t ON t.id = p.thread_id
	WHERE r.closed_at = 0 ORDER BY r.at, r.id LIMIT ? OFFSET ?`

// Queue returns a page of the open reports, oldest first, with their total number and the number of the returned page.
func (s *Store) Queue(ctx context.Context, page int) (reports []Report, total, shown int, err error) {
	if total, err = s.OpenReports(ctx, maxQueue); err != nil {
		return nil, 0, 0, err
	}
	skip := offset(page, total)
	reports, err = db.All[Report](ctx, s.db, "reports", QueueQuery, PageSize, skip)
	return reports, total, skip/PageSize + 1, err
}

// closeReports closes the open reports of a post and returns their number.
func closeReports(ctx context.Context, tx *sqlx.Tx, post string, at int64) (int, error) {
	return db.Change(ctx, tx, "reports", `UPDATE reports SET closed_at = ? WHERE post_id = ? AND closed_at = 0`, at, post)
}

// pruneReports deletes reports that were closed long ago.
func (s *Store) pruneReports(ctx context.Context, now time.Time) error {
	return db.Exec(ctx, s.db, "prune reports", `DELETE FROM reports WHERE closed_at <> 0 AND closed_at < ?`, db.Millis(now.Add(-reportTTL)))
}
