package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/events"
)

// Ending says what to end, and what to tell of it.
type Ending struct {
	ID      string // groups all that this act writes
	SID     string // this sign-in, or
	UserID  string // all of this person
	Except  string // but for this one; or
	Token   string // an access token (its jti), or a grant (the family of its tokens)
	Reason  string
	Note    string // of an admin
	By      string // sub of whoever does it; "" for the system
	Client  string // client_id in the event: where it was asked for
	Scope   string // scope in the event: session or everywhere
	Now     time.Time
	Until   time.Time // for how long the denylist has to know of it
	Retried time.Time // when other replicas may deliver the logout notices, unless they are delivered by then
	With    []Change  // come first, in the same transaction
}

// Ended is one sign-in that EndSignIns ended, with the notices it left in the
// back-channel outbox.
type Ended struct {
	SID     string
	UserID  string
	Notices []Notice
}

// Outcome is what an ending did.
type Outcome struct {
	ID          string // of the ending: an earlier one's when there was nothing left to end
	Ended       []Ended
	Revocations []Revocation // for the denylist; stored, and not published unless it says so
}

// EndSignIns makes e's changes and ends the living sign-ins that e names, in one
// transaction: marks them, revokes their refresh tokens, puts a logout notice for
// each client they opened into the outbox, writes down what the denylist must hold,
// and records the event sign_out. Nothing to end is no error: the revocations of a
// sign-in or a token that ended before come back as they are.
//
// A whole person is denied by one revocation, which reaches to the second of e.Now;
// sign-ins that began in that very second get one of their own, so that a sign-in
// right afterwards is not denied with them.
func (s *Store) EndSignIns(ctx context.Context, e Ending) (Outcome, error) {
	var out Outcome
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		out = Outcome{ID: e.ID}
		if err := s.apply(ctx, tx, e.With); err != nil {
			return err
		}
		switch {
		case e.Token != "":
			return out.endToken(ctx, s, tx, e)
		case e.SID != "":
			return out.endSignIn(ctx, tx, e)
		case e.UserID != "":
			return out.endPerson(ctx, s, tx, e)
		}
		return nil
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("store: end sign-ins: %w", err)
	}
	return out, nil
}

func (out *Outcome) endSignIn(ctx context.Context, tx *sqlx.Tx, e Ending) error {
	rows, err := endRows(ctx, tx, e, `sid = ?`, e.SID)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return out.before(ctx, tx, e, "sid", e.SID)
	}
	return out.end(ctx, tx, e, rows, func(endedRow) bool { return true })
}

func (out *Outcome) endPerson(ctx context.Context, s *Store, tx *sqlx.Tx, e Ending) error {
	// Whoever signs in meanwhile waits for this lock, or has signed in by now.
	if _, err := s.lockUser(ctx, tx, e.UserID); errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	rows, err := endRows(ctx, tx, e, `user_id = ? AND sid <> ?`, e.UserID, e.Except)
	if err != nil {
		return err
	}
	if e.Except != "" {
		return out.end(ctx, tx, e, rows, func(endedRow) bool { return true })
	}
	before := e.Now.Truncate(time.Second)
	if err := out.revoke(ctx, tx, e, "sub", e.UserID, before); err != nil {
		return err
	}
	return out.end(ctx, tx, e, rows, func(r endedRow) bool { return r.CreatedAt >= db.Millis(before) })
}

// endToken revokes an access token, or a whole grant with its refresh tokens: a
// token's id has its grant's before a dot.
func (out *Outcome) endToken(ctx context.Context, s *Store, tx *sqlx.Tx, e Ending) error {
	if !strings.Contains(e.Token, ".") {
		if s.db.Dialect == db.Postgres { // a rotation under way: the update below sees its successor then
			if _, err := tx.ExecContext(ctx, `SELECT 1 FROM sign_ins WHERE sid IN (SELECT sid FROM refresh_tokens WHERE family = $1) FOR UPDATE`, e.Token); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE refresh_tokens SET revoked_at = ? WHERE family = ? AND revoked_at IS NULL`),
			db.Millis(e.Now), e.Token); err != nil {
			return err
		}
	}
	if err := out.before(ctx, tx, e, "jti", e.Token); err != nil || len(out.Revocations) > 0 {
		return err
	}
	return out.revoke(ctx, tx, e, "jti", e.Token, time.Time{})
}

// before finds what an earlier act revoked already, for as long as is asked for now.
func (out *Outcome) before(ctx context.Context, tx *sqlx.Tx, e Ending, kind, value string) error {
	until := e.Now
	if kind == "jti" {
		until = e.Until
	}
	rows, err := revocations(ctx, tx, `WHERE kind = ? AND value = ? AND until_at >= ? ORDER BY seq DESC LIMIT 1`, kind, value, db.Millis(until))
	if err == nil && len(rows) > 0 {
		out.ID, out.Revocations = rows[0].Ending, rows
	}
	return err
}

// end does what is due for each of rows; those that are named get a revocation of their own.
func (out *Outcome) end(ctx context.Context, tx *sqlx.Tx, e Ending, rows []endedRow, named func(endedRow) bool) error {
	for _, r := range rows {
		notices, err := endOne(ctx, tx, e, r.SID, r.UserID)
		if err != nil {
			return err
		}
		out.Ended = append(out.Ended, Ended{SID: r.SID, UserID: r.UserID, Notices: notices})
		if named(r) {
			if err := out.revoke(ctx, tx, e, "sid", r.SID, time.Time{}); err != nil {
				return err
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return events.Record(ctx, tx, events.New(events.SignOut, rows[0].UserID, map[string]any{"client_id": e.Client, "scope": e.Scope}))
}

func (out *Outcome) revoke(ctx context.Context, tx *sqlx.Tx, e Ending, kind, value string, before time.Time) error {
	r := Revocation{
		Ending: e.ID, Kind: kind, Value: value, Before: before, Reason: e.Reason, Note: e.Note, By: e.By, Client: e.Client,
		At: e.Now.Truncate(time.Millisecond), Until: e.Until.Truncate(time.Millisecond),
	}
	if err := insertRevocation(ctx, tx, &r); err != nil {
		return err
	}
	out.Revocations = append(out.Revocations, r)
	return nil
}

type endedRow struct {
	SID       string `db:"sid"`
	UserID    string `db:"user_id"`
	CreatedAt int64  `db:"created_at"`
}

func endRows(ctx context.Context, tx *sqlx.Tx, e Ending, which string, args ...any) ([]endedRow, error) {
	var rows []endedRow
	err := tx.SelectContext(ctx, &rows, tx.Rebind(`UPDATE sign_ins SET ended_at = ?, end_reason = ?
		WHERE `+which+` AND ended_at IS NULL RETURNING sid, user_id, created_at`), append([]any{db.Millis(e.Now), e.Reason}, args...)...)
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
		n := Notice{ID: rand.Text(), ClientID: t.ClientID, URI: t.URI, SID: sid, UserID: userID, Ending: e.ID, CreatedAt: e.Now}
		if _, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, ending)
			VALUES (?, ?, ?, ?, ?, ?, ?)`), n.ID, n.ClientID, n.SID, n.UserID, db.Millis(e.Now), db.Millis(e.Retried), e.ID); err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	return notices, nil
}
