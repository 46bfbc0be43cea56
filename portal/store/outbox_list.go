package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/db"
)

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
			ID: r.ID, ClientID: r.ClientID, URI: r.URI, SID: r.SID, UserID: r.UserID, ReceiptID: r.Ending,
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

// UndeliveredCount counts the undelivered notices of a client.
type UndeliveredCount struct {
	ClientID string `db:"client_id"`
	Name     string `db:"name"` // "" if it is no longer registered
	Waiting  int    `db:"waiting"`
	GivenUp  int    `db:"given_up"`
}

// UndeliveredCounts returns the clients that have undelivered notices, by id.
func (s *Store) UndeliveredCounts(ctx context.Context) ([]UndeliveredCount, error) {
	var all []UndeliveredCount
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

// NoticeSummary is the result of the notices of one revocation to one client.
type NoticeSummary struct {
	ClientID string
	Name     string // "" if it is no longer registered
	Notices  int    // one for each sign-in; each is delivered, given up, or else retried
	Delivered    int
	GivenUp  int
	Took     time.Duration // the slowest of the last attempts
	TriedAt  time.Time     // zero: not yet
	Failure  string        // why a last attempt failed; "" if none has
}

// NoticeSummaries returns the results of the notices of a revocation by client id.
func (s *Store) NoticeSummaries(ctx context.Context, ending string) ([]NoticeSummary, error) {
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
	all := make([]NoticeSummary, len(rows))
	for i, r := range rows {
		all[i] = NoticeSummary{
			ClientID: r.ClientID, Name: r.Name, Notices: r.Notices, Delivered: r.Heard, GivenUp: r.GivenUp,
			Took: millis(r.Took), TriedAt: timeOf(r.Tried), Failure: r.Failure,
		}
	}
	return all, nil
}
