package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse.example/db"
)

// Edit is an author's new text for a post.
type Edit struct {
	Post    string
	Author  string // sub of the user who edits
	Version int    // of the text that the edit is based on
	Title   string // of the thread; used for an opening post only
	Source  string
	Refs    References
	At      time.Time
}

// EditPost replaces a post's text. It returns ErrNotFound, ErrNotAuthor if the post is another user's, ErrRemoved,
// ErrLocked if the thread is locked, ErrConflict if the post was edited since e.Version, or a [*db.RateLimitError]
// after too many edits; then nothing is changed. Sending the same text twice is not a conflict.
func (s *Store) EditPost(ctx context.Context, e Edit) (p Post, err error) {
	err = s.tx(ctx, func(tx *inboxTx) error {
		if p, err = ownPost(ctx, tx.Tx, e.Post, e.Author); err != nil {
			return err
		}
		if p.RemovedAt.Set() {
			return ErrRemoved
		}
		if err := checkOpen(ctx, tx.Tx, p.Thread); err != nil {
			return err
		}
		return s.saveEdit(ctx, tx, &p, e)
	})
	if err != nil {
		return Post{}, fmt.Errorf("edit post: %w", err)
	}
	return p, nil
}

func (s *Store) saveEdit(ctx context.Context, tx *inboxTx, p *Post, e Edit) error {
	title, err := db.One[string](ctx, tx, "thread", `SELECT title FROM threads WHERE id = ?`, p.Thread)
	if err != nil {
		return err
	}
	if p.Source == e.Source && (p.Number != 1 || title == e.Title) {
		return nil // unchanged: the form was sent twice, or nothing was edited
	}
	if err := editLimit.Count(ctx, tx.Tx, "edit "+e.Author, e.At); err != nil {
		return err
	}
	at := db.Millis(e.At)
	if n, err := db.Change(ctx, tx, "posts", `UPDATE posts SET source = ?, search = ?, version = version + 1, edited_at = ?
		WHERE id = ? AND version = ? AND removed_at = 0`, e.Source, foldCase(e.Source), at, e.Post, e.Version); err != nil {
		return err
	} else if n == 0 {
		return ErrConflict
	}
	p.Source, p.EditedAt, p.Version = e.Source, Stamp(at), e.Version+1
	if p.Number == 1 {
		if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET title = ?, search = ? WHERE id = ?`, e.Title, foldCase(e.Title), p.Thread); err != nil {
			return err
		}
	}
	if err := s.refer(ctx, tx, *p, e.Refs, at, false); err != nil {
		return err
	}
	return s.reindex(ctx, tx.Tx, p.Thread)
}
