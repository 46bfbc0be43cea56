package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Action is an action of a moderator.
type Action string

// The actions. Each but Dismiss has its opposite.
const (
	Pin     Action = "pin"
	Unpin   Action = "unpin"
	Lock    Action = "lock"
	Unlock  Action = "unlock"
	Remove  Action = "remove"
	Restore Action = "restore"
	Dismiss Action = "dismiss" // closes the open reports of the post
)

// Moderation is an action with the data that is logged.
type Moderation struct {
	Action Action
	Post   string // id; pin and lock apply to its thread
	Actor  Author
	Reason string // shown to readers when a post is removed
	At     time.Time
}

// LogEntry is an entry of the moderation log.
type LogEntry struct {
	At         Stamp  `db:"at"`
	ActorName  string `db:"actor_name"`
	Action     Action `db:"action"`
	Thread     string `db:"thread_id"`
	Title      string `db:"title"`
	Post       string `db:"post_id"`
	Number     int    `db:"number"`
	PostAuthor string `db:"author_name"`
	Reason     string `db:"reason"`
}

// Moderate carries out m and logs it. If the post or thread already has the requested state, it changes and logs
// nothing. Removing an opening post removes its thread from every list. Removing a post closes its open reports. A
// restored post that its author had deleted stays deleted. Moderate returns the post as it was before, or ErrNotFound.
func (s *Store) Moderate(ctx context.Context, m Moderation) (Post, error) {
	p, err := s.Post(ctx, m.Post)
	if err != nil {
		return Post{}, err
	}
	err = s.tx(ctx, func(tx *inboxTx) error {
		changed, err := s.moderate(ctx, tx, p, m)
		if err != nil || !changed {
			return err
		}
		if m.Action == Remove || m.Action == Restore || p.Number == 1 && m.Action != Dismiss { // other actions are the thread's
			if err := s.notify(ctx, tx, notice{string(m.Action), p, m.Actor, db.Millis(m.At)}, p.AuthorSub); err != nil {
				return err
			}
		}
		return db.Exec(ctx, tx, "moderation log", `
			INSERT INTO moderation_log (id, at, actor_sub, actor_name, action, thread_id, post_id, reason)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			newID(), db.Millis(m.At), m.Actor.Sub, m.Actor.Name, m.Action, p.Thread, p.ID, m.Reason)
	})
	if err != nil {
		return Post{}, fmt.Errorf("moderate: %w", err)
	}
	return p, nil
}

func (s *Store) moderate(ctx context.Context, tx *inboxTx, p Post, m Moderation) (changed bool, err error) {
	at := db.Millis(m.At)
	exec := func(query string, args ...any) (bool, error) {
		n, err := db.Change(ctx, tx, string(m.Action), query, args...)
		return n > 0, err
	}
	switch m.Action {
	case Pin:
		return exec(`UPDATE threads SET pinned_at = ? WHERE id = ? AND pinned_at = 0`, at, p.Thread)
	case Unpin:
		return exec(`UPDATE threads SET pinned_at = 0 WHERE id = ? AND pinned_at <> 0`, p.Thread)
	case Lock:
		return exec(`UPDATE threads SET locked_at = ? WHERE id = ? AND locked_at = 0`, at, p.Thread)
	case Unlock:
		return exec(`UPDATE threads SET locked_at = 0 WHERE id = ? AND locked_at <> 0`, p.Thread)
	case Dismiss:
		n, err := closeReports(ctx, tx.Tx, p.ID, at)
		return n > 0, err
	case Remove:
		// The opening post that its author deleted can be removed too, because the thread's title is still shown.
		changed, err = exec(`UPDATE posts SET removed_at = ?, removed_by = ?, removed_reason = ?
			WHERE id = ? AND (removed_at = 0 OR number = 1 AND removed_by = '')`, at, m.Actor.Name, m.Reason, p.ID)
		if err != nil || !changed {
			return false, err
		}
		if _, err := closeReports(ctx, tx.Tx, p.ID, at); err != nil {
			return false, err
		}
		return true, s.hidePost(ctx, tx, p, at, true)
	case Restore:
		changed, err = exec(`UPDATE posts SET removed_at = deleted_at, removed_by = '', removed_reason = ''
			WHERE id = ? AND removed_by <> ''`, p.ID)
		if err != nil || !changed {
			return false, err
		}
		return true, s.showPost(ctx, tx.Tx, p)
	default:
		return false, fmt.Errorf("no moderator can %q", m.Action)
	}
}

// hidePost updates what depends on a post that was hidden: counts, the accepted answer, notifications and the search
// index. An opening post hides its thread; unless whole is set, only if the thread has no replies.
func (s *Store) hidePost(ctx context.Context, tx *inboxTx, p Post, at int64, whole bool) error {
	if p.Number > 1 {
		if err := db.Exec(ctx, tx, "posts", `UPDATE posts SET was_answer = (SELECT CASE WHEN t.accepted = posts.id THEN 1 ELSE 0 END
			FROM threads t WHERE t.id = posts.thread_id) WHERE id = ?`, p.ID); err != nil {
			return err
		}
		if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET reply_count = reply_count - 1,
			accepted = CASE WHEN accepted = ? THEN '' ELSE accepted END WHERE id = ?`, p.ID, p.Thread); err != nil {
			return err
		}
		if err := withdraw(ctx, tx, `post_id = ?`, p.ID); err != nil {
			return err
		}
		return s.reindex(ctx, tx.Tx, p.Thread)
	}
	query := `UPDATE threads SET removed_at = ? WHERE id = ? AND removed_at = 0`
	if !whole {
		query += ` AND reply_count = 0`
	}
	n, err := db.Change(ctx, tx, "threads", query, at, p.Thread)
	if err != nil {
		return err
	}
	where, id := `post_id = ?`, p.ID
	if n > 0 {
		where, id = `thread_id = ?`, p.Thread
	}
	if err := withdraw(ctx, tx, where, id); err != nil {
		return err
	}
	if err := countThread(ctx, tx.Tx, p.Thread, -n); err != nil {
		return err
	}
	return s.reindex(ctx, tx.Tx, p.Thread)
}

// showPost undoes what hidePost did for a post that is shown again, except for the notifications. It is the accepted
// answer again unless another one has been accepted.
func (s *Store) showPost(ctx context.Context, tx *sqlx.Tx, p Post) error {
	query := `UPDATE threads SET removed_at = 0 WHERE id = ? AND removed_at <> 0`
	if p.Number == 1 { // unless its author deleted it, and it has no replies
		query += ` AND (reply_count > 0 OR EXISTS (SELECT 1 FROM posts o WHERE o.thread_id = threads.id AND o.number = 1 AND o.removed_at = 0))`
	} else {
		if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET reply_count = reply_count + 1,
			accepted = CASE WHEN accepted = '' AND EXISTS (SELECT 1 FROM posts o WHERE o.id = ? AND o.was_answer = 1) THEN ? ELSE accepted END
			WHERE id = ?`, p.ID, p.ID, p.Thread); err != nil {
			return err
		}
		// A thread that its author deleted, because it had no replies, has one again.
		query += ` AND EXISTS (SELECT 1 FROM posts o WHERE o.thread_id = threads.id AND o.number = 1 AND o.deleted_at <> 0 AND o.removed_by = '')`
	}
	n, err := db.Change(ctx, tx, "threads", query, p.Thread)
	if err != nil {
		return err
	}
	if err := countThread(ctx, tx, p.Thread, n); err != nil {
		return err
	}
	return s.reindex(ctx, tx, p.Thread)
}

// countThread adds by to the stored number of threads of the thread's board.
func countThread(ctx context.Context, tx *sqlx.Tx, thread string, by int) error {
	return db.Exec(ctx, tx, "boards", `UPDATE boards SET threads = threads + ? WHERE slug = (SELECT board FROM threads WHERE id = ?)`, by, thread)
}

// Log returns a page of the moderation log, newest first, with the total number of entries and the number of the
// returned page.
func (s *Store) Log(ctx context.Context, page int) (entries []LogEntry, total, shown int, err error) {
	if total, err = db.One[int](ctx, s.db, "moderation log", `SELECT COUNT(*) FROM moderation_log`); err != nil {
		return nil, 0, 0, err
	}
	skip := offset(page, total)
	entries, err = db.All[LogEntry](ctx, s.db, "moderation log", `
		SELECT l.at, l.actor_name, l.action, l.thread_id, t.title, l.post_id, p.number, p.author_name, l.reason
		FROM moderation_log l JOIN threads t ON t.id = l.thread_id JOIN posts p ON p.id = l.post_id
		ORDER BY l.at DESC, l.id DESC LIMIT ? OFFSET ?`, PageSize, skip)
	return entries, total, skip/PageSize + 1, err
}
