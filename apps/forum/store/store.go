package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"gatehouse.example/db"
)

// Errors of the store, for use with errors.Is.
var (
	ErrNotFound  = db.ErrNotFound
	ErrLocked    = errors.New("forum: the thread is locked")
	ErrRemoved   = errors.New("forum: removed by a moderator or deleted by its author")
	ErrNotAuthor = errors.New("forum: the post belongs to another user")
	ErrOwnPost   = errors.New("forum: users can't vote for their own posts or report them")
	ErrConflict  = errors.New("forum: the post has been edited in the meantime")
	ErrTooLate   = errors.New("forum: the time to undo this is over")
	ErrNotReply  = errors.New("forum: an opening post can't be the answer")
	ErrReported  = errors.New("forum: the user has an open report of this post")
	ErrFollows   = errors.New("forum: the user follows too many threads")
	ErrReports   = errors.New("forum: the user has too many open reports")
)

// Limits per user. They do not affect normal conversations, but stop floods.
var (
	threadLimit = db.RateLimit{Max: 20, Window: 10 * time.Minute}
	replyLimit  = db.RateLimit{Max: 60, Window: 10 * time.Minute}
	editLimit   = db.RateLimit{Max: 30, Window: 10 * time.Minute} // edits and deletions
	voteLimit   = db.RateLimit{Max: 120, Window: 10 * time.Minute}
	acceptLimit = db.RateLimit{Max: 60, Window: 10 * time.Minute}
	followLimit = db.RateLimit{Max: 60, Window: 10 * time.Minute}
	uploadLimit = db.RateLimit{Max: 60, Window: 10 * time.Minute} // tries
	imageLimit  = db.RateLimit{Max: 20, Window: 24 * time.Hour}
	// imagesPerNetwork bounds what one stranger stores with many accounts.
	imagesPerNetwork = db.RateLimit{Max: 60, Window: 24 * time.Hour}
	reportLimit      = db.RateLimit{Max: 10, Window: 10 * time.Minute}
)

// PageSize is the number of threads, posts or log entries per page.
const PageSize = 20

// Store reads and writes the forum's database.
type Store struct {
	db *db.DB

	Changed func(subs ...string) // is called after the inboxes of these people have changed
}

// New returns a store that uses a migrated database. It returns an error if d is nil.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("forum store: no database")
	}
	return &Store{db: d, Changed: func(...string) {}}, nil
}

// CleanUp indexes threads that are not indexed yet, gives handles to authors who have none, corrects stored counts, and
// deletes expired rate limit counters, old reports and notifications, and images that no post has.
func (s *Store) CleanUp(ctx context.Context, now time.Time) error {
	return errors.Join(s.Index(ctx), s.countThreads(ctx), s.db.PruneRateLimits(ctx, now), s.pruneReports(ctx, now),
		s.addMembers(ctx), s.pruneNotifications(ctx, now), s.pruneImages(ctx, now))
}

// Author is the author of a post: the ID token's sub, and its name at that time.
type Author struct{ Sub, Name string }

// Stamp is a stored time: milliseconds since 1970, 0 for never.
type Stamp int64

// Time returns s as a time, or the zero time for never.
func (s Stamp) Time() time.Time { return db.Time(int64(s)) }

// Set reports whether s is not 0.
func (s Stamp) Set() bool { return s != 0 }

func newID() string { return strings.ToLower(rand.Text()[:16]) } // 80 bits

// foldCase converts text to lower case for searches. It is done in Go, because the databases differ on lower case
// outside ASCII.
func foldCase(s string) string { return strings.ToLower(s) }

// offset returns the OFFSET of a page, or of the last page if page is past the end.
func offset(page, total int) int {
	_, _, skip := db.Page(page, total, PageSize)
	return skip
}
