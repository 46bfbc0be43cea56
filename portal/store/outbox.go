package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Notice is a logout token to deliver to a client (OpenID Connect Back-Channel Logout 1.0 §2.5).
type Notice struct {
	ID        string    `db:"id"`
	ClientID  string    `db:"client_id"`
	URI       string    `db:"uri"` // the client's current backchannel_logout_uri; "" if it has none
	SID       string    `db:"sid"`
	UserID    string    `db:"user_id"`
	ReceiptID string    `db:"ending"` // of the revocation that it belongs to; "" for none
	CreatedAt time.Time `db:"created_at"`
	Since     time.Time `db:"since"`    // when it was created, or resent by an administrator; zero means CreatedAt
	Attempts  int       `db:"attempts"` // begun so far; a claim begins one
}

// undelivered is the condition that a notice is neither delivered nor given up.
const undelivered = `delivered_at IS NULL AND given_up_at IS NULL`

// DueClients returns the ids of the clients that have a notice due at now. Its cost does not depend on the number of
// notices of a client.
func (s *Store) DueClients(ctx context.Context, now time.Time) ([]string, error) {
	return db.All[string](ctx, s.db, "clients with due notices", `WITH RECURSIVE owed (id) AS (
			SELECT MIN(client_id) FROM backchannel_outbox WHERE `+undelivered+`
			UNION ALL
			SELECT (SELECT MIN(client_id) FROM backchannel_outbox WHERE `+undelivered+` AND client_id > owed.id) FROM owed WHERE owed.id IS NOT NULL
		)
		SELECT id FROM owed WHERE id IS NOT NULL
			AND EXISTS (SELECT 1 FROM backchannel_outbox WHERE `+undelivered+` AND client_id = owed.id AND next_attempt_at <= ?)`, db.Millis(now))
}

// ClaimNotices returns up to limit notices of a client that are due at now, the longest due first, and reserves them
// for this replica until claimedUntil.
func (s *Store) ClaimNotices(ctx context.Context, clientID string, now, claimedUntil time.Time, limit int) ([]Notice, error) {
	due := db.Millis(now)
	// Materialised: PostgreSQL would otherwise run it for each row, and skip the rows that it has locked itself.
	return db.All[Notice](ctx, s.db, "claim notices", `WITH due AS MATERIALIZED (SELECT id FROM backchannel_outbox
			WHERE `+undelivered+` AND client_id = ? AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?`+s.onPostgres(` FOR UPDATE SKIP LOCKED`)+`)
		UPDATE backchannel_outbox SET next_attempt_at = ?, attempts = attempts + 1, tried_at = ?, took_ms = NULL
		WHERE `+undelivered+` AND next_attempt_at <= ? AND id IN (SELECT id FROM due)
		RETURNING id, client_id, sid, user_id, ending, created_at, COALESCE(again_at, created_at) AS since, attempts,
			COALESCE((SELECT backchannel_logout_uri FROM clients WHERE clients.id = backchannel_outbox.client_id), '') AS uri`,
		clientID, due, limit, db.Millis(claimedUntil), due, due)
}

// LogoutURI is a client's back-channel logout URI; URI is "" if it has none.
type LogoutURI struct {
	ClientID string `db:"id"`
	Name     string `db:"name"`
	URI      string `db:"backchannel_logout_uri"`
}

// LogoutURIs returns the logout URIs of these clients. It omits clients that are not registered.
func (s *Store) LogoutURIs(ctx context.Context, clientIDs []string) (map[string]LogoutURI, error) {
	if len(clientIDs) == 0 {
		return nil, nil
	}
	rows, err := db.All[LogoutURI](ctx, s.db, "logout URIs", `SELECT id, name, backchannel_logout_uri FROM clients WHERE id IN (?)`, clientIDs)
	registered := make(map[string]LogoutURI, len(rows))
	for _, r := range rows {
		registered[r.ClientID] = r
	}
	return registered, err
}

// DeliveryAttempt is the result of one attempt to deliver a notice.
type DeliveryAttempt struct {
	NoticeID string
	Attempt  int // number of the attempt, from 1
	At       time.Time
	Took     time.Duration // stored in milliseconds
	Failure  string        // why it failed; "": the notice was delivered
	RetryAt  time.Time     // of a failure: when to retry; zero gives the notice up
}

// RecordAttempt records an attempt. An obsolete failure, of a notice that was claimed again or delivered meanwhile,
// changes nothing.
func (s *Store) RecordAttempt(ctx context.Context, a DeliveryAttempt) error {
	if a.Failure == "" {
		return db.Exec(ctx, s.db, "record a delivery", `UPDATE backchannel_outbox SET delivered_at = ?, given_up_at = NULL, tried_at = ?, took_ms = ?,
			attempts = CASE WHEN attempts < ? THEN ? ELSE attempts END, last_error = '' WHERE id = ? AND delivered_at IS NULL`,
			db.Millis(a.At), db.Millis(a.At), a.Took.Milliseconds(), a.Attempt, a.Attempt, a.NoticeID)
	}
	set, at := `next_attempt_at = ?`, a.RetryAt
	if a.RetryAt.IsZero() {
		set, at = `given_up_at = ?`, a.At
	}
	return db.Exec(ctx, s.db, "record a failed attempt", `UPDATE backchannel_outbox SET `+set+`, tried_at = ?, took_ms = ?, attempts = ?, last_error = ?
		WHERE id = ? AND `+undelivered+` AND attempts <= ?`,
		db.Millis(at), db.Millis(a.At), a.Took.Milliseconds(), a.Attempt, a.Failure, a.NoticeID, a.Attempt)
}

// ErrNothingToResend means that no notice had to be sent again: all were delivered, are being delivered or are due.
var ErrNothingToResend = errors.New("store: no notice had to be sent again")

// resend makes a notice due immediately, as if it had never been tried.
const resend = `UPDATE backchannel_outbox SET given_up_at = NULL, next_attempt_at = ?, again_at = ?, attempts = 0 WHERE delivered_at IS NULL AND `

// ResendNotice returns the change that makes a notice due at now: one that was given up is retried for as long as a
// new one, and one that waits after a failure no longer waits. It fails with [ErrNothingToResend] if the notice was
// delivered, is being delivered or is due, and with [ErrNotFound] if there is no such notice.
func ResendNotice(id string, now time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		// took_ms is set once an attempt has ended: before that, a delivery is under way.
		n, err := db.Change(ctx, tx, "resend a notice", resend+`id = ? AND (given_up_at IS NOT NULL OR (took_ms IS NOT NULL AND next_attempt_at > ?))`,
			db.Millis(now), db.Millis(now), id, db.Millis(now))
		if err != nil || n > 0 {
			return err
		}
		if err := requireRow(ctx, tx, "resend a notice", ErrNotFound, `SELECT 1 FROM backchannel_outbox WHERE id = ?`, id); err != nil {
			return err
		}
		return ErrNothingToResend
	}}
}

// ResendNotices returns the change that makes the given-up notices of a client due at now, and stores their number in
// sent, which may be nil. It fails with [ErrNothingToResend] if there are none.
func ResendNotices(clientID string, now time.Time, sent *int) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		if clientID == "" {
			return errors.New("store: resend notices: of which client?")
		}
		n, err := db.Change(ctx, tx, "resend notices", resend+`given_up_at IS NOT NULL AND client_id = ?`, db.Millis(now), db.Millis(now), clientID)
		if sent != nil {
			*sent = n
		}
		if err == nil && n == 0 {
			return ErrNothingToResend
		}
		return err
	}}
}

// Delivery is a notice with the result of its delivery so far.
type Delivery struct {
	Notice
	Name        string        `db:"name"`     // the client's; "" if it is no longer registered
	TriedAt     time.Time     `db:"tried_at"` // last attempt; zero: not yet
	Took        time.Duration `db:"took_ms"`
	Failure     string        `db:"last_error"`      // why the last attempt failed; "" if none has
	NextAt      time.Time     `db:"next_attempt_at"` // when it is retried, while it waits
	DeliveredAt time.Time     `db:"delivered_at"`    // zero: not delivered
	GivenUpAt   time.Time     `db:"given_up_at"`     // zero: not given up
}

// NoticeQuery selects notices. After is the last of the previous page, Before the first of the next page; at most
// one of them is set.
type NoticeQuery struct {
	GivenUp       bool   // the dead letters; else those that wait
	Client        string // of this client; "" for all
	After, Before Cursor // of At
	Limit         int
}

// At returns the time that orders the lists of Notices: when the notice was given up, else when it was created.
func (d Delivery) At() time.Time {
	if !d.GivenUpAt.IsZero() {
		return d.GivenUpAt
	}
	return d.CreatedAt
}

// Notices returns a page of the undelivered notices, the latest first, and whether there are more in the requested
// direction.
func (s *Store) Notices(ctx context.Context, q NoticeQuery) (page []Delivery, more bool, err error) {
	at, where := "o.created_at", undelivered
	if q.GivenUp {
		at, where = "o.given_up_at", "given_up_at IS NOT NULL"
	}
	var args []any
	if q.Client != "" {
		where, args = where+" AND o.client_id = ?", []any{q.Client}
	}
	condition, order, position := keyset(q.After, q.Before, at, "o.id")
	rows, err := db.All[Delivery](ctx, s.db, "notices", `SELECT o.id, o.client_id, COALESCE(c.name, '') AS name,
		COALESCE(c.backchannel_logout_uri, '') AS uri, o.sid, o.user_id, o.ending, o.created_at, o.attempts, o.next_attempt_at, o.tried_at,
		COALESCE(o.again_at, o.created_at) AS since, o.took_ms, o.last_error, o.delivered_at, o.given_up_at
		FROM backchannel_outbox o LEFT JOIN clients c ON c.id = o.client_id
		WHERE `+where+condition+order+` LIMIT ?`, append(append(args, position...), q.Limit+1)...)
	page, more = trimPage(rows, q.Limit, q.Before != (Cursor{}))
	return page, more, err
}

// UndeliveredCount counts the undelivered notices of a client.
type UndeliveredCount struct {
	ClientID string `db:"client_id"`
	Name     string `db:"name"` // "" if it is no longer registered
	Waiting  int    `db:"waiting"`
	GivenUp  int    `db:"given_up"`
}

// UndeliveredCounts returns the clients that have undelivered notices, by id.
func (s *Store) UndeliveredCounts(ctx context.Context) ([]UndeliveredCount, error) {
	return db.All[UndeliveredCount](ctx, s.db, "count notices", `SELECT o.client_id, COALESCE(MAX(c.name), '') AS name,
			CAST(SUM(o.waiting) AS BIGINT) AS waiting, CAST(SUM(o.given_up) AS BIGINT) AS given_up
		FROM (
			SELECT client_id, COUNT(*) AS waiting, 0 AS given_up FROM backchannel_outbox WHERE `+undelivered+` GROUP BY client_id
			UNION ALL
			SELECT client_id, 0, COUNT(*) FROM backchannel_outbox WHERE given_up_at IS NOT NULL GROUP BY client_id
		) o LEFT JOIN clients c ON c.id = o.client_id GROUP BY o.client_id ORDER BY o.client_id`)
}

// NoticeSummary is the result of the notices of one revocation to one client.
type NoticeSummary struct {
	ClientID  string        `db:"client_id"`
	Name      string        `db:"name"`    // "" if it is no longer registered
	Notices   int           `db:"notices"` // one for each sign-in; each is delivered, given up, or else retried
	Delivered int           `db:"delivered"`
	GivenUp   int           `db:"given_up"`
	Took      time.Duration `db:"took_ms"`    // the slowest of the last attempts
	TriedAt   time.Time     `db:"tried_at"`   // zero: not yet
	Failure   string        `db:"last_error"` // why a last attempt failed; "" if none has
}

// NoticeSummaries returns the results of the notices of a revocation by client id.
func (s *Store) NoticeSummaries(ctx context.Context, receiptID string) ([]NoticeSummary, error) {
	if receiptID == "" {
		return nil, nil
	}
	return db.All[NoticeSummary](ctx, s.db, "notices of a receipt", `SELECT o.client_id, COALESCE(MAX(c.name), '') AS name, COUNT(*) AS notices,
		COUNT(o.delivered_at) AS delivered, COUNT(o.given_up_at) AS given_up, MAX(o.took_ms) AS took_ms, MAX(o.tried_at) AS tried_at,
		MAX(o.last_error) AS last_error FROM backchannel_outbox o LEFT JOIN clients c ON c.id = o.client_id
		WHERE o.ending = ? GROUP BY o.client_id ORDER BY o.client_id`, receiptID)
}

// PurgeNotices deletes the notices that were delivered before delivered, and those that were given up before givenUp.
func (s *Store) PurgeNotices(ctx context.Context, delivered, givenUp time.Time) error {
	return errors.Join(s.purge(ctx, `backchannel_outbox`, `id`, `delivered_at IS NOT NULL AND delivered_at < ?`, delivered),
		s.purge(ctx, `backchannel_outbox`, `id`, `given_up_at IS NOT NULL AND given_up_at < ?`, givenUp))
}
