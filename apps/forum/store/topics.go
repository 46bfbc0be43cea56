package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// NewTopic is what a sibling app wants a thread about.
type NewTopic struct {
	App   string // its client id
	Topic string // its own name of the thing
	NewThread
}

// Topic is the thread of an app's topic, removed or not, or ErrNotFound.
func (s *Store) Topic(ctx context.Context, app, topic string) (Thread, error) {
	var t Thread
	err := s.db.GetContext(ctx, &t, s.db.Rebind(`SELECT `+threadColumns+` FROM threads t
		JOIN topics o ON o.thread_id = t.id WHERE o.app = ? AND o.topic = ?`), app, topic)
	if db.Missing(err) {
		return Thread{}, ErrNotFound
	}
	if err != nil {
		return Thread{}, fmt.Errorf("topic: %w", err)
	}
	return t, nil
}

// PutTopic is the thread of n's topic, created when there is none: whoever asks at the
// same time gets the same one, since the key decides. It records no event, since nobody
// wrote anything.
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
		_, err = tx.ExecContext(ctx, tx.Rebind(`INSERT INTO topics (app, topic, thread_id) VALUES (?, ?, ?)`), n.App, n.Topic, thread)
		return err
	})
	if err != nil && !db.IsUnique(err) {
		return Thread{}, false, fmt.Errorf("put topic: %w", err)
	}
	created = err == nil
	t, err = s.Topic(ctx, n.App, n.Topic)
	return t, created, err
}
