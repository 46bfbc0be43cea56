package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// NewTopic is a thread for an item of a sibling app.
type NewTopic struct {
	App   string // the app's client id
	Topic string // the app's id of the item
	NewThread
}

// Topic returns the thread of an app's topic, removed or not, or ErrNotFound.
func (s *Store) Topic(ctx context.Context, app, topic string) (Thread, error) {
	return db.One[Thread](ctx, s.db, "topic", `SELECT `+threadColumns+` FROM threads t
		JOIN topics o ON o.thread_id = t.id WHERE o.app = ? AND o.topic = ?`, app, topic)
}

// PutTopic returns the thread of n's topic, and creates it if there is none. Concurrent calls return the same thread,
// since the topic is unique in the database. PutTopic records no event, since no user wrote the post.
func (s *Store) PutTopic(ctx context.Context, n NewTopic) (t Thread, created bool, err error) {
	t, err = s.Topic(ctx, n.App, n.Topic)
	if !errors.Is(err, ErrNotFound) {
		return t, false, err
	}
	n.FormKey = "topic " + n.Topic
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		thread, _, err := s.insertThread(ctx, tx, n.NewThread)
		if err != nil {
			return err
		}
		return db.Exec(ctx, tx, "topics", `INSERT INTO topics (app, topic, thread_id) VALUES (?, ?, ?)`, n.App, n.Topic, thread)
	})
	if err != nil && !db.IsUnique(err) {
		return Thread{}, false, fmt.Errorf("put topic: %w", err)
	}
	created = err == nil
	t, err = s.Topic(ctx, n.App, n.Topic)
	return t, created, err
}
