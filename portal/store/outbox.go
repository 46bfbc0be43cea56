package store

import (
	"context"
	"fmt"
	"time"

	"gatehouse/db"
)

// Notice is a logout token that a client is owed (OpenID Connect Back-Channel
// Logout 1.0 §2.5).
type Notice struct {
	ID        string
	ClientID  string
	URI       string // the client's backchannel_logout_uri now; "" if it has none any more
	SID       string
	UserID    string
	Ending    string // the act that it belongs to; "" for none
	CreatedAt time.Time
	Attempts  int // that failed or never reported
}

// ClaimNotices takes up to limit notices that are due at now, for this replica
// alone until lease ends.
func (s *Store) ClaimNotices(ctx context.Context, now, lease time.Time, limit int) ([]Notice, error) {
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
		CreatedAt int64  `db:"created_at"`
		Attempts  int    `db:"attempts"`
	}
	due := db.Millis(now)
	// Look first: an empty outbox must not cost a write lock.
	var pending bool
	if err := s.db.GetContext(ctx, &pending, s.db.Rebind(`SELECT EXISTS (SELECT 1 FROM backchannel_outbox
		WHERE delivered_at IS NULL AND given_up_at IS NULL AND next_attempt_at <= ?)`), due); err != nil {
		return nil, fmt.Errorf("store: due notices: %w", err)
	}
	if !pending {
		return nil, nil
	}
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`UPDATE backchannel_outbox SET next_attempt_at = ?, attempts = attempts + 1
		WHERE next_attempt_at <= ? AND id IN (SELECT id FROM backchannel_outbox
			WHERE delivered_at IS NULL AND given_up_at IS NULL AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ? `+skip+`)
		RETURNING id, client_id, sid, user_id, created_at, attempts,
			COALESCE((SELECT backchannel_logout_uri FROM clients WHERE clients.id = backchannel_outbox.client_id), '') AS uri`),
		db.Millis(lease), due, due, limit); err != nil {
		return nil, fmt.Errorf("store: claim notices: %w", err)
	}
	notices := make([]Notice, len(rows))
	for i, r := range rows {
		notices[i] = Notice{ID: r.ID, ClientID: r.ClientID, URI: r.URI, SID: r.SID, UserID: r.UserID, CreatedAt: db.Time(r.CreatedAt), Attempts: r.Attempts}
	}
	return notices, nil
}

// NoticeDelivered marks a notice as heard.
func (s *Store) NoticeDelivered(ctx context.Context, id string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE backchannel_outbox SET delivered_at = ?, last_error = '' WHERE id = ?`), db.Millis(now), id); err != nil {
		return fmt.Errorf("store: notice delivered: %w", err)
	}
	return nil
}

// NoticeFailed says when to try again, and why it failed. A zero next gives the
// notice up at now: it stays in the table, marked.
func (s *Store) NoticeFailed(ctx context.Context, id, reason string, now, next time.Time) error {
	var err error
	if next.IsZero() {
		_, err = s.db.ExecContext(ctx, s.db.Rebind(`UPDATE backchannel_outbox SET given_up_at = ?, last_error = ? WHERE id = ? AND delivered_at IS NULL`),
			db.Millis(now), reason, id)
	} else {
		_, err = s.db.ExecContext(ctx, s.db.Rebind(`UPDATE backchannel_outbox SET next_attempt_at = ?, last_error = ? WHERE id = ? AND delivered_at IS NULL`),
			db.Millis(next), reason, id)
	}
	if err != nil {
		return fmt.Errorf("store: notice failed: %w", err)
	}
	return nil
}

// PurgeNotices deletes the notices that were delivered before t.
func (s *Store) PurgeNotices(ctx context.Context, t time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`DELETE FROM backchannel_outbox WHERE delivered_at < ?`), db.Millis(t)); err != nil {
		return fmt.Errorf("store: purge notices: %w", err)
	}
	return nil
}
