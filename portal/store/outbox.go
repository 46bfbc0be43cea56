package store

import (
	"context"
	"errors"
	"fmt"
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
	ReceiptID    string // the revocation that it belongs to; "" for none
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
			ID: r.ID, ClientID: r.ClientID, URI: r.URI, SID: r.SID, UserID: r.UserID, ReceiptID: r.Ending,
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

// DeliveryAttempt is the result of one attempt to deliver a notice.
type DeliveryAttempt struct {
	NoticeID  string // its ID
	Attempt int    // number of the attempt, from 1
	At      time.Time
	Took    time.Duration // stored in milliseconds
	Failure string        // why it failed; "": the notice was delivered
	RetryAt    time.Time     // of a failure: when to retry; zero gives the notice up
}

// RecordAttempt records an attempt. An obsolete failure, of a notice that was claimed again or delivered meanwhile,
// changes nothing.
func (s *Store) RecordAttempt(ctx context.Context, t DeliveryAttempt) error {
	set, next := `next_attempt_at = ?`, t.RetryAt
	if t.RetryAt.IsZero() {
		set, next = `given_up_at = ?`, t.At
	}
	query := `UPDATE backchannel_outbox SET ` + set + `, tried_at = ?, took_ms = ?, attempts = ?, last_error = ?
		WHERE id = ? AND ` + waiting + ` AND attempts <= ?`
	args := []any{db.Millis(next), db.Millis(t.At), t.Took.Milliseconds(), t.Attempt, t.Failure, t.NoticeID, t.Attempt}
	if t.Failure == "" {
		query = `UPDATE backchannel_outbox SET delivered_at = ?, given_up_at = NULL, tried_at = ?, took_ms = ?,
			attempts = CASE WHEN attempts < ? THEN ? ELSE attempts END, last_error = '' WHERE id = ? AND delivered_at IS NULL`
		args = []any{db.Millis(t.At), db.Millis(t.At), t.Took.Milliseconds(), t.Attempt, t.Attempt, t.NoticeID}
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
