package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// MaxFollows is the number of threads that a user can follow.
const MaxFollows = 100

// Follow makes a user follow a thread, or no longer follow it. Repeating it changes nothing. It returns ErrNotFound,
// ErrRemoved, ErrFollows if the user follows MaxFollows threads already, or a [*db.RateLimitError].
func (s *Store) Follow(ctx context.Context, sub, thread string, follow bool, at time.Time) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if !follow {
			return db.Exec(ctx, tx, "follows", `DELETE FROM follows WHERE sub = ? AND thread_id = ?`, sub, thread)
		}
		if err := checkOpen(ctx, tx, thread); err != nil && !errors.Is(err, ErrLocked) {
			return err
		}
		// The limit's counter serialises the requests of one user, so that they do not exceed MaxFollows together.
		if err := followLimit.Count(ctx, tx, "follow "+sub, at); err != nil {
			return err
		}
		if err := db.Exec(ctx, tx, "follows", `INSERT INTO follows (sub, thread_id, followed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			sub, thread, db.Millis(at)); err != nil {
			return err
		}
		n, err := db.One[int](ctx, tx, "follows", `SELECT COUNT(*) FROM follows f CROSS JOIN threads t WHERE f.sub = ? AND t.id = f.thread_id AND t.removed_at = 0`, sub)
		if err != nil {
			return err
		}
		if n > MaxFollows {
			return ErrFollows
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	return nil
}

// Follows reports whether the user follows the thread.
func (s *Store) Follows(ctx context.Context, sub, thread string) (bool, error) {
	if sub == "" {
		return false, nil
	}
	n, err := db.One[int](ctx, s.db, "follows", `SELECT COUNT(*) FROM follows WHERE sub = ? AND thread_id = ?`, sub, thread)
	return n > 0, err
}

// NewsQuery counts the threads that a user follows and that have posts after the last one that the user has read. CROSS
// JOIN keeps SQLite from reading all threads first.
const NewsQuery = `SELECT COUNT(*) FROM follows f CROSS JOIN threads t LEFT JOIN reads r ON r.sub = f.sub AND r.thread_id = f.thread_id
	WHERE f.sub = ? AND t.id = f.thread_id AND t.removed_at = 0 AND t.last_number > COALESCE(r.number, 0)`

// FollowedNews returns the number of threads that a user follows and that have posts after the last one that the user
// has read.
func (s *Store) FollowedNews(ctx context.Context, sub string) (int, error) {
	return db.One[int](ctx, s.db, "followed news", NewsQuery, sub)
}

// FollowedQuery selects the ids of all threads that a user follows, of which there are at most MaxFollows.
const FollowedQuery = `SELECT t.id FROM follows f CROSS JOIN threads t WHERE f.sub = ? AND t.id = f.thread_id AND t.removed_at = 0
	ORDER BY t.active_at DESC, t.id DESC`

// Followed returns a page of the threads that a user follows, those with the newest posts first.
func (s *Store) Followed(ctx context.Context, sub string, page int) (l List, err error) {
	ids, err := db.All[string](ctx, s.db, "followed threads", FollowedQuery, sub)
	if err != nil {
		return List{}, err
	}
	l.Total = len(ids)
	skip := offset(page, l.Total)
	l.Page = skip/PageSize + 1
	l.Threads, err = s.byID(ctx, ids[skip:min(skip+PageSize, l.Total)])
	return l, err
}
