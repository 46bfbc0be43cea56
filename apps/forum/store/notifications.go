package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

const (
	// MaxNotifications is the number of notifications that a person keeps: the newest.
	MaxNotifications = 200
	// MaxMentions is the number of people that a post can mention, and of posts that it can quote.
	MaxMentions = 10
	// maxFollowers is the number of followers who are told about a reply: those who have followed for the longest time.
	maxFollowers    = 500
	notificationTTL = 90 * 24 * time.Hour
)

// Kinds of notifications. Those about a moderator's action are that Action.
const (
	Mentioned = "mention"
	Quoted    = "quote"
	Replied   = "reply" // in a thread that the person follows
	Answer    = "answer"
)

// References are the people and posts that a text refers to.
type References struct {
	Mentions []string // handles, outside quotes: these people are told
	Linked   []string // handles anywhere
	Quotes   []string // ids of posts
	Images   []string // ids
}

// Notification is an entry of a person's inbox.
type Notification struct {
	ID        string `db:"id"`
	Kind      string `db:"kind"`
	Post      string `db:"post_id"`
	Title     string `db:"title"` // of the thread
	Number    int    `db:"number"`
	ActorName string `db:"actor_name"` // "" for a moderator
	At        Stamp  `db:"at"`
	ReadAt    Stamp  `db:"read_at"` // not set: unread
}

// inboxTx is a transaction that may change inboxes.
type inboxTx struct {
	*sqlx.Tx
	changed []string // subs of those whose inboxes it has changed
}

// tx runs fn in a transaction and, after the commit, reports the inboxes that it has changed.
func (s *Store) tx(ctx context.Context, fn func(tx *inboxTx) error) error {
	t := inboxTx{}
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		t.Tx = tx
		return fn(&t)
	})
	if err == nil && len(t.changed) > 0 {
		s.Changed(t.changed...)
	}
	return err
}

// notice is a notification to be stored.
type notice struct {
	kind  string
	post  Post
	actor Author
	at    int64
}

// notify stores a notification for each of subs, who are different, except for the actor and apps. If there is one of
// this kind about this post, it becomes unread again.
func (s *Store) notify(ctx context.Context, tx *inboxTx, n notice, subs ...string) error {
	name := n.actor.Name
	if n.kind != Mentioned && n.kind != Quoted && n.kind != Replied && n.kind != Answer {
		name = ""
	}
	var rows []string
	var args []any
	for _, sub := range subs {
		if sub == n.actor.Sub || isApp(sub) {
			continue
		}
		rows = append(rows, "(?, ?, ?, ?, ?, ?, ?, 0)")
		args = append(args, newID(), sub, n.kind, n.post.ID, n.post.Thread, name, n.at)
		tx.changed = append(tx.changed, sub)
	}
	if len(rows) == 0 {
		return nil
	}
	return db.Exec(ctx, tx, "notify", `INSERT INTO notifications (id, sub, kind, post_id, thread_id, actor_name, at, read_at)
		VALUES `+strings.Join(rows, ", ")+`
		ON CONFLICT (sub, post_id, kind) DO UPDATE SET actor_name = excluded.actor_name, at = excluded.at, read_at = 0`, args...)
}

// refer stores what a new or edited post refers to: the people whom it mentions, who are notified with its other
// readers, and its images.
func (s *Store) refer(ctx context.Context, tx *inboxTx, p Post, refs References, at int64, created bool) error {
	linked := refs.Linked[:min(len(refs.Linked), MaxMentions)]
	if p.Mentions != "" || len(linked) > 0 {
		people, err := peopleOf(ctx, tx, linked)
		if err != nil {
			return err
		}
		handles := make([]string, len(people))
		for i, person := range people {
			handles[i] = person.Handle
		}
		if err := db.Exec(ctx, tx, "mentions", `UPDATE posts SET mentions = ? WHERE id = ?`, strings.Join(handles, " "), p.ID); err != nil {
			return err
		}
	}
	if !created || len(refs.Images) > 0 {
		if err := attach(ctx, tx.Tx, p.ID, p.AuthorSub, refs.Images, at); err != nil {
			return err
		}
	}
	return s.notifyReaders(ctx, tx, p, refs, at, created)
}

// FollowersQuery selects those who follow a thread and have no unread notification about a reply in it.
const FollowersQuery = `SELECT f.sub FROM follows f WHERE f.thread_id = ?
	AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.sub = f.sub AND n.thread_id = f.thread_id AND n.kind = 'reply' AND n.read_at = 0)
	ORDER BY f.followed_at, f.sub LIMIT ?`

// notifyReaders tells the people whom a new or edited post mentions and quotes and, of a new reply, those who follow
// the thread. Each is told once about a post.
func (s *Store) notifyReaders(ctx context.Context, tx *inboxTx, p Post, refs References, at int64, created bool) error {
	told := map[string]bool{p.AuthorSub: true}
	if !created {
		before, err := db.All[string](ctx, tx, "notified people", `SELECT sub FROM notifications WHERE post_id = ?`, p.ID)
		if err != nil {
			return err
		}
		for _, sub := range before {
			told[sub] = true
		}
	}
	notifyOnce := func(kind string, subs []string) error {
		subs = slices.DeleteFunc(subs, func(sub string) bool { return told[sub] })
		for _, sub := range subs {
			told[sub] = true
		}
		return s.notify(ctx, tx, notice{kind, p, Author{Sub: p.AuthorSub, Name: p.AuthorName}, at}, subs...)
	}
	if handles := refs.Mentions[:min(len(refs.Mentions), MaxMentions)]; len(handles) > 0 {
		subs, err := db.All[string](ctx, tx, "mentioned people", `SELECT sub FROM members WHERE handle IN (?) ORDER BY sub`, handles)
		if err != nil {
			return err
		}
		if err := notifyOnce(Mentioned, subs); err != nil {
			return err
		}
	}
	if quotes := refs.Quotes[:min(len(refs.Quotes), MaxMentions)]; len(quotes) > 0 {
		subs, err := db.All[string](ctx, tx, "quoted people", `SELECT DISTINCT author_sub AS sub FROM posts
			WHERE id IN (?) AND thread_id = ? AND removed_at = 0 ORDER BY author_sub`, quotes, p.Thread)
		if err != nil {
			return err
		}
		if err := notifyOnce(Quoted, subs); err != nil {
			return err
		}
	}
	if !created || p.Number == 1 {
		return nil
	}
	subs, err := db.All[string](ctx, tx, "followers", FollowersQuery, p.Thread, maxFollowers)
	if err != nil {
		return err
	}
	return notifyOnce(Replied, subs)
}

// withdraw deletes the notifications that a condition on the table selects.
func withdraw(ctx context.Context, tx *inboxTx, where string, args ...any) error {
	subs, err := db.All[string](ctx, tx, "withdraw notifications", `DELETE FROM notifications WHERE `+where+` RETURNING sub`, args...)
	if err != nil {
		return err
	}
	tx.changed = append(tx.changed, subs...)
	return nil
}

// Inbox returns a page of a person's notifications, newest first, with their number and the number of the returned
// page.
func (s *Store) Inbox(ctx context.Context, sub string, page int) (all []Notification, total, shown int, err error) {
	total, err = db.One[int](ctx, s.db, "inbox", `SELECT COUNT(*) FROM (SELECT 1 FROM notifications WHERE sub = ? LIMIT ?) n`, sub, MaxNotifications)
	if err != nil {
		return nil, 0, 0, err
	}
	skip := offset(page, total)
	all, err = db.All[Notification](ctx, s.db, "inbox", InboxQuery, sub, PageSize, skip)
	return all, total, skip/PageSize + 1, err
}

// InboxQuery selects a page of a person's notifications, newest first.
const InboxQuery = `SELECT n.id, n.kind, n.post_id, t.title, p.number, n.actor_name, n.at, n.read_at
	FROM notifications n CROSS JOIN posts p CROSS JOIN threads t WHERE n.sub = ? AND p.id = n.post_id AND t.id = n.thread_id
	ORDER BY n.at DESC, n.id DESC LIMIT ? OFFSET ?`

// UnreadQuery counts the unread notifications of some people.
const UnreadQuery = `SELECT n.sub, COUNT(*) AS unread FROM notifications n WHERE n.sub IN (?) AND n.read_at = 0 GROUP BY n.sub`

// Unread returns the number of unread notifications of each of subs.
func (s *Store) Unread(ctx context.Context, subs ...string) (map[string]int, error) {
	type row struct {
		Sub    string `db:"sub"`
		Unread int    `db:"unread"`
	}
	counts := make(map[string]int, len(subs))
	if len(subs) == 0 {
		return counts, nil
	}
	rows, err := db.All[row](ctx, s.db, "count unread notifications", UnreadQuery, subs)
	for _, sub := range subs {
		counts[sub] = 0
	}
	for _, r := range rows {
		counts[r.Sub] = min(r.Unread, MaxNotifications)
	}
	return counts, err
}

// ReadPosts marks a person's notifications about these posts as read.
func (s *Store) ReadPosts(ctx context.Context, sub string, posts []string, at time.Time) error {
	if len(posts) == 0 {
		return nil
	}
	return s.markNotified(ctx, sub, at, ` AND post_id IN (?)`, posts)
}

// ReadAll marks a person's notifications as read, but for those that are newer than shown, in milliseconds.
func (s *Store) ReadAll(ctx context.Context, sub string, shown int64, at time.Time) error {
	return s.markNotified(ctx, sub, at, " AND at <= ?", shown)
}

func (s *Store) markNotified(ctx context.Context, sub string, at time.Time, where string, args ...any) error {
	args = append([]any{sub}, args...)
	unread, err := db.One[int](ctx, s.db, "unread notifications", `SELECT COUNT(*) FROM notifications WHERE sub = ? AND read_at = 0`+where, args...)
	if err != nil || unread == 0 { // most of the time; a write would wait for others
		return err
	}
	n, err := db.Change(ctx, s.db, "mark notifications as read", `UPDATE notifications SET read_at = ? WHERE sub = ? AND read_at = 0`+where,
		append([]any{db.Millis(at)}, args...)...)
	if n > 0 {
		s.Changed(sub)
	}
	return err
}

// SurplusQuery selects a person's notifications beyond the newest.
const SurplusQuery = `SELECT id FROM notifications WHERE sub = ? ORDER BY at DESC, id DESC LIMIT ? OFFSET ?`

// PruneInbox deletes a person's notifications beyond the newest MaxNotifications.
func (s *Store) PruneInbox(ctx context.Context, sub string) error {
	const surplus = 1000 // deleted at once, at most
	ids, err := db.All[string](ctx, s.db, "prune inbox", SurplusQuery, sub, surplus, MaxNotifications)
	if err != nil || len(ids) == 0 { // most of the time; a write would wait for others
		return err
	}
	return db.Exec(ctx, s.db, "prune inbox", `DELETE FROM notifications WHERE id IN (?)`, ids)
}

// pruneNotifications deletes old notifications.
func (s *Store) pruneNotifications(ctx context.Context, now time.Time) error {
	subs, err := db.All[string](ctx, s.db, "prune notifications", `DELETE FROM notifications WHERE at < ? RETURNING sub`, db.Millis(now.Add(-notificationTTL)))
	if err != nil {
		return fmt.Errorf("prune notifications: %w", err)
	}
	if len(subs) > 0 {
		s.Changed(subs...)
	}
	return nil
}
