package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// AccessRequest is a user's request for a role that may open the app.
type AccessRequest struct {
	Subject string `db:"subject"`
	Name    string `db:"name"`
	Email   string `db:"email"`
	Reason  string `db:"reason"` // may be empty
	At      int64  `db:"at"`     // milliseconds since 1970
}

// maxAccessRequests limits the open requests of all users together.
const maxAccessRequests = 1000

// keepAccessRequests is how long a request stays open, if no administrator closes it.
const keepAccessRequests = 90 * 24 * time.Hour

// requestsPerUser limits how often a user may ask again after a request was closed.
var requestsPerUser = db.RateLimit{Max: 3, Window: 24 * time.Hour}

// ErrTooManyRequests means that there are maxAccessRequests open requests.
var ErrTooManyRequests = errors.New("analytics: too many open requests for access")

// RequestAccess stores r at now, unless its user has an open request. It returns ErrTooManyRequests if there are too
// many, and a [*db.RateLimitError] if the user has asked too often.
func (s *Store) RequestAccess(ctx context.Context, r AccessRequest, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := requestsPerUser.Count(ctx, tx, "access "+r.Subject, now); err != nil {
			return err
		}
		open, err := db.One[int](ctx, tx, "analytics: access requests", `SELECT COUNT(*) FROM access_requests`)
		if err != nil {
			return err
		}
		if open >= maxAccessRequests {
			return ErrTooManyRequests
		}
		return db.Exec(ctx, tx, "analytics: request access", `INSERT INTO access_requests (subject, name, email, reason, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, r.Subject, r.Name, r.Email, r.Reason, db.Millis(now))
	})
}

// OpenAccessRequest returns the open request of a user, or db.ErrNotFound if there is none.
func (s *Store) OpenAccessRequest(ctx context.Context, subject string) (AccessRequest, error) {
	return db.One[AccessRequest](ctx, s.db, "analytics: access request", `SELECT subject, name, email, reason, at FROM access_requests WHERE subject = ?`, subject)
}

const accessRequests = `SELECT subject, name, email, reason, at FROM access_requests ORDER BY at, subject LIMIT ? OFFSET ?`

// AccessRequests returns limit open requests from offset on, oldest first.
func (s *Store) AccessRequests(ctx context.Context, limit, offset int) ([]AccessRequest, error) {
	return db.All[AccessRequest](ctx, s.db, "analytics: access requests", accessRequests, limit, offset)
}

// CountAccessRequests returns the number of open requests.
func (s *Store) CountAccessRequests(ctx context.Context) (int, error) {
	return db.One[int](ctx, s.db, "analytics: access requests", `SELECT COUNT(*) FROM access_requests`)
}

// CloseAccessRequest removes the open request of a user, if there is one.
func (s *Store) CloseAccessRequest(ctx context.Context, subject string) error {
	return db.Exec(ctx, s.db, "analytics: close an access request", `DELETE FROM access_requests WHERE subject = ?`, subject)
}
