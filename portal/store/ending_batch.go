package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// reasonDeleted is the reason of a denial after which no personal data is kept.
const reasonDeleted = "account_deleted"

// ClaimDenial returns a denial of a user whose sign-ins have not all been ended, and reserves it until lease. It
// returns ErrNotFound if there is none that is not reserved.
func (s *Store) ClaimDenial(ctx context.Context, now, lease time.Time) (Revocation, error) {
	skip := ``
	if s.db.Dialect == db.Postgres {
		skip = ` FOR UPDATE SKIP LOCKED`
	}
	rows, err := selectRevocations(ctx, s.db, `UPDATE revocations SET tidy_at = ? WHERE tidy_at <= ? AND seq IN
		(SELECT seq FROM revocations WHERE tidy_at <= ? ORDER BY tidy_at LIMIT 1`+skip+`) RETURNING `+revocationColumns,
		db.Millis(lease), db.Millis(now), db.Millis(now))
	if err != nil {
		return Revocation{}, err
	}
	if len(rows) == 0 {
		return Revocation{}, ErrNotFound
	}
	return rows[0], nil
}

// EndDeniedSignIns ends up to limit of the sign-ins that denial r denies, in one transaction, and reserves r until lease.
// The Sender may deliver the logout notices from deliverAt on. more reports whether sign-ins may remain; if not, r
// is complete.
func (s *Store) EndDeniedSignIns(ctx context.Context, r Revocation, limit int, now, deliverAt, lease time.Time) (out Outcome, more bool, err error) {
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		out = Outcome{ID: r.ReceiptID}
		e := ending{id: r.ReceiptID, reason: r.Reason, now: now, retried: deliverAt}
		if err := out.endSet(ctx, tx, e, `sid IN (SELECT sid FROM sign_ins WHERE user_id = ? AND ended_at IS NULL AND created_at < ? AND sid <> ? LIMIT ?)`,
			r.Value, db.Millis(r.Before), r.Except, limit); err != nil {
			return err
		}
		more = len(out.Ended) == limit
		if !more && r.Reason == reasonDeleted {
			erased, err := eraseEnded(ctx, tx, r.Value, limit)
			if err != nil {
				return err
			}
			more = erased == limit
		}
		next := lease
		if !more {
			next = time.Time{}
		}
		return exec(ctx, tx, "end what is denied", `UPDATE revocations SET tidy_at = ? WHERE seq = ?`, millisOf(next), r.Seq)
	})
	if err != nil {
		return Outcome{}, false, fmt.Errorf("store: end what is denied: %w", err)
	}
	return out, more, nil
}

// eraseEnded deletes the personal data of up to limit ended sign-ins, and returns their number.
func eraseEnded(ctx context.Context, tx *sqlx.Tx, userID string, limit int) (int, error) {
	res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE sign_ins SET user_agent = '', ip = '', session_key = '' WHERE sid IN
		(SELECT sid FROM sign_ins WHERE user_id = ? AND ended_at IS NOT NULL AND (user_agent <> '' OR ip <> '' OR session_key <> '') LIMIT ?)`), userID, limit)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// ending is the data that is stored with each ended sign-in.
type ending struct {
	id, reason   string
	now, retried time.Time
}

// endSet ends the active sign-ins of one user that match the condition: it marks them, revokes their refresh tokens,
// and adds a logout notice for each client that they opened to the outbox.
func (out *Outcome) endSet(ctx context.Context, tx *sqlx.Tx, e ending, condition string, args ...any) error {
	erase := ``
	if e.reason == reasonDeleted {
		erase = `, user_agent = '', ip = '', session_key = ''`
	}
	var rows []struct {
		SID    string `db:"sid"`
		UserID string `db:"user_id"`
	}
	if err := tx.SelectContext(ctx, &rows, tx.Rebind(`UPDATE sign_ins SET ended_at = ?, end_reason = ?`+erase+`
		WHERE `+condition+` AND ended_at IS NULL RETURNING sid, user_id`), append([]any{db.Millis(e.now), e.reason}, args...)...); err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	out.UserID = rows[0].UserID
	for _, r := range rows {
		out.Ended = append(out.Ended, r.SID)
	}
	query, args, err := sqlx.In(`UPDATE refresh_tokens SET revoked_at = ? WHERE sid IN (?) AND revoked_at IS NULL`, db.Millis(e.now), out.Ended)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tx.Rebind(query), args...); err != nil {
		return err
	}
	return out.notifyClients(ctx, tx, e)
}

// noticesAtOnce is the number of notices that one statement stores: SQLite allows 32,766 values.
const noticesAtOnce = 1000

// notifyClients adds a logout notice for each client that the ended sign-ins opened to the outbox.
func (out *Outcome) notifyClients(ctx context.Context, tx *sqlx.Tx, e ending) error {
	query, args, err := sqlx.In(`SELECT o.sid, o.client_id, c.backchannel_logout_uri FROM sign_in_clients o
		JOIN clients c ON c.id = o.client_id WHERE o.sid IN (?) AND c.backchannel_logout_uri <> '' ORDER BY o.client_id, o.sid`, out.Ended)
	if err != nil {
		return err
	}
	var opened []struct {
		SID      string `db:"sid"`
		ClientID string `db:"client_id"`
		URI      string `db:"backchannel_logout_uri"`
	}
	if err := tx.SelectContext(ctx, &opened, tx.Rebind(query), args...); err != nil {
		return err
	}
	for len(opened) > 0 {
		some := opened[:min(len(opened), noticesAtOnce)]
		opened = opened[len(some):]
		values := make([]any, 0, 7*len(some))
		for _, o := range some {
			n := Notice{ID: rand.Text(), ClientID: o.ClientID, URI: o.URI, SID: o.SID, UserID: out.UserID, ReceiptID: e.id, CreatedAt: e.now}
			out.Notices = append(out.Notices, n)
			values = append(values, n.ID, n.ClientID, n.SID, n.UserID, db.Millis(e.now), db.Millis(e.retried), e.id)
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, ending)
			VALUES `+strings.TrimSuffix(strings.Repeat(`(?, ?, ?, ?, ?, ?, ?), `, len(some)), ", ")), values...); err != nil {
			return err
		}
	}
	return nil
}

// SurplusSignIns returns the sids of up to limit active sign-ins of a user, except the max that were used last.
func (s *Store) SurplusSignIns(ctx context.Context, userID string, max, limit int) ([]string, error) {
	var sids []string
	if err := s.db.SelectContext(ctx, &sids, s.db.Rebind(`SELECT sid FROM sign_ins WHERE user_id = ? AND ended_at IS NULL
		ORDER BY last_seen_at DESC, sid DESC LIMIT ? OFFSET ?`), userID, limit, max); err != nil {
		return nil, fmt.Errorf("store: surplus sign-ins: %w", err)
	}
	return sids, nil
}
