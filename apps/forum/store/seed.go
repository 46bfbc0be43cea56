package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// SeedThread is a demo thread with its replies, votes and state.
type SeedThread struct {
	NewThread
	Voters         []string // subs, for the opening post
	Replies        []SeedReply
	Pinned, Locked bool
}

// SeedReply is a reply of a SeedThread.
type SeedReply struct {
	Author Author
	Source string
	After  time.Duration // since the thread was created
	Voters []string

	Accepted bool // as the answer of the thread
}

// Seed creates threads once under this name: of several replicas that start together, one creates them. It records no
// events, since no user took an action.
func (s *Store) Seed(ctx context.Context, name string, at time.Time, threads []SeedThread) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if n, err := db.Change(ctx, tx, "seeds", `INSERT INTO seeds (name, sown_at) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, db.Millis(at)); err != nil || n == 0 {
			return err
		}
		for _, t := range threads {
			if err := s.seedThread(ctx, tx, t); err != nil {
				return fmt.Errorf("%q: %w", t.Title, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("seed %s: %w", name, err)
	}
	return nil
}

func (s *Store) seedThread(ctx context.Context, tx *sqlx.Tx, t SeedThread) error {
	t.FormKey = newID()
	for _, by := range append([]Author{t.Author}, authorsOf(t.Replies)...) {
		if err := putMember(ctx, tx, by); err != nil {
			return err
		}
	}
	thread, opening, err := s.insertThread(ctx, tx, t.NewThread)
	if err != nil {
		return err
	}
	if err := seedVotes(ctx, tx, opening, t.Voters); err != nil {
		return err
	}
	for _, r := range t.Replies {
		p, err := s.addReply(ctx, tx, NewReply{Thread: thread, Source: r.Source, Author: r.Author, FormKey: newID(), At: t.At.Add(r.After)})
		if err != nil {
			return err
		}
		if err := seedVotes(ctx, tx, p, r.Voters); err != nil {
			return err
		}
		if r.Accepted {
			if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET accepted = ? WHERE id = ?`, p.ID, thread); err != nil {
				return err
			}
		}
	}
	at := db.Millis(t.At)
	if t.Pinned {
		if err := db.Exec(ctx, tx, "threads", `UPDATE threads SET pinned_at = ? WHERE id = ?`, at, thread); err != nil {
			return err
		}
	}
	if t.Locked {
		err = db.Exec(ctx, tx, "threads", `UPDATE threads SET locked_at = ? WHERE id = ?`, at, thread)
	}
	return err
}

func seedVotes(ctx context.Context, tx *sqlx.Tx, p Post, voters []string) error {
	for _, sub := range voters {
		if sub == p.AuthorSub {
			return fmt.Errorf("%s votes for their own post: %w", sub, ErrOwnPost)
		}
		by, changed, err := castVote(ctx, tx, p.ID, sub, true, int64(p.CreatedAt))
		if err != nil {
			return err
		}
		if changed {
			if _, err := countVote(ctx, tx, p, by); err != nil {
				return err
			}
		}
	}
	return nil
}

func authorsOf(replies []SeedReply) []Author {
	authors := make([]Author, len(replies))
	for i, r := range replies {
		authors[i] = r.Author
	}
	return authors
}
