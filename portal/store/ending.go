package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/events"
)

// Ending says which sign-ins to end, and what to tell of it.
type Ending struct {
	SID     string // this one, or,
	UserID  string // all of this person,
	Except  string // but for this one
	Reason  string
	Client  string // client_id in the event: where the sign-out was asked for
	Scope   string // scope in the event: session or everywhere
	Now     time.Time
	Retried time.Time // when other replicas may deliver the logout notices, unless they are delivered by then
}

// Ended is one sign-in that EndSignIns ended, with the notices it left in the
// back-channel outbox.
type Ended struct {
	SID     string
	UserID  string
	Notices []Notice
}

// EndSignIns ends the living sign-ins that e names, in one transaction: marks
// them, revokes their refresh tokens, puts a logout notice for each client they
// opened into the outbox and records the event sign_out. No living one: no error.
func (s *Store) EndSignIns(ctx context.Context, e Ending) ([]Ended, error) {
	var ended []Ended
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		rows, err := endRows(ctx, tx, e)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			notices, err := endOne(ctx, tx, e, r.SID, r.UserID)
			if err != nil {
				return err
			}
			ended = append(ended, Ended{SID: r.SID, UserID: r.UserID, Notices: notices})
		}
		return events.Record(ctx, tx, events.New(events.SignOut, rows[0].UserID, map[string]any{"client_id": e.Client, "scope": e.Scope}))
	})
	if err != nil {
		return nil, fmt.Errorf("store: end sign-ins: %w", err)
	}
	return ended, nil
}

type endedRow struct {
	SID    string `db:"sid"`
	UserID string `db:"user_id"`
}

func endRows(ctx context.Context, tx *sqlx.Tx, e Ending) ([]endedRow, error) {
	var rows []endedRow
	var err error
	if e.SID != "" {
		err = tx.SelectContext(ctx, &rows, tx.Rebind(`UPDATE sign_ins SET ended_at = ?, end_reason = ?
			WHERE sid = ? AND ended_at IS NULL RETURNING sid, user_id`), db.Millis(e.Now), e.Reason, e.SID)
	} else {
		err = tx.SelectContext(ctx, &rows, tx.Rebind(`UPDATE sign_ins SET ended_at = ?, end_reason = ?
			WHERE user_id = ? AND sid <> ? AND ended_at IS NULL RETURNING sid, user_id`), db.Millis(e.Now), e.Reason, e.UserID, e.Except)
	}
	return rows, err
}

func endOne(ctx context.Context, tx *sqlx.Tx, e Ending, sid, userID string) ([]Notice, error) {
	if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE refresh_tokens SET revoked_at = ? WHERE sid = ? AND revoked_at IS NULL`),
		db.Millis(e.Now), sid); err != nil {
		return nil, err
	}
	var told []struct {
		ClientID string `db:"client_id"`
		URI      string `db:"backchannel_logout_uri"`
	}
	if err := tx.SelectContext(ctx, &told, tx.Rebind(`SELECT o.client_id, c.backchannel_logout_uri FROM sign_in_clients o
		JOIN clients c ON c.id = o.client_id WHERE o.sid = ? AND c.backchannel_logout_uri <> '' ORDER BY o.client_id`), sid); err != nil {
		return nil, err
	}
	notices := make([]Notice, 0, len(told))
	for _, t := range told {
		n := Notice{ID: rand.Text(), ClientID: t.ClientID, URI: t.URI, SID: sid, UserID: userID, CreatedAt: e.Now}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at)
			VALUES (?, ?, ?, ?, ?, ?)`), n.ID, n.ClientID, n.SID, n.UserID, db.Millis(e.Now), db.Millis(e.Retried)); err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	return notices, nil
}
