package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/db/fulltext"
	"gatehouse.example/events"
)

// Post is an opening post (number 1) or a reply.
type Post struct {
	ID            string `db:"id"`
	Thread        string `db:"thread_id"`
	Number        int    `db:"number"`
	AuthorSub     string `db:"author_sub"`
	AuthorName    string `db:"author_name"`
	Source        string `db:"source"` // Markdown
	Votes         int    `db:"votes"`
	Version       int    `db:"version"` // incremented by each edit
	CreatedAt     Stamp  `db:"created_at"`
	EditedAt      Stamp  `db:"edited_at"`
	RemovedAt     Stamp  `db:"removed_at"`
	RemovedBy     string `db:"removed_by"` // the moderator's name, "" if the author deleted the post
	RemovedReason string `db:"removed_reason"`
	Mentions      string `db:"mentions"`   // handles of existing people, with spaces between them
	DeletedAt     Stamp  `db:"deleted_at"` // by its author; a moderator may have removed it since
}

// Deleted reports whether the post is not shown because its author deleted it.
func (p Post) Deleted() bool { return p.RemovedAt.Set() && p.DeletedAt.Set() && p.RemovedBy == "" }

// Page returns the number of the page of its thread that the post is on, from 1.
func (p Post) Page() int { return (p.Number-1)/PageSize + 1 }

const postColumns = `p.id, p.thread_id, p.number, p.author_sub, p.author_name, p.source, p.votes, p.version,
	p.created_at, p.edited_at, p.removed_at, p.removed_by, p.removed_reason, p.deleted_at, p.mentions`

// NewReply is a reply to be created.
type NewReply struct {
	Thread  string
	Source  string
	Refs    References
	Author  Author
	FormKey string // of the form: the same author and key mean the same post
	At      time.Time
}

// Post returns the post with this id, removed or not, or ErrNotFound.
func (s *Store) Post(ctx context.Context, id string) (Post, error) {
	return onePost(ctx, s.db, `p.id = ?`, id)
}

// Opening returns the opening post of a thread, removed or not, or ErrNotFound.
func (s *Store) Opening(ctx context.Context, thread string) (Post, error) {
	return onePost(ctx, s.db, `p.thread_id = ? AND p.number = 1`, thread)
}

func onePost(ctx context.Context, q sqlx.ExtContext, where string, args ...any) (Post, error) {
	return db.One[Post](ctx, q, "post", `SELECT `+postColumns+` FROM posts p WHERE `+where, args...)
}

// Posts returns one page of a thread and its number. The opening post is first on the first page; the replies are in
// the order of sort: Newest, MostVoted or, for any other value, Oldest. Removed posts keep their position, except that
// MostVoted puts them last. Past the end, the last page is returned.
func (s *Store) Posts(ctx context.Context, t Thread, sort Sort, page int) (posts []Post, shown int, err error) {
	from := offset(page, t.LastNumber)
	query, args := `SELECT `+postColumns+` FROM posts p WHERE p.thread_id = ?`, []any{t.ID}
	switch sort {
	case Newest:
		query += ` ORDER BY CASE WHEN p.number = 1 THEN 0 ELSE 1 END, p.number DESC LIMIT ? OFFSET ?`
		args = append(args, PageSize, from)
	case MostVoted:
		query += ` ORDER BY CASE WHEN p.number = 1 THEN 0 WHEN p.removed_at = 0 THEN 1 ELSE 2 END, p.votes DESC, p.number LIMIT ? OFFSET ?`
		args = append(args, PageSize, from)
	default: // numbers have no gaps, so a page is a range of numbers
		query += ` AND p.number > ? AND p.number <= ? ORDER BY p.number`
		args = append(args, from, from+PageSize)
	}
	posts, err = db.All[Post](ctx, s.db, "posts", query, args...)
	return posts, from/PageSize + 1, err
}

// PostsBy returns a page of a user's posts, newest first, without removed ones, with their total number and the number
// of the returned page.
func (s *Store) PostsBy(ctx context.Context, sub string, page int) (posts []Post, total, shown int, err error) {
	if total, err = db.One[int](ctx, s.db, "count own posts", `SELECT COUNT(*)`+shownPosts, sub); err != nil {
		return nil, 0, 0, err
	}
	skip := offset(page, total)
	posts, err = db.All[Post](ctx, s.db, "own posts", `SELECT `+postColumns+shownPosts+`
		ORDER BY p.created_at DESC, p.id DESC LIMIT ? OFFSET ?`, sub, PageSize, skip)
	return posts, total, skip/PageSize + 1, err
}

// Titles returns the titles of the threads with these ids, by id.
func (s *Store) Titles(ctx context.Context, ids []string) (map[string]string, error) {
	titles := make(map[string]string, len(ids))
	if len(ids) == 0 {
		return titles, nil
	}
	threads, err := db.All[Thread](ctx, s.db, "titles", `SELECT id, title FROM threads WHERE id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	for _, t := range threads {
		titles[t.ID] = t.Title
	}
	return titles, nil
}

// CreateReply adds a post at the end of a thread and records the event post_created. If the form key was used before,
// it returns the existing post. It returns ErrNotFound, ErrRemoved or ErrLocked if the thread accepts no replies, and a
// [*db.RateLimitError] after too many replies.
func (s *Store) CreateReply(ctx context.Context, n NewReply) (Post, error) {
	var post Post
	err := s.tx(ctx, func(tx *inboxTx) (err error) {
		if err := replyLimit.Count(ctx, tx.Tx, "reply "+n.Author.Sub, n.At); err != nil {
			return err
		}
		if err := putMember(ctx, tx.Tx, n.Author); err != nil {
			return err
		}
		post, err = s.addReply(ctx, tx.Tx, n)
		if err != nil {
			return err
		}
		if err := s.refer(ctx, tx, post, n.Refs, db.Millis(n.At), true); err != nil {
			return err
		}
		board, err := db.One[string](ctx, tx, "thread", `SELECT board FROM threads WHERE id = ?`, n.Thread)
		if err != nil {
			return err
		}
		return events.Record(ctx, tx.Tx, events.New(events.PostCreated, n.Author.Sub,
			map[string]any{"thread_id": n.Thread, "post_id": post.ID, "board": board}))
	})
	if err != nil {
		return s.existingPost(ctx, n.Author, n.FormKey, fmt.Errorf("create reply: %w", err))
	}
	return post, nil
}

// existingPost returns the post that by created with this form key before, even if the thread has been locked or a
// limit reached since. If there is none, it returns err, with which creating it failed now.
func (s *Store) existingPost(ctx context.Context, by Author, key string, err error) (Post, error) {
	p, missing := onePost(ctx, s.db, `p.author_sub = ? AND p.form_key = ?`, by.Sub, key)
	if errors.Is(missing, ErrNotFound) {
		return Post{}, err
	}
	return p, missing
}

// addReply increments the thread's last number and inserts a post with it. The row lock of the update serialises
// concurrent replies.
func (s *Store) addReply(ctx context.Context, tx *sqlx.Tx, n NewReply) (Post, error) {
	at := db.Millis(n.At)
	number, err := db.One[int](ctx, tx, "threads", `
		UPDATE threads SET last_number = last_number + 1, reply_count = reply_count + 1, active_at = ?
		WHERE id = ? AND locked_at = 0 AND removed_at = 0 RETURNING last_number`, at, n.Thread)
	if errors.Is(err, ErrNotFound) {
		return Post{}, checkOpen(ctx, tx, n.Thread)
	}
	if err != nil {
		return Post{}, err
	}
	if err := fulltext.Extend(ctx, tx, s.db.Dialect, n.Thread, fulltext.Words(n.Source)); err != nil {
		return Post{}, err
	}
	return insertPost(ctx, tx, n.Thread, number, n.Author, n.Source, n.FormKey, at)
}

// checkOpen returns ErrNotFound, ErrRemoved or ErrLocked if a thread accepts no replies and edits, otherwise nil.
func checkOpen(ctx context.Context, tx *sqlx.Tx, thread string) error {
	t, err := db.One[Thread](ctx, tx, "thread", `SELECT locked_at, removed_at FROM threads WHERE id = ?`, thread)
	switch {
	case err != nil:
		return err
	case t.RemovedAt.Set():
		return ErrRemoved
	case t.LockedAt.Set():
		return ErrLocked
	}
	return nil
}

func insertPost(ctx context.Context, tx *sqlx.Tx, thread string, number int, by Author, source, key string, at int64) (Post, error) {
	p := Post{ID: newID(), Thread: thread, Number: number, AuthorSub: by.Sub, AuthorName: by.Name,
		Source: source, Version: 1, CreatedAt: Stamp(at)}
	err := db.Exec(ctx, tx, "posts", `
		INSERT INTO posts (id, thread_id, number, author_sub, author_name, source, search, votes, version, form_key,
			created_at, edited_at, removed_at, removed_by, removed_reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1, ?, ?, 0, 0, '', '')`,
		p.ID, thread, number, by.Sub, by.Name, source, foldCase(source), key, at)
	return p, err
}
