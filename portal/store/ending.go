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

// EndRequest says what to end: exactly one of SID, UserID and Token is set.
type EndRequest struct {
	ID      string // groups everything that this revocation writes
	SID     string // this sign-in, or
	UserID  string // all of this user
	Except  string // except this one; or
	Token   string // an access token (its jti), or a grant (the family of its tokens)
	Reason  string
	Note    string // by an administrator
	By      string // sub of the user who requested it; "" for the system
	Client  string // client_id in the event: where it was requested
	Scope   string // scope in the event: session or everywhere
	Now     time.Time
	Until   time.Time // when the denylist entry expires
	RetryFrom time.Time // when other replicas may continue: deliver the logout notices, end the denied sign-ins
	With    []Change  // applied first, in the same transaction
}

// Outcome is the result of an ending, or of a batch of one.
type Outcome struct {
	ID          string       // of the ending; an earlier one's if there was nothing to end
	UserID      string       // the user whose sign-ins ended; "" if none did
	Ended       []string     // the sids of the sign-ins that ended
	Notices     []Notice     // put into the back-channel outbox, for the clients that they opened
	Revocations []Revocation // for the denylist; stored, but not published unless PublishedAt is set
}

// EndSignIns applies e's changes and ends e's target in one transaction, which also stores the revocations for the
// denylist and the event sign_out. Ending nothing is no error: for a sign-in or a token that ended before, the
// outcome has the earlier revocations.
//
// One sign-in ends in this transaction, with its refresh tokens and a logout notice for each client that it opened.
// A user is denied by one revocation and one mark on the account, however many sign-ins there are; EndDeniedSignIns ends
// those afterwards.
func (s *Store) EndSignIns(ctx context.Context, e EndRequest) (Outcome, error) {
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

func (out *Outcome) endSignIn(ctx context.Context, tx *sqlx.Tx, e EndRequest) error {
	if err := out.endSet(ctx, tx, ending{e.ID, e.Reason, e.Now, e.RetryFrom}, `sid = ?`, e.SID); err != nil {
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

// denyPerson denies all sign-ins of a user that have begun by now, except e.Except. The number of statements does
// not depend on the number of sign-ins.
func (out *Outcome) denyPerson(ctx context.Context, s *Store, tx *sqlx.Tx, e EndRequest) error {
	// A concurrent sign-in waits for this lock, or has been stored already.
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
		return nil // the excepted sign-in is the only one
	}
	before := deniedBefore(u, e, db.Time(living.Seen))
	if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE users SET denied_before = ?, denied_except = ? WHERE id = ?`),
		db.Millis(before), e.Except, u.ID); err != nil {
		return err
	}
	tidyAt := e.RetryFrom
	if !living.Some && u.DeletedAt.IsZero() {
		tidyAt = time.Time{}
	}
	if err := out.revoke(ctx, tx, Revocation{Kind: "sub", Value: u.ID, Before: before, Except: e.Except}, e, tidyAt); err != nil || !living.Some {
		return err
	}
	return recordSignOut(ctx, tx, e, u.ID)
}

// deniedBefore returns the time before which all sign-ins of u are denied: the end of this second, since auth_time
// has whole seconds, and of the second in which one was last seen by a replica whose clock is ahead. A later sign-in
// begins at that time at the earliest. A denial that excepts another sign-in than the previous one did ends a second
// later, so that the previous exception does not apply to it.
func deniedBefore(u User, e EndRequest, seen time.Time) time.Time {
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

// endToken revokes an access token, or a whole grant with its refresh tokens: a token's id has its grant's id before
// a dot.
func (out *Outcome) endToken(ctx context.Context, s *Store, tx *sqlx.Tx, e EndRequest) error {
	if !strings.Contains(e.Token, ".") {
		if s.db.Dialect == db.Postgres { // wait for a concurrent rotation, so that the update sees its successor
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

// findEarlier finds an earlier revocation of the same target that has not expired, and for an access token lasts at
// least as long. The tokens of a grant were all issued before it was revoked, so its first revocation outlasts them.
func (out *Outcome) findEarlier(ctx context.Context, tx *sqlx.Tx, e EndRequest, kind, value string) error {
	until := e.Now
	if strings.Contains(e.Token, ".") {
		until = e.Until
	}
	rows, err := revocations(ctx, tx, `WHERE kind = ? AND value = ? AND until_at >= ? ORDER BY seq DESC LIMIT 1`, kind, value, db.Millis(until))
	if err == nil && len(rows) > 0 {
		out.ID, out.Revocations = rows[0].ReceiptID, rows
	}
	return err
}

// revoke stores r with the metadata of e.
func (out *Outcome) revoke(ctx context.Context, tx *sqlx.Tx, r Revocation, e EndRequest, tidyAt time.Time) error {
	r.ReceiptID, r.Reason, r.Note, r.By, r.Client = e.ID, e.Reason, e.Note, e.By, e.Client
	r.At, r.Until = e.Now.Truncate(time.Millisecond), e.Until.Truncate(time.Millisecond)
	if err := insertRevocation(ctx, tx, &r, tidyAt); err != nil {
		return err
	}
	out.Revocations = append(out.Revocations, r)
	return nil
}

func recordSignOut(ctx context.Context, tx *sqlx.Tx, e EndRequest, userID string) error {
	return events.Record(ctx, tx, events.New(events.SignOut, userID, map[string]any{"client_id": e.Client, "scope": e.Scope}))
}
