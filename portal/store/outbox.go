package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Notice is a logout token to deliver to a client (OpenID Connect Back-Channel Logout 1.0 §2.5).
type Notice struct {
	ID        string
	ClientID  string
	URI       string // the client's current backchannel_logout_uri; "" if it has none
	SID       string
	UserID    string
	Ending    string // the revocation that it belongs to; "" for none
	CreatedAt time.Time
	Since     time.Time // when it was created, or resent by an administrator; zero means CreatedAt
	Attempts  int       // begun so far; a claim begins one
}

// waiting is the condition that a notice is neither delivered nor given up.
const waiting = `delivered_at IS NULL AND given_up_at IS NULL`

// DueClients returns the ids of the clients that have a notice due at now. Its cost does not depend on the number of
// notices of a client.
func (s *Store) DueClients(ctx context.Context, now time.Time) ([]string, error) {
	var ids []string
	if err := s.db.SelectContext(ctx, &ids, s.db.Rebind(`WITH RECURSIVE owed (id) AS (
			SELECT MIN(client_id) FROM backchannel_outbox WHERE `+waiting+`
			UNION ALL
			SELECT (SELECT MIN(client_id) FROM backchannel_outbox WHERE `+waiting+` AND client_id > owed.id) FROM owed WHERE owed.id IS NOT NULL
		)
		SELECT id FROM owed WHERE id IS NOT NULL
			AND EXISTS (SELECT 1 FROM backchannel_outbox WHERE `+waiting+` AND client_id = owed.id AND next_attempt_at <= ?)`), db.Millis(now)); err != nil {
		return nil, fmt.Errorf("store: clients that are owed notices: %w", err)
	}
	return ids, nil
}

// ClaimNotices returns up to limit notices of a client that are due at now, the longest due first, and reserves them
// for this replica until lease.
func (s *Store) ClaimNotices(ctx context.Context, clientID string, now, lease time.Time, limit int) ([]Notice, error) {
	skip := ""
	if s.db.Dialect == db.Postgres {
		skip = `FOR UPDATE SKIP LOCKED`
	}
	var rows []struct {
		ID        string `db:"id"`
		ClientID  string `db:"client_id"`
		URI       string `db:"uri"`
		SID       string `db:"sid"`
		UserID    string `db:"user_id"`
		Ending    string `db:"ending"`
		CreatedAt int64  `db:"created_at"`
		Since     int64  `db:"since"`
		Attempts  int    `db:"attempts"`
	}
	due := db.Millis(now)
	// Materialised: PostgreSQL would otherwise run it for each row, and skip the rows that it has locked itself.
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`WITH due AS MATERIALIZED (SELECT id FROM backchannel_outbox
			WHERE `+waiting+` AND client_id = ? AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ? `+skip+`)
		UPDATE backchannel_outbox SET next_attempt_at = ?, attempts = attempts + 1, tried_at = ?, took_ms = NULL
		WHERE `+waiting+` AND next_attempt_at <= ? AND id IN (SELECT id FROM due)
		RETURNING id, client_id, sid, user_id, ending, created_at, COALESCE(again_at, created_at) AS since, attempts,
			COALESCE((SELECT backchannel_logout_uri FROM clients WHERE clients.id = backchannel_outbox.client_id), '') AS uri`),
		clientID, due, limit, db.Millis(lease), due, due); err != nil {
		return nil, fmt.Errorf("store: claim notices: %w", err)
	}
	notices := make([]Notice, len(rows))
	for i, r := range rows {
		notices[i] = Notice{
			ID: r.ID, ClientID: r.ClientID, URI: r.URI, SID: r.SID, UserID: r.UserID, Ending: r.Ending,
			CreatedAt: db.Time(r.CreatedAt), Since: db.Time(r.Since), Attempts: r.Attempts,
		}
	}
	return notices, nil
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
	query, args, err := sqlx.In(`SELECT id, name, backchannel_logout_uri FROM clients WHERE id IN (?)`, clientIDs)
	if err != nil {
		return nil, fmt.Errorf("store: logout URIs: %w", err)
	}
	var rows []LogoutURI
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("store: logout URIs: %w", err)
	}
	registered := make(map[string]LogoutURI, len(rows))
	for _, r := range rows {
		registered[r.ClientID] = r
	}
	return registered, nil
}

// Try is the result of one attempt to deliver a notice.
type Try struct {
	Notice  string // its ID
	Attempt int    // number of the attempt, from 1
	At      time.Time
	Took    time.Duration // stored in milliseconds
	Failure string        // why it failed; "": the notice was delivered
	Next    time.Time     // of a failure: when to retry; zero gives the notice up
}

// NoticeTried records an attempt. An obsolete failure, of a notice that was claimed again or delivered meanwhile,
// changes nothing.
func (s *Store) NoticeTried(ctx context.Context, t Try) error {
	set, next := `next_attempt_at = ?`, t.Next
	if t.Next.IsZero() {
		set, next = `given_up_at = ?`, t.At
	}
	query := `UPDATE backchannel_outbox SET ` + set + `, tried_at = ?, took_ms = ?, attempts = ?, last_error = ?
		WHERE id = ? AND ` + waiting + ` AND attempts <= ?`
	args := []any{db.Millis(next), db.Millis(t.At), t.Took.Milliseconds(), t.Attempt, t.Failure, t.Notice, t.Attempt}
	if t.Failure == "" {
		query = `UPDATE backchannel_outbox SET delivered_at = ?, given_up_at = NULL, tried_at = ?, took_ms = ?,
			attempts = CASE WHEN attempts < ? THEN ? ELSE attempts END, last_error = '' WHERE id = ? AND delivered_at IS NULL`
		args = []any{db.Millis(t.At), db.Millis(t.At), t.Took.Milliseconds(), t.Attempt, t.Attempt, t.Notice}
	}
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(query), args...); err != nil {
		return fmt.Errorf("store: notice tried: %w", err)
	}
	return nil
}

// PurgeNotices deletes the notices that were delivered before heard, and those that were given up before givenUp.
func (s *Store) PurgeNotices(ctx context.Context, heard, givenUp time.Time) error {
	return errors.Join(s.purge(ctx, `backchannel_outbox`, `id`, `delivered_at IS NOT NULL AND delivered_at < ?`, heard),
		s.purge(ctx, `backchannel_outbox`, `id`, `given_up_at IS NOT NULL AND given_up_at < ?`, givenUp))
}

// ErrNotSentAgain means that no notice had to be sent again: all were delivered, are being delivered or are due.
var ErrNotSentAgain = errors.New("store: no notice had to be sent again")

// again makes a notice due immediately, as if it had never been tried.
const again = `SET given_up_at = NULL, next_attempt_at = ?, again_at = ?, attempts = 0`

// SendAgain returns the change that makes a notice due at now: one that was given up is retried for as long as a new
// one, and one that waits after a failure no longer waits. It fails with [ErrNotSentAgain] if the notice was delivered,
// is being delivered or is due, and with [ErrNotFound] if there is no such notice.
func SendAgain(id string, now time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		// took_ms is set once an attempt has ended: before that, a delivery is under way.
		res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE backchannel_outbox `+again+`
			WHERE id = ? AND delivered_at IS NULL AND (given_up_at IS NOT NULL OR (took_ms IS NOT NULL AND next_attempt_at > ?))`),
			db.Millis(now), db.Millis(now), id, db.Millis(now))
		if err != nil {
			return fmt.Errorf("store: send a notice again: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var there bool
		if err := tx.GetContext(ctx, &there, tx.Rebind(`SELECT EXISTS (SELECT 1 FROM backchannel_outbox WHERE id = ?)`), id); err != nil {
			return fmt.Errorf("store: send a notice again: %w", err)
		}
		if !there {
			return ErrNotFound
		}
		return ErrNotSentAgain
	}}
}

// SendAllAgain returns the change that makes the given-up notices of a client due at now, and stores their number in
// sent, which may be nil. It fails with [ErrNotSentAgain] if there are none.
func SendAllAgain(clientID string, now time.Time, sent *int) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		if clientID == "" {
			return errors.New("store: send all notices again: of which client?")
		}
		res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE backchannel_outbox `+again+`
			WHERE given_up_at IS NOT NULL AND delivered_at IS NULL AND client_id = ?`), db.Millis(now), db.Millis(now), clientID)
		if err != nil {
			return fmt.Errorf("store: send all notices again: %w", err)
		}
		n, err := res.RowsAffected()
		if sent != nil {
			*sent = int(n)
		}
		if err == nil && n == 0 {
			return ErrNotSentAgain
		}
		return err
	}}
}

// Delivery is a notice with the result of its delivery so far.
type Delivery struct {
	Notice
	Name        string    // the client's; "" if it is no longer registered
	TriedAt     time.Time // last attempt; zero: not yet
	Took        time.Duration
	Failure     string    // why the last attempt failed; "" if none has
	NextAt      time.Time // when it is retried, while it waits
	DeliveredAt time.Time // zero: not delivered
	GivenUpAt   time.Time // zero: not given up
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
	at, where := "o.created_at", "o.delivered_at IS NULL AND o.given_up_at IS NULL"
	if q.GivenUp {
		at, where = "o.given_up_at", "o.given_up_at IS NOT NULL"
	}
	var args []any
	if q.Client != "" {
		where += " AND o.client_id = ?"
		args = append(args, q.Client)
	}
	order, from, beyond := " DESC", q.After, "<"
	if q.Before != (Cursor{}) {
		order, from, beyond = "", q.Before, ">"
	}
	if from != (Cursor{}) {
		where += " AND (" + at + ", o.id) " + beyond + " (?, ?)"
		args = append(args, db.Millis(from.At), from.ID)
	}
	args = append(args, q.Limit+1)
	var rows []deliveryRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`SELECT o.id, o.client_id, COALESCE(c.name, '') AS name,
		COALESCE(c.backchannel_logout_uri, '') AS uri, o.sid, o.user_id, o.ending, o.created_at, o.attempts, o.next_attempt_at, o.tried_at,
		COALESCE(o.again_at, o.created_at) AS since, o.took_ms, o.last_error, o.delivered_at, o.given_up_at
		FROM backchannel_outbox o LEFT JOIN clients c ON c.id = o.client_id
		WHERE `+where+` ORDER BY `+at+order+`, o.id`+order+` LIMIT ?`), args...); err != nil {
		return nil, false, fmt.Errorf("store: notices: %w", err)
	}
	if more = len(rows) > q.Limit; more {
		rows = rows[:q.Limit]
	}
	if q.Before != (Cursor{}) {
		slices.Reverse(rows)
	}
	page = make([]Delivery, len(rows))
	for i, r := range rows {
		page[i] = r.delivery()
	}
	return page, more, nil
}

type deliveryRow struct {
	ID        string `db:"id"`
	ClientID  string `db:"client_id"`
	Name      string `db:"name"`
	URI       string `db:"uri"`
	SID       string `db:"sid"`
	UserID    string `db:"user_id"`
	Ending    string `db:"ending"`
	CreatedAt int64  `db:"created_at"`
	Since     int64  `db:"since"`
	Attempts  int    `db:"attempts"`
	Next      int64  `db:"next_attempt_at"`
	Tried     *int64 `db:"tried_at"`
	Took      *int64 `db:"took_ms"`
	Failure   string `db:"last_error"`
	Delivered *int64 `db:"delivered_at"`
	GivenUp   *int64 `db:"given_up_at"`
}

func (r deliveryRow) delivery() Delivery {
	return Delivery{
		Notice: Notice{
			ID: r.ID, ClientID: r.ClientID, URI: r.URI, SID: r.SID, UserID: r.UserID, Ending: r.Ending,
			CreatedAt: db.Time(r.CreatedAt), Since: db.Time(r.Since), Attempts: r.Attempts,
		},
		Name: r.Name, TriedAt: timeOf(r.Tried), Took: millis(r.Took), Failure: r.Failure,
		NextAt: db.Time(r.Next), DeliveredAt: timeOf(r.Delivered), GivenUpAt: timeOf(r.GivenUp),
	}
}

// millis returns an optional duration; NULL is 0.
func millis(ms *int64) time.Duration {
	if ms == nil {
		return 0
	}
	return time.Duration(*ms) * time.Millisecond
}

// Owed counts the undelivered notices of a client.
type Owed struct {
	ClientID string `db:"client_id"`
	Name     string `db:"name"` // "" if it is no longer registered
	Waiting  int    `db:"waiting"`
	GivenUp  int    `db:"given_up"`
}

// Owed returns the clients that have undelivered notices, by id.
func (s *Store) Owed(ctx context.Context) ([]Owed, error) {
	var all []Owed
	if err := s.db.SelectContext(ctx, &all, `SELECT o.client_id, COALESCE(MAX(c.name), '') AS name, CAST(SUM(o.waiting) AS BIGINT) AS waiting, CAST(SUM(o.given_up) AS BIGINT) AS given_up
		FROM (
			SELECT client_id, COUNT(*) AS waiting, 0 AS given_up FROM backchannel_outbox WHERE `+waiting+` GROUP BY client_id
			UNION ALL
			SELECT client_id, 0, COUNT(*) FROM backchannel_outbox WHERE given_up_at IS NOT NULL GROUP BY client_id
		) o LEFT JOIN clients c ON c.id = o.client_id GROUP BY o.client_id ORDER BY o.client_id`); err != nil {
		return nil, fmt.Errorf("store: owed notices: %w", err)
	}
	return all, nil
}

// Told is the result of the notices of one revocation to one client.
type Told struct {
	ClientID string
	Name     string // "" if it is no longer registered
	Notices  int    // one for each sign-in; each is delivered, given up, or else retried
	Heard    int
	GivenUp  int
	Took     time.Duration // the slowest of the last attempts
	TriedAt  time.Time     // zero: not yet
	Failure  string        // why a last attempt failed; "" if none has
}

// NoticesOf returns the results of the notices of a revocation by client id.
func (s *Store) NoticesOf(ctx context.Context, ending string) ([]Told, error) {
	var rows []struct {
		ClientID string `db:"client_id"`
		Name     string `db:"name"`
		Notices  int    `db:"notices"`
		Heard    int    `db:"heard"`
		GivenUp  int    `db:"given_up"`
		Took     *int64 `db:"took_ms"`
		Tried    *int64 `db:"tried_at"`
		Failure  string `db:"last_error"`
	}
	if ending == "" {
		return nil, nil
	}
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`SELECT o.client_id, COALESCE(MAX(c.name), '') AS name, COUNT(*) AS notices,
		COUNT(o.delivered_at) AS heard, COUNT(o.given_up_at) AS given_up, MAX(o.took_ms) AS took_ms, MAX(o.tried_at) AS tried_at,
		MAX(o.last_error) AS last_error FROM backchannel_outbox o LEFT JOIN clients c ON c.id = o.client_id
		WHERE o.ending = ? GROUP BY o.client_id ORDER BY o.client_id`), ending); err != nil {
		return nil, fmt.Errorf("store: notices of an ending: %w", err)
	}
	all := make([]Told, len(rows))
	for i, r := range rows {
		all[i] = Told{
			ClientID: r.ClientID, Name: r.Name, Notices: r.Notices, Heard: r.Heard, GivenUp: r.GivenUp,
			Took: millis(r.Took), TriedAt: timeOf(r.Tried), Failure: r.Failure,
		}
	}
	return all, nil
}
