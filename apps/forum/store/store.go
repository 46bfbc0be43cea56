package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"gatehouse/db"
)

// What the store refuses, to be told apart with errors.Is.
var (
	ErrNotFound  = errors.New("forum: not found")
	ErrLocked    = errors.New("forum: the thread is locked")
	ErrRemoved   = errors.New("forum: removed by a moderator")
	ErrNotAuthor = errors.New("forum: the post is another person's")
	ErrOwnPost   = errors.New("forum: nobody votes for their own post")
	ErrConflict  = errors.New("forum: the post was edited in between")
)

// What one person may write. The limits leave room for a lively conversation, and none for a flood.
var (
	perThread = db.RateLimit{Max: 20, Window: 10 * time.Minute}
	perReply  = db.RateLimit{Max: 60, Window: 10 * time.Minute}
	perEdit   = db.RateLimit{Max: 30, Window: 10 * time.Minute}
	perVote   = db.RateLimit{Max: 120, Window: 10 * time.Minute}
)

// PageSize is how many threads, posts or log lines a page shows.
const PageSize = 20

// Store reads and writes the forum's database.
type Store struct{ db *db.DB }

// New is the store over a migrated database.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("forum store: no database")
	}
	return &Store{db: d}, nil
}

// Tidy indexes threads that are not yet found, corrects kept numbers and deletes what is no longer needed.
func (s *Store) Tidy(ctx context.Context, now time.Time) error {
	return errors.Join(s.Index(ctx), s.countThreads(ctx), s.db.PruneRateLimits(ctx, now))
}

// Author is who wrote something: the ID token's sub, and its name at that time.
type Author struct{ Sub, Name string }

// Stamp is a time as stored: milliseconds since 1970, 0 for never.
type Stamp int64

// Time is s as a time, the zero time for never.
func (s Stamp) Time() time.Time { return db.Time(int64(s)) }

// Set reports whether s is a time at all.
func (s Stamp) Set() bool { return s != 0 }

func newID() string { return strings.ToLower(rand.Text()[:16]) } // 80 bits

// fold is how text is stored and asked for in searches. The databases disagree
// about the lower case of anything but ASCII, so they are not asked.
func fold(s string) string { return strings.ToLower(s) }

// offset turns a page number into OFFSET, and keeps it within the last page.
func offset(page, total int) int {
	last := max(1, (total+PageSize-1)/PageSize)
	return (min(max(page, 1), last) - 1) * PageSize
}
