package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/db/fulltext"
	"gatehouse.example/events"
)

// Product is the product that a thread is about, as returned by the shop's API.
type Product struct {
	Slug string `db:"product_slug"` // "" for none
	Name string `db:"product_name"`
	Path string `db:"product_path"` // in the shop, "/products/…"
}

// Thread is a question or an announcement with its replies.
type Thread struct {
	ID         string `db:"id"`
	Board      string `db:"board"`
	Title      string `db:"title"`
	AuthorSub  string `db:"author_sub"`
	AuthorName string `db:"author_name"` // "" if the author deleted the opening post
	Product
	Votes      int   `db:"votes"`       // of the opening post
	Replies    int   `db:"reply_count"` // without removed ones
	LastNumber int   `db:"last_number"` // number of the newest post
	CreatedAt  Stamp `db:"created_at"`
	ActiveAt   Stamp `db:"active_at"`
	PinnedAt   Stamp `db:"pinned_at"`
	LockedAt   Stamp `db:"locked_at"`
	RemovedAt  Stamp `db:"removed_at"` // also when the author deleted it

	Accepted string `db:"accepted"` // id of the reply that answers the thread, "" for none
}

const threadColumns = `t.id, t.board, t.title, t.author_sub, t.author_name, t.product_slug, t.product_name, t.product_path,
	t.votes, t.reply_count, t.last_number, t.created_at, t.active_at, t.pinned_at, t.locked_at, t.removed_at, t.accepted`

// NewThread is a thread to be created.
type NewThread struct {
	ID      string // "" for a random id
	Board   string
	Title   string
	Source  string // Markdown of the opening post
	Refs    References
	Author  Author
	Product Product
	FormKey string // of the form: the same author and key mean the same thread
	At      time.Time
}

// Thread returns the thread with this id, removed or not, or ErrNotFound.
func (s *Store) Thread(ctx context.Context, id string) (Thread, error) {
	return db.One[Thread](ctx, s.db, "thread", `SELECT `+threadColumns+` FROM threads t WHERE t.id = ?`, id)
}

// CreateThread stores a thread with its opening post, records the event thread_created, and returns the opening post.
// If the form key was used before, it returns the existing post. It returns a [*db.RateLimitError] after too many
// threads.
func (s *Store) CreateThread(ctx context.Context, n NewThread) (Post, error) {
	var post Post
	err := s.tx(ctx, func(tx *inboxTx) error {
		if err := threadLimit.Count(ctx, tx.Tx, "thread "+n.Author.Sub, n.At); err != nil {
			return err
		}
		if err := putMember(ctx, tx.Tx, n.Author); err != nil {
			return err
		}
		thread, p, err := s.insertThread(ctx, tx.Tx, n)
		if err != nil {
			return err
		}
		post = p
		if err := s.refer(ctx, tx, p, n.Refs, db.Millis(n.At), true); err != nil {
			return err
		}
		return events.Record(ctx, tx.Tx, events.New(events.ThreadCreated, n.Author.Sub,
			map[string]any{"thread_id": thread, "board": n.Board}))
	})
	if err != nil {
		return s.existingPost(ctx, n.Author, n.FormKey, fmt.Errorf("create thread: %w", err))
	}
	return post, nil
}

func (s *Store) insertThread(ctx context.Context, tx *sqlx.Tx, n NewThread) (string, Post, error) {
	id := n.ID
	if id == "" {
		id = newID()
	}
	at := db.Millis(n.At)
	err := db.Exec(ctx, tx, "threads", `
		INSERT INTO threads (id, board, title, search, author_sub, author_name, product_slug, product_name, product_path,
			votes, reply_count, last_number, created_at, active_at, pinned_at, locked_at, removed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 1, ?, ?, 0, 0, 0)`,
		id, n.Board, n.Title, foldCase(n.Title), n.Author.Sub, n.Author.Name,
		n.Product.Slug, n.Product.Name, n.Product.Path, at, at)
	if err != nil {
		return "", Post{}, err
	}
	if err := db.Exec(ctx, tx, "boards", `UPDATE boards SET threads = threads + 1 WHERE slug = ?`, n.Board); err != nil {
		return "", Post{}, err
	}
	if err := fulltext.Put(ctx, tx, s.db.Dialect, id, append(fulltext.Words(n.Title), fulltext.Words(n.Source)...)); err != nil {
		return "", Post{}, err
	}
	p, err := insertPost(ctx, tx, id, 1, n.Author, n.Source, n.FormKey, at)
	return id, p, err
}
