package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/events"
)

// Ending says what to end: exactly one of SID, UserID and Token is given.
type Ending struct {
	ID      string // groups all that this act writes
	SID     string // this sign-in, or
	UserID  string // all of this person
	Except  string // but for this one; or
	Token   string // an access token (its jti), or a grant (the family of its tokens)
	Reason  string
	Note    string // of an admin
	By      string // sub of the person who does it; "" for the system
	Client  string // client_id in the event: where it was asked for
	Scope   string // scope in the event: session or everywhere
	Now     time.Time
	Until   time.Time // for how long the denylist has to know of it
	Retried time.Time // when other replicas may go on with it: deliver the logout notices, end the denied sign-ins
	With    []Change  // come first, in the same transaction
}

// Outcome says what an ending, or a batch of one, did.
type Outcome struct {
	ID          string       // of the ending: an earlier one's when there was nothing left to end
	UserID      string       // the person whose sign-ins ended; "" if none did
	Ended       []string     // the sids of the sign-ins that ended
	Notices     []Notice     // left in the back-channel outbox, for the clients that they opened
	Revocations []Revocation // for the denylist; stored, and not published unless it says so
}

// EndSignIns makes e's changes and ends what e names, in one transaction, which also stores what the denylist must hold
// and the event sign_out. To end nothing is no error: the revocations of a sign-in or a token that ended before come
// back as they are.
//
// One sign-in ends in this transaction, with its refresh tokens and a logout notice for each client that it opened. A
// whole person is denied by one revocation and one mark on the account, however many sign-ins there are; EndDenied ends
// those afterwards.
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
			return out.denyPerson(ctx, s, tx, e)
		}
		return nil
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("store: end sign-ins: %w", err)
	}
	return out, nil
}

func (out *Outcome) endSignIn(ctx context.Context, tx *sqlx.Tx, e Ending) error {
	if err := out.endSet(ctx, tx, ending{e.ID, e.Reason, e.Now, e.Retried}, `sid = ?`, e.SID); err != nil {
		return err
	}
	if len(out.Ended) == 0 {
		return out.findEarlier(ctx, tx, e, "sid", e.SID)
	}
	if err := out.revoke(ctx, tx, Revocation{Kind: "sid", Value: e.SID}, e, time.Time{}); err != nil {
		return err
	}
	return recordSignOut(ctx, tx, e, out.UserID)
}

// denyPerson denies all of a person's sign-ins that have begun by now, but for e.Except, in a number of statements that
// does not depend on how many there are.
func (out *Outcome) denyPerson(ctx context.Context, s *Store, tx *sqlx.Tx, e Ending) error {
	// A sign-in that is under way waits for this lock, or has been stored by now.
	u, err := s.lockUser(ctx, tx, e.UserID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var living struct {
		Some   bool  `db:"some"`
		Seen   int64 `db:"seen"`
		Except bool  `db:"excepted"`
	}
	if err := tx.GetContext(ctx, &living, tx.Rebind(`SELECT
		EXISTS (SELECT 1 FROM sign_ins WHERE user_id = ? AND ended_at IS NULL AND sid <> ?) AS some,
		COALESCE((SELECT last_seen_at FROM sign_ins WHERE user_id = ? AND ended_at IS NULL ORDER BY last_seen_at DESC LIMIT 1), 0) AS seen,
		EXISTS (SELECT 1 FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.sid = ? AND s.user_id = ? AND s.ended_at IS NULL AND `+notDenied+`) AS excepted`),
		u.ID, e.Except, u.ID, e.Except, u.ID); err != nil {
		return err
	}
	switch {
	case !living.Except:
		e.Except = ""
	case !living.Some:
		return nil // the one that stays is the only one
	}
	before := deniedBefore(u, e, db.Time(living.Seen))
	if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE users SET denied_before = ?, denied_except = ? WHERE id = ?`),
		db.Millis(before), e.Except, u.ID); err != nil {
		return err
	}
	tidyAt := e.Retried
	if !living.Some && u.DeletedAt.IsZero() {
		tidyAt = time.Time{}
	}
	if err := out.revoke(ctx, tx, Revocation{Kind: "sub", Value: u.ID, Before: before, Except: e.Except}, e, tidyAt); err != nil || !living.Some {
		return err
	}
	return recordSignOut(ctx, tx, e, u.ID)
}

// deniedBefore returns the instant before which all sign-ins of u are denied: the end of this second, since auth_time
// has whole seconds, and of the second in which one was seen last by a replica whose clock is ahead. A later sign-in
// begins at that instant at the earliest. A denial that leaves out another sign-in than the one before it reaches
// further, so that the exemption of before does not apply to it.
func deniedBefore(u User, e Ending, seen time.Time) time.Time {
	before := e.Now
	if seen.After(before) {
		before = seen
	}
	before = before.Truncate(time.Second).Add(time.Second)
	switch {
	case before.After(u.DeniedBefore):
		return before
	case u.DeniedExcept != "" && u.DeniedExcept != e.Except:
		return u.DeniedBefore.Add(time.Second)
	}
	return u.DeniedBefore
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
	if err := out.findEarlier(ctx, tx, e, "jti", e.Token); err != nil || len(out.Revocations) > 0 {
		return err
	}
	return out.revoke(ctx, tx, Revocation{Kind: "jti", Value: e.Token}, e, time.Time{})
}

// findEarlier finds what an earlier act revoked already, for as long as is asked for now.
func (out *Outcome) findEarlier(ctx context.Context, tx *sqlx.Tx, e Ending, kind, value string) error {
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

// revoke stores r with what e says of it.
func (out *Outcome) revoke(ctx context.Context, tx *sqlx.Tx, r Revocation, e Ending, tidyAt time.Time) error {
	r.Ending, r.Reason, r.Note, r.By, r.Client = e.ID, e.Reason, e.Note, e.By, e.Client
	r.At, r.Until = e.Now.Truncate(time.Millisecond), e.Until.Truncate(time.Millisecond)
	if err := insertRevocation(ctx, tx, &r, tidyAt); err != nil {
		return err
	}
	out.Revocations = append(out.Revocations, r)
	return nil
}

func recordSignOut(ctx context.Context, tx *sqlx.Tx, e Ending, userID string) error {
	return events.Record(ctx, tx, events.New(events.SignOut, userID, map[string]any{"client_id": e.Client, "scope": e.Scope}))
}
