package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse.example/db"
)

// Acceptance is a request to accept a reply as the answer of its thread, or to take that back.
type Acceptance struct {
	Post      string
	By, Name  string // sub and name of the user
	Moderator bool   // the user may accept answers to other people's threads
	Accepted  bool
	At        time.Time
}

// Accept carries out a and returns the reply. A thread has at most one accepted answer: accepting another replaces it.
// Repeating a request changes nothing. Accept returns ErrNotFound, ErrNotReply, ErrRemoved, ErrNotAuthor if the thread
// is another user's, or a [*db.RateLimitError] after too many changes.
func (s *Store) Accept(ctx context.Context, a Acceptance) (p Post, err error) {
	err = s.tx(ctx, func(tx *inboxTx) error {
		// Locks the row, so that the post can't be removed before the thread refers to it.
		if err := db.Exec(ctx, tx, "lock post", `UPDATE posts SET version = version WHERE id = ?`, a.Post); err != nil {
			return err
		}
		if p, err = onePost(ctx, tx, `p.id = ?`, a.Post); err != nil {
			return err
		}
		t, err := db.One[Thread](ctx, tx, "thread", `SELECT `+threadColumns+` FROM threads t WHERE t.id = ?`, p.Thread)
		if err != nil {
			return err
		}
		switch {
		case p.Number == 1:
			return ErrNotReply
		case p.RemovedAt.Set() || t.RemovedAt.Set():
			return ErrRemoved
		case !a.Moderator && t.AuthorSub != a.By:
			return ErrNotAuthor
		case a.Accepted == (t.Accepted == p.ID):
			return nil
		}
		if err := acceptLimit.Count(ctx, tx.Tx, "accept "+a.By, a.At); err != nil {
			return err
		}
		// What was accepted before, and removed, does not come back.
		if err := db.Exec(ctx, tx, "posts", `UPDATE posts SET was_answer = 0 WHERE thread_id = ? AND was_answer <> 0`, p.Thread); err != nil {
			return err
		}
		if !a.Accepted { // only if no other answer has been accepted in the meantime
			if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET accepted = '' WHERE id = ? AND accepted = ?`, p.Thread, p.ID); err != nil {
				return err
			}
			return withdraw(ctx, tx, `post_id = ? AND kind = 'answer'`, p.ID)
		}
		if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET accepted = ? WHERE id = ?`, p.ID, p.Thread); err != nil {
			return err
		}
		return s.notify(ctx, tx, notice{Answer, p, Author{Sub: a.By, Name: a.Name}, db.Millis(a.At)}, p.AuthorSub)
	})
	if err != nil {
		return Post{}, fmt.Errorf("accept answer: %w", err)
	}
	return p, nil
}
