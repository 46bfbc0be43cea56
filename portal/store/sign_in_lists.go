package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// MaxSignInsListed is the maximum number of a user's active sign-ins that are listed and counted, the last seen
// first.
const MaxSignInsListed = 1000

// SignInsOf returns a page of a user's active sign-ins that were seen since that time, and their number, counted up
// to MaxSignInsListed. The one with the sid first comes first, the others in the order last seen.
func (s *Store) SignInsOf(ctx context.Context, userID, first string, since time.Time, limit, offset int) (page []SignIn, total int, err error) {
	active := activeOfUser(s.db.Dialect)
	total, err = s.countUpTo(ctx, MaxSignInsListed, `SELECT 1`+active, userID, db.Millis(since))
	if err != nil {
		return nil, 0, err
	}
	if limit = min(limit, MaxSignInsListed-offset); offset >= total {
		return nil, total, nil
	}
	page, err = db.All[SignIn](ctx, s.db, "list sign-ins", `SELECT `+signInColumns+` FROM sign_ins
		WHERE sid = ? AND user_id = ? AND ended_at IS NULL AND last_seen_at >= ?`, first, userID, db.Millis(since))
	if err != nil {
		return nil, 0, err
	}
	if n := len(page); offset > 0 {
		page, offset = nil, offset-n
	} else {
		limit -= n
	}
	others, err := db.All[SignIn](ctx, s.db, "list sign-ins", `SELECT `+signInColumns+active+othersByLastSeen,
		userID, db.Millis(since), first, limit, offset)
	if err != nil {
		return nil, 0, err
	}
	page = append(page, others...)
	clients, err := s.clientSignIns(ctx, page)
	for i, in := range page {
		page[i].Clients = clientIDs(clients[in.SID])
	}
	return page, total, err
}

// activeOfUser returns the FROM and WHERE of a user's active sign-ins that were seen since a time, with an index in
// the order of othersByLastSeen.
func activeOfUser(dialect db.Dialect) string {
	return ` FROM ` + indexed(dialect, `sign_ins`, `sign_ins_living_of_user`) + ` WHERE user_id = ? AND ended_at IS NULL AND last_seen_at >= ?`
}

const othersByLastSeen = ` AND sid <> ? ORDER BY last_seen_at DESC, sid DESC LIMIT ? OFFSET ?`

// SurplusSignIns returns the sids of up to limit active sign-ins of a user, except the max that were used last.
func (s *Store) SurplusSignIns(ctx context.Context, userID string, max, limit int) ([]string, error) {
	return db.All[string](ctx, s.db, "surplus sign-ins", `SELECT sid FROM sign_ins WHERE user_id = ? AND ended_at IS NULL
		ORDER BY last_seen_at DESC, sid DESC LIMIT ? OFFSET ?`, userID, limit, max)
}

// ActiveSignInQuery selects active sign-ins. After is the last of the previous page (the list is in descending
// order), Before the first of the next page; at most one of them is set.
type ActiveSignInQuery struct {
	Client        string    // those that opened this app; "" for all
	Replica       string    // where it opened the app; without Client: where it signed in at the portal
	Unnamed       bool      // instead of Replica: at a replica without a name
	Since         time.Time // seen (with Client: used by the app) since then
	After, Before Cursor
	Limit         int
}

// ActiveSignIn is an active sign-in with its user and the apps that it opened. At orders the list: when the sign-in
// was last seen or, in the list of one app, when the app last used it.
type ActiveSignIn struct {
	SignIn        `db:"s"`
	Name          string         `db:"name"`
	Email         string         `db:"email"`
	ClientSignIns []ClientSignIn `db:"-"`
	At            time.Time      `db:"at"`
}

// ActiveSignIns returns a page of the active sign-ins, the last seen first, and whether there are more in the
// requested direction.
func (s *Store) ActiveSignIns(ctx context.Context, q ActiveSignInQuery) (page []ActiveSignIn, more bool, err error) {
	query, args := q.statement()
	rows, err := db.All[ActiveSignIn](ctx, s.db, "active sign-ins", query, args...)
	if err != nil {
		return nil, false, err
	}
	page, more = trimPage(rows, q.Limit, q.Before != (Cursor{}))
	all := make([]SignIn, len(page))
	for i, in := range page {
		all[i] = in.SignIn
	}
	clients, err := s.clientSignIns(ctx, all)
	for i, in := range page {
		page[i].ClientSignIns, page[i].Clients = clients[in.SID], clientIDs(clients[in.SID])
	}
	return page, more, err
}

// statement returns a query for one row more than the page. Each of its forms uses one index from the page's start.
func (q ActiveSignInQuery) statement() (string, []any) {
	at, sid, from := "s.last_seen_at", "s.sid", `sign_ins s`
	where, args := "s.ended_at IS NULL", []any{}
	replica := "s.replica"
	if q.Client != "" {
		at, sid, from = "c.last_at", "c.sid", `sign_in_clients c JOIN sign_ins s ON s.sid = c.sid`
		where, args = "c.ended_at IS NULL AND c.client_id = ?", []any{q.Client}
		replica = "c.replica"
	}
	if q.Replica != "" || q.Unnamed {
		where, args = where+` AND `+replica+` = ?`, append(args, q.Replica)
	}
	condition, order, position := keyset(q.After, q.Before, at, sid)
	args = append(append(args, db.Millis(q.Since)), position...)
	return `SELECT ` + aliased("s", signInColumns) + `, u.name, u.email, ` + at + ` AS at FROM ` + from + ` JOIN users u ON u.id = s.user_id
		WHERE ` + where + ` AND ` + at + ` >= ?` + condition + order + ` LIMIT ?`, append(args, q.Limit+1)
}

// EndedSignIns returns a user's ended sign-ins, the last ended first.
func (s *Store) EndedSignIns(ctx context.Context, userID string, limit int) ([]SignIn, error) {
	return s.endedSignIns(ctx, endedOfUser(s.db.Dialect), userID, limit)
}

func endedOfUser(dialect db.Dialect) string {
	return `SELECT ` + signInColumns + ` FROM ` + indexed(dialect, `sign_ins`, `sign_ins_of_user`) + `
		WHERE user_id = ? AND ended_at IS NOT NULL ORDER BY ended_at DESC, sid DESC LIMIT ?`
}

func (s *Store) endedSignIns(ctx context.Context, query string, args ...any) (all []SignIn, err error) {
	err = s.alongIndexes(ctx, func(on sqlx.ExtContext) error {
		all, err = db.All[SignIn](ctx, on, "ended sign-ins", query, args...)
		return err
	})
	return all, err
}

// UnacknowledgedSignIns returns a user's sign-ins that ended for one of these reasons since that time, and that the
// user has not acknowledged, the newest first.
func (s *Store) UnacknowledgedSignIns(ctx context.Context, userID string, reasons []string, since time.Time, limit int) ([]SignIn, error) {
	query, args := unacknowledged(s.db.Dialect, userID, reasons, since, limit)
	all, err := s.endedSignIns(ctx, query, args...)
	slices.SortFunc(all, func(a, b SignIn) int { return cmp.Or(b.EndedAt.Compare(a.EndedAt), cmp.Compare(b.SID, a.SID)) })
	return all[:min(len(all), limit)], err
}

// unacknowledged returns a query for the last ones of each reason; each part scans an index from its end.
func unacknowledged(dialect db.Dialect, userID string, reasons []string, since time.Time, limit int) (string, []any) {
	var parts []string
	var args []any
	for i, reason := range reasons {
		parts = append(parts, `SELECT * FROM (SELECT `+signInColumns+` FROM `+indexed(dialect, `sign_ins`, `sign_ins_of_user_by_reason`)+`
			WHERE user_id = ? AND end_reason = ? AND ended_at >= (SELECT CASE WHEN told_at >= CAST(? AS BIGINT) THEN told_at + 1 ELSE CAST(? AS BIGINT) END
			FROM users WHERE id = ?) ORDER BY ended_at DESC, sid DESC LIMIT ?) AS part`+strconv.Itoa(i))
		args = append(args, userID, reason, db.Millis(since), db.Millis(since), userID, limit)
	}
	return strings.Join(parts, ` UNION ALL `), args
}

// HasAcknowledged reports whether the user has acknowledged ended sign-ins since that time.
func (s *Store) HasAcknowledged(ctx context.Context, userID string, since time.Time) (bool, error) {
	return db.One[bool](ctx, s.db, "acknowledgement", `SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND told_at >= ?)`, userID, db.Millis(since))
}

// Acknowledge records that the user has acknowledged all sign-ins that have ended by now.
func (s *Store) Acknowledge(ctx context.Context, userID string, now time.Time) error {
	return db.Exec(ctx, s.db, "acknowledge", `UPDATE users SET told_at = ? WHERE id = ? AND told_at < ?`, db.Millis(now), userID, db.Millis(now))
}
