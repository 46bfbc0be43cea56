package store

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// EndRequest says what to end: exactly one of SID, UserID and Token is set.
type EndRequest struct {
	ID        string // of the receipt: groups everything that this revocation writes
	SID       string // this sign-in, or
	UserID    string // all of this user
	Except    string // except this one; or
	Token     string // an access token (its jti), or a grant (the family of its tokens)
	Reason    string
	Note      string // by an administrator
	By        string // sub of the user who requested it; "" for the system
	Client    string // client_id in the event: where it was requested
	Scope     string // scope in the event: session or everywhere
	Now       time.Time
	Until     time.Time // when the denylist entry expires
	RetryFrom time.Time // when other replicas may continue: deliver the logout notices, end the denied sign-ins
	With      []Change  // applied first, in the same transaction
}

// Outcome is the result of an EndRequest, or of a batch of one.
type Outcome struct {
	ID          string       // of the receipt; an earlier one's if there was nothing to end
	UserID      string       // the user whose sign-ins ended; "" if none did
	Ended       []string     // the sids of the sign-ins that ended
	Notices     []Notice     // put into the back-channel outbox, for the clients that they opened
	Revocations []Revocation // for the denylist; stored, but not published unless PublishedAt is set
}

// reasonDeleted is the reason of a denial after which no personal data is kept.
const reasonDeleted = "account_deleted"

// EndSignIns applies e's changes and ends e's target in one transaction, which also stores the revocations for the
// denylist and the event sign_out. Ending nothing is no error: for a sign-in or a token that ended before, the
// outcome has the earlier revocations.
//
// One sign-in ends in this transaction, with its refresh tokens and a logout notice for each client that it opened.
// A user is denied by one revocation and one mark on the account, however many sign-ins there are; EndDeniedSignIns
// ends those afterwards.
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
			return out.denyUser(ctx, s, tx, e)
		}
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

func (out *Outcome) endSignIn(ctx context.Context, tx *sqlx.Tx, e EndRequest) error {
	if err := out.endActive(ctx, tx, e, `sid = ?`, e.SID); err != nil {
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

// denyUser denies all sign-ins of a user that have begun by now, except e.Except. The number of statements does
// not depend on the number of sign-ins.
func (out *Outcome) denyUser(ctx context.Context, s *Store, tx *sqlx.Tx, e EndRequest) error {
	// A concurrent sign-in waits for this lock, or has been stored already.
	u, err := s.lockUser(ctx, tx, e.UserID)
	if err != nil {
		return unlessMissing(err)
	}
	active, err := db.One[struct {
		Any      bool      `db:"any_active"` // besides e.Except
		LastSeen time.Time `db:"last_seen"`
		Except   bool      `db:"excepted"`
	}](ctx, tx, "active sign-ins", `SELECT
		EXISTS (SELECT 1 FROM sign_ins WHERE user_id = ? AND ended_at IS NULL AND sid <> ?) AS any_active,
		COALESCE((SELECT last_seen_at FROM sign_ins WHERE user_id = ? AND ended_at IS NULL ORDER BY last_seen_at DESC LIMIT 1), 0) AS last_seen,
		EXISTS (SELECT 1`+activeSignIn+` AND s.user_id = ?) AS excepted`,
		u.ID, e.Except, u.ID, e.Except, u.ID)
	if err != nil {
		return err
	}
	switch {
	case !active.Except:
		e.Except = ""
	case !active.Any:
		return nil // the excepted sign-in is the only one
	}
	before := deniedBefore(u, e, active.LastSeen)
	if err := db.Exec(ctx, tx, "deny a user", `UPDATE users SET denied_before = ?, denied_except = ? WHERE id = ?`,
		db.Millis(before), e.Except, u.ID); err != nil {
		return err
	}
	continueAt := e.RetryFrom
	if !active.Any && u.DeletedAt.IsZero() {
		continueAt = time.Time{}
	}
	if err := out.revoke(ctx, tx, Revocation{Kind: "sub", Value: u.ID, Before: before, Except: e.Except}, e, continueAt); err != nil || !active.Any {
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
			if err := db.Exec(ctx, tx, "lock a grant", `SELECT 1 FROM sign_ins WHERE sid IN (SELECT sid FROM refresh_tokens WHERE family = ?) FOR UPDATE`, e.Token); err != nil {
				return err
			}
		}
		if err := db.Exec(ctx, tx, "revoke a grant", `UPDATE refresh_tokens SET revoked_at = ? WHERE family = ? AND revoked_at IS NULL`,
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
	rows, err := selectRevocations(ctx, tx, `WHERE kind = ? AND value = ? AND until_at >= ? ORDER BY seq DESC LIMIT 1`, kind, value, db.Millis(until))
	if err == nil && len(rows) > 0 {
		out.ID, out.Revocations = rows[0].ReceiptID, rows
	}
	return err
}

// revoke stores r with the metadata of e. continueAt, for a denial of a user, is when a replica may continue to end
// the denied sign-ins; zero: there are none.
func (out *Outcome) revoke(ctx context.Context, tx *sqlx.Tx, r Revocation, e EndRequest, continueAt time.Time) error {
	r.ReceiptID, r.Reason, r.Note, r.By, r.Client = e.ID, e.Reason, e.Note, e.By, e.Client
	r.At, r.Until = e.Now.Truncate(time.Millisecond), e.Until.Truncate(time.Millisecond)
	var err error
	r.Seq, err = db.One[int64](ctx, tx, "insert a revocation", `INSERT INTO revocations
		(ending, kind, value, before_at, except_sid, reason, note, by_user, client_id, at, until_at, tidy_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
		r.ReceiptID, r.Kind, r.Value, millisOf(r.Before), r.Except, r.Reason, r.Note, r.By, r.Client, db.Millis(r.At), db.Millis(r.Until),
		millisOf(continueAt))
	out.Revocations = append(out.Revocations, r)
	return err
}

func recordSignOut(ctx context.Context, tx *sqlx.Tx, e EndRequest, userID string) error {
	return events.Record(ctx, tx, events.New(events.SignOut, userID, map[string]any{"client_id": e.Client, "scope": e.Scope}))
}

// ClaimDenial returns a denial of a user whose sign-ins have not all been ended, and reserves it until claimedUntil.
// It returns ErrNotFound if there is none that is not reserved.
func (s *Store) ClaimDenial(ctx context.Context, now, claimedUntil time.Time) (Revocation, error) {
	return db.One[Revocation](ctx, s.db, "claim a denial", `UPDATE revocations SET tidy_at = ? WHERE tidy_at <= ? AND seq IN
		(SELECT seq FROM revocations WHERE tidy_at <= ? ORDER BY tidy_at LIMIT 1`+s.onPostgres(` FOR UPDATE SKIP LOCKED`)+`) RETURNING `+revocationColumns,
		db.Millis(claimedUntil), db.Millis(now), db.Millis(now))
}

// EndDeniedSignIns ends up to limit of the sign-ins that denial r denies, in one transaction, and reserves r until
// claimedUntil. The Sender may deliver the logout notices from deliverAt on. more reports whether sign-ins may remain;
// if not, r is complete.
func (s *Store) EndDeniedSignIns(ctx context.Context, r Revocation, limit int, now, deliverAt, claimedUntil time.Time) (out Outcome, more bool, err error) {
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		out = Outcome{ID: r.ReceiptID}
		e := EndRequest{ID: r.ReceiptID, Reason: r.Reason, Now: now, RetryFrom: deliverAt}
		if err := out.endActive(ctx, tx, e, `sid IN (SELECT sid FROM sign_ins WHERE user_id = ? AND ended_at IS NULL AND created_at < ? AND sid <> ? LIMIT ?)`,
			r.Value, db.Millis(r.Before), r.Except, limit); err != nil {
			return err
		}
		more = len(out.Ended) == limit
		if !more && r.Reason == reasonDeleted {
			erased, err := db.Change(ctx, tx, "erase ended sign-ins", `UPDATE sign_ins SET user_agent = '', ip = '', session_key = '' WHERE sid IN
				(SELECT sid FROM sign_ins WHERE user_id = ? AND ended_at IS NOT NULL AND (user_agent <> '' OR ip <> '' OR session_key <> '') LIMIT ?)`, r.Value, limit)
			if err != nil {
				return err
			}
			more = erased == limit
		}
		next := claimedUntil
		if !more {
			next = time.Time{}
		}
		return db.Exec(ctx, tx, "end denied sign-ins", `UPDATE revocations SET tidy_at = ? WHERE seq = ?`, millisOf(next), r.Seq)
	})
	if err != nil {
		return Outcome{}, false, err
	}
	return out, more, nil
}

// endActive ends the active sign-ins of one user that match the condition: it marks them, revokes their refresh
// tokens, and adds a logout notice for each client that they opened to the outbox.
func (out *Outcome) endActive(ctx context.Context, tx *sqlx.Tx, e EndRequest, condition string, args ...any) error {
	erase := ``
	if e.Reason == reasonDeleted {
		erase = `, user_agent = '', ip = '', session_key = ''`
	}
	rows, err := db.All[struct {
		SID    string `db:"sid"`
		UserID string `db:"user_id"`
	}](ctx, tx, "end sign-ins", `UPDATE sign_ins SET ended_at = ?, end_reason = ?`+erase+`
		WHERE `+condition+` AND ended_at IS NULL RETURNING sid, user_id`, append([]any{db.Millis(e.Now), e.Reason}, args...)...)
	if err != nil || len(rows) == 0 {
		return err
	}
	out.UserID = rows[0].UserID
	for _, r := range rows {
		out.Ended = append(out.Ended, r.SID)
	}
	if err := db.Exec(ctx, tx, "revoke refresh tokens", `UPDATE refresh_tokens SET revoked_at = ? WHERE sid IN (?) AND revoked_at IS NULL`, db.Millis(e.Now), out.Ended); err != nil {
		return err
	}
	return out.notifyClients(ctx, tx, e)
}

// maxNoticesInserted is the number of notices that one statement stores: SQLite allows 32,766 values.
const maxNoticesInserted = 1000

// notifyClients adds a logout notice for each client that the ended sign-ins opened to the outbox.
func (out *Outcome) notifyClients(ctx context.Context, tx *sqlx.Tx, e EndRequest) error {
	notices, err := db.All[Notice](ctx, tx, "clients to notify", `SELECT o.sid, o.client_id, c.backchannel_logout_uri AS uri FROM sign_in_clients o
		JOIN clients c ON c.id = o.client_id WHERE o.sid IN (?) AND c.backchannel_logout_uri <> '' ORDER BY o.client_id, o.sid`, out.Ended)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(notices, maxNoticesInserted) {
		var values []any
		for i := range some {
			n := &some[i]
			n.ID, n.UserID, n.ReceiptID, n.CreatedAt = rand.Text(), out.UserID, e.ID, e.Now
			values = append(values, n.ID, n.ClientID, n.SID, n.UserID, db.Millis(e.Now), db.Millis(e.RetryFrom), e.ID)
		}
		if err := db.Exec(ctx, tx, "add notices", `INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, ending)
			VALUES `+placeholders(`(?, ?, ?, ?, ?, ?, ?)`, len(some)), values...); err != nil {
			return err
		}
	}
	out.Notices = append(out.Notices, notices...)
	return nil
}
