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

// Ending says what to end: exactly one of SID, UserID and Token is set.
type Ending struct {
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
	Retried time.Time // when other replicas may continue: deliver the logout notices, end the denied sign-ins
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
// A user is denied by one revocation and one mark on the account, however many sign-ins there are; EndDenied ends
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

// denyPerson denies all sign-ins of a user that have begun by now, except e.Except. The number of statements does
// not depend on the number of sign-ins.
func (out *Outcome) denyPerson(ctx context.Context, s *Store, tx *sqlx.Tx, e Ending) error {
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
	tidyAt := e.Retried
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

// endToken revokes an access token, or a whole grant with its refresh tokens: a token's id has its grant's id before
// a dot.
func (out *Outcome) endToken(ctx context.Context, s *Store, tx *sqlx.Tx, e Ending) error {
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
func (out *Outcome) findEarlier(ctx context.Context, tx *sqlx.Tx, e Ending, kind, value string) error {
	until := e.Now
	if strings.Contains(e.Token, ".") {
		until = e.Until
	}
	rows, err := revocations(ctx, tx, `WHERE kind = ? AND value = ? AND until_at >= ? ORDER BY seq DESC LIMIT 1`, kind, value, db.Millis(until))
	if err == nil && len(rows) > 0 {
		out.ID, out.Revocations = rows[0].Ending, rows
	}
	return err
}

// revoke stores r with the metadata of e.
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

// EndDenied ends up to limit of the sign-ins that denial r denies, in one transaction, and reserves r until lease.
// The Sender may deliver the logout notices from deliverAt on. more reports whether sign-ins may remain; if not, r
// is complete.
func (s *Store) EndDenied(ctx context.Context, r Revocation, limit int, now, deliverAt, lease time.Time) (out Outcome, more bool, err error) {
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		out = Outcome{ID: r.Ending}
		e := ending{id: r.Ending, reason: r.Reason, now: now, retried: deliverAt}
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
			n := Notice{ID: rand.Text(), ClientID: o.ClientID, URI: o.URI, SID: o.SID, UserID: out.UserID, Ending: e.id, CreatedAt: e.now}
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

// ErrEnded means that the target has ended already, and that nothing was changed.
var ErrEnded = errors.New("store: that has ended already")

// IfSignedIn returns a change that fails with ErrEnded unless the user has an active sign-in other than except. So
// of two administrators who end the same sign-ins concurrently, one succeeds.
func IfSignedIn(userID, except string) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		if _, err := s.lockUser(ctx, tx, userID); err != nil {
			return err
		}
		return lives(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM sign_ins s JOIN users u ON u.id = s.user_id
			WHERE s.user_id = ? AND s.sid <> ? AND s.ended_at IS NULL AND `+notDenied+` LIMIT 1) AS living`, userID, except)
	}}
}

// IfSignInLives returns a change that fails with ErrEnded unless userID has the active sign-in sid.
func IfSignInLives(userID, sid string) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		query := `SELECT s.sid FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.sid = ? AND s.user_id = ? AND s.ended_at IS NULL AND ` + notDenied
		if s.db.Dialect == db.Postgres {
			query += ` FOR UPDATE OF s`
		}
		return lives(ctx, tx, `SELECT COUNT(*) FROM (`+query+`) AS living`, sid, userID)
	}}
}

func lives(ctx context.Context, tx *sqlx.Tx, count string, args ...any) error {
	var n int
	if err := tx.GetContext(ctx, &n, tx.Rebind(count), args...); err != nil {
		return fmt.Errorf("store: whether it lives: %w", err)
	}
	if n == 0 {
		return ErrEnded
	}
	return nil
}
