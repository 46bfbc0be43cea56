package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// Vote adds (up) or takes back a user's vote for a post and returns the new count. Repeating a vote changes nothing. A
// change records the event vote_cast with value 1 or -1. Vote returns ErrNotFound, ErrRemoved, ErrOwnPost or, after too
// many votes, a [*db.RateLimitError].
func (s *Store) Vote(ctx context.Context, post, sub string, up bool, at time.Time) (votes int, err error) {
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		p, err := votablePost(ctx, tx, post, sub)
		if err != nil {
			return err
		}
		votes = p.Votes
		by, changed, err := castVote(ctx, tx, post, sub, up, db.Millis(at))
		if err != nil || !changed {
			return err
		}
		if err := voteLimit.Count(ctx, tx, "vote "+sub, at); err != nil {
			return err
		}
		votes, err = countVote(ctx, tx, p, by)
		if err != nil {
			return err
		}
		return events.Record(ctx, tx, events.New(events.VoteCast, sub, map[string]any{"post_id": post, "value": by}))
	})
	if err != nil {
		return 0, fmt.Errorf("vote: %w", err)
	}
	return votes, nil
}

func votablePost(ctx context.Context, tx *sqlx.Tx, post, sub string) (Post, error) {
	type row struct {
		Post
		ThreadRemoved Stamp `db:"thread_removed_at"`
	}
	p, err := db.One[row](ctx, tx, "post", `SELECT `+postColumns+`, t.removed_at AS thread_removed_at
		FROM posts p JOIN threads t ON t.id = p.thread_id WHERE p.id = ?`, post)
	switch {
	case err != nil:
		return Post{}, err
	case p.RemovedAt.Set() || p.ThreadRemoved.Set():
		return Post{}, ErrRemoved
	case p.AuthorSub == sub:
		return Post{}, ErrOwnPost
	}
	return p.Post, nil
}

// castVote inserts or deletes the row of a vote. It reports whether there was a change, so that of concurrent requests
// only one changes the count, and returns by how much.
func castVote(ctx context.Context, tx *sqlx.Tx, post, sub string, up bool, at int64) (by int, changed bool, err error) {
	query, args := `DELETE FROM votes WHERE post_id = ? AND sub = ?`, []any{post, sub}
	by = -1
	if up {
		query, args = `INSERT INTO votes (post_id, sub, voted_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, append(args, at)
		by = 1
	}
	n, err := db.Change(ctx, tx, "votes", query, args...)
	return by, n == 1, err
}

func countVote(ctx context.Context, tx *sqlx.Tx, p Post, by int) (votes int, err error) {
	votes, err = db.One[int](ctx, tx, "posts", `UPDATE posts SET votes = votes + ? WHERE id = ? RETURNING votes`, by, p.ID)
	if err != nil || p.Number != 1 {
		return votes, err
	}
	return votes, db.Exec(ctx, tx, "threads", `UPDATE threads SET votes = votes + ? WHERE id = ?`, by, p.Thread)
}

// Voted returns the set of those posts that the user voted for, by id.
func (s *Store) Voted(ctx context.Context, sub string, posts []Post) (map[string]bool, error) {
	voted := make(map[string]bool)
	if sub == "" || len(posts) == 0 {
		return voted, nil
	}
	ids := make([]string, len(posts))
	for i, p := range posts {
		ids[i] = p.ID
	}
	found, err := db.All[string](ctx, s.db, "votes", `SELECT post_id FROM votes WHERE sub = ? AND post_id IN (?)`, sub, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range found {
		voted[id] = true
	}
	return voted, nil
}
