package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// UndoTimeout is how long an author can take a deletion back.
const UndoTimeout = 10 * time.Minute

// DeletePost hides a post at its author's request. It is no longer counted, listed or found, and keeps its number. An
// opening post without replies hides its thread too; a thread with replies stays listed, without its author's name.
// Deleting a post twice changes nothing. DeletePost returns the post as it was before. It returns ErrNotFound,
// ErrNotAuthor, ErrRemoved if a moderator removed the post or its thread, ErrLocked, or a [*db.RateLimitError] after
// too many edits and deletions.
func (s *Store) DeletePost(ctx context.Context, post, sub string, at time.Time) (p Post, err error) {
	err = s.tx(ctx, func(tx *inboxTx) error {
		if p, err = ownPost(ctx, tx.Tx, post, sub); err != nil || p.Deleted() {
			return err
		}
		if p.RemovedAt.Set() {
			return ErrRemoved
		}
		if err := checkOpen(ctx, tx.Tx, p.Thread); err != nil {
			return err
		}
		if err := editLimit.Count(ctx, tx.Tx, "edit "+sub, at); err != nil {
			return err
		}
		now := db.Millis(at)
		n, err := db.Change(ctx, tx, "posts", `UPDATE posts SET removed_at = ?, deleted_at = ? WHERE id = ? AND removed_at = 0`, now, now, post)
		if err != nil || n == 0 { // hidden by a concurrent request
			return err
		}
		if p.Number == 1 {
			if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET author_name = '' WHERE id = ?`, p.Thread); err != nil {
				return err
			}
		}
		return s.hidePost(ctx, tx, p, now, false)
	})
	if err != nil {
		return Post{}, fmt.Errorf("delete post: %w", err)
	}
	return p, nil
}

// UndeletePost shows a post again that its author deleted less than UndoTimeout ago. Repeating it changes nothing. It
// returns the post as it was before, or ErrNotFound, ErrNotAuthor, ErrRemoved if a moderator removed the post, or
// ErrTooLate.
func (s *Store) UndeletePost(ctx context.Context, post, sub string, at time.Time) (p Post, err error) {
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if p, err = ownPost(ctx, tx, post, sub); err != nil || !p.RemovedAt.Set() {
			return err
		}
		if !p.Deleted() {
			return ErrRemoved
		}
		if !p.Undoable(at) {
			return ErrTooLate
		}
		n, err := db.Change(ctx, tx, "posts", `UPDATE posts SET removed_at = 0, deleted_at = 0
			WHERE id = ? AND deleted_at = ? AND removed_by = ''`, post, p.DeletedAt)
		if err != nil || n == 0 { // shown or removed by a concurrent request
			return err
		}
		if p.Number == 1 {
			if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET author_name = ? WHERE id = ?`, p.AuthorName, p.Thread); err != nil {
				return err
			}
		}
		return s.showPost(ctx, tx, p)
	})
	if err != nil {
		return Post{}, fmt.Errorf("undelete post: %w", err)
	}
	return p, nil
}

// Undoable reports whether the author can take the deletion of the post back.
func (p Post) Undoable(now time.Time) bool {
	return p.Deleted() && now.Sub(p.DeletedAt.Time()) < UndoTimeout
}

// ownPost returns a post of the user, or ErrNotFound or ErrNotAuthor.
func ownPost(ctx context.Context, tx *sqlx.Tx, post, sub string) (Post, error) {
	p, err := onePost(ctx, tx, `p.id = ?`, post)
	if err == nil && p.AuthorSub != sub {
		return p, ErrNotAuthor
	}
	return p, err
}
