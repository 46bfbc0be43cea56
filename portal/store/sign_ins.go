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
	"gatehouse.example/events"
)

// SignIn is one sign-in on one browser. SID is the `sid` of every token; CreatedAt is when the password was last
// entered, the `auth_time`. EndedAt is zero while it is active.
type SignIn struct {
	SID        string    `db:"sid"`
	UserID     string    `db:"user_id"`
	CreatedAt  time.Time `db:"created_at"`
	LastSeenAt time.Time `db:"last_seen_at"`
	UserAgent  string    `db:"user_agent"`
	IP         string    `db:"ip"`
	Replica    string    `db:"replica"` // of the portal, where the user signed in
	SessionKey string    `db:"-"`       // of the portal's session in Redis (package session); stored, but not read into SignIn
	EndedAt    time.Time `db:"ended_at"`
	EndReason  string    `db:"end_reason"`
	Clients    []string  `db:"-"` // client_ids of the apps it opened, in the order it opened them
}

const signInColumns = `sid, user_id, created_at, last_seen_at, user_agent, ip, replica, ended_at, end_reason`

// SignIn stores a sign-in and the event sign_in in one transaction. It returns ErrStale unless passwordHash, which
// has just been verified, is still the user's and the user is enabled. So a sign-in concurrent with a change of
// password either happens before it, and is ended by it, or does not happen. It returns ErrSuperseded if all
// sign-ins of the user were denied since in.CreatedAt: the denylist would deny this one.
func (s *Store) SignIn(ctx context.Context, in SignIn, passwordHash string) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		u, err := s.lockVerified(ctx, tx, in.UserID, passwordHash, in.CreatedAt)
		if err != nil {
			return err
		}
		if u.Denied(in.SID, in.CreatedAt) {
			return ErrSuperseded
		}
		return insertSignIn(ctx, tx, in)
	})
}

func insertSignIn(ctx context.Context, tx *sqlx.Tx, in SignIn) error {
	if err := db.Exec(ctx, tx, "insert a sign-in", `INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, user_agent, ip, replica, session_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, in.SID, in.UserID, db.Millis(in.CreatedAt), db.Millis(in.LastSeenAt), in.UserAgent, in.IP, in.Replica, in.SessionKey); err != nil {
		return err
	}
	return events.Record(ctx, tx, events.New(events.SignIn, in.UserID, map[string]any{"client_id": "portal", "method": "password"}))
}

// Reauthenticate sets the auth_time of an active sign-in to now, under the same conditions as SignIn. It also
// returns ErrStale if the sign-in is another user's or has ended. The time when it began does not change.
func (s *Store) Reauthenticate(ctx context.Context, userID, sid, passwordHash string, now time.Time) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		u, err := s.lockVerified(ctx, tx, userID, passwordHash, now)
		if err != nil {
			return err
		}
		return update(ctx, tx, "reauthenticate", ErrStale, `UPDATE sign_ins SET began_at = COALESCE(began_at, created_at), created_at = ?, last_seen_at = ?
			WHERE sid = ? AND user_id = ? AND ended_at IS NULL AND (created_at >= ? OR sid = ?)`,
			db.Millis(now), db.Millis(now), sid, userID, db.Millis(u.DeniedBefore), u.DeniedExcept)
	})
}

// notDenied is the condition that sign-in s of user u was not denied with all others (User.Denied).
const notDenied = `(u.denied_before IS NULL OR s.created_at >= u.denied_before OR s.sid = u.denied_except)`

// activeSignIn selects sign-in s with its user u if it is active.
const activeSignIn = ` FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.sid = ? AND s.ended_at IS NULL AND ` + notDenied

// lockSignIn locks the sign-in so that it can't end until tx commits. It returns ErrNotFound if it has ended.
func (s *Store) lockSignIn(ctx context.Context, tx *sqlx.Tx, sid string) error {
	return requireRow(ctx, tx, "lock the sign-in", ErrNotFound, `SELECT 1`+activeSignIn+s.onPostgres(` FOR SHARE OF s`), sid)
}

// UserAndSignIn returns a sign-in and its user in one query, without its Clients. It returns ErrNotFound if there is
// no such sign-in. The caller has to check whether it has ended or the user is disabled.
func (s *Store) UserAndSignIn(ctx context.Context, sid string) (User, SignIn, error) {
	row, err := db.One[struct {
		SignIn SignIn `db:"s"`
		User   User   `db:"u"`
	}](ctx, s.db, "user and sign-in", `SELECT `+aliased("s", signInColumns)+`, `+aliased("u", userColumns)+`
		FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.sid = ?`, sid)
	if err != nil {
		return User{}, SignIn{}, err
	}
	u, in := row.User, row.SignIn
	if s.Locked(u.ID) {
		return User{}, SignIn{}, ErrNotFound
	}
	if in.EndedAt.IsZero() && u.Denied(in.SID, in.CreatedAt) {
		in.EndedAt = u.DeniedBefore
	}
	return u, in, nil
}

// lastSeenInterval is the precision of "last seen", which avoids a write for each request.
const lastSeenInterval = time.Minute

// TouchSignIn records that a sign-in was seen, with the precision of a minute: within it, it writes nothing.
func (s *Store) TouchSignIn(ctx context.Context, sid string, now time.Time) error {
	return db.Exec(ctx, s.db, "touch a sign-in", `UPDATE sign_ins SET last_seen_at = ? WHERE sid = ? AND last_seen_at <= ? AND ended_at IS NULL`,
		db.Millis(now), sid, db.Millis(now.Add(-lastSeenInterval)))
}

// Session is the data of the portal session of an active sign-in, to restore it after Redis lost it.
type Session struct {
	User   User
	SignIn SignIn
	Began  time.Time // when the sign-in began; SignIn.CreatedAt is the time of the last authentication
	Seen   time.Time // when it was last used
}

// SetSessionKey stores the key in Redis of an active sign-in's session; the previous key becomes invalid. It returns
// ErrNotFound if the sign-in has ended.
func (s *Store) SetSessionKey(ctx context.Context, sid, key string, now time.Time) error {
	return update(ctx, s.db, "session key", ErrNotFound, `UPDATE sign_ins SET session_key = ?, session_seen_at = ? WHERE sid = ? AND ended_at IS NULL`,
		key, db.Millis(now), sid)
}

// TouchSession records that the session with that key was used.
func (s *Store) TouchSession(ctx context.Context, key string, now time.Time) error {
	return db.Exec(ctx, s.db, "touch a session", `UPDATE sign_ins SET session_seen_at = ? WHERE session_key = ? AND session_key <> '' AND ended_at IS NULL`,
		db.Millis(now), key)
}

// Session returns the active sign-in whose session has that key, with its user. It returns ErrNotFound if there is
// none or it has ended.
func (s *Store) Session(ctx context.Context, key string) (Session, error) {
	row, err := db.One[struct {
		SID   string    `db:"sid"`
		Began time.Time `db:"began"`
		Seen  time.Time `db:"seen"`
	}](ctx, s.db, "session", `SELECT sid, COALESCE(began_at, created_at) AS began, COALESCE(session_seen_at, created_at) AS seen FROM sign_ins
		WHERE session_key = ? AND session_key <> '' AND ended_at IS NULL`, key)
	if err != nil {
		return Session{}, err
	}
	u, in, err := s.UserAndSignIn(ctx, row.SID)
	if err == nil && !in.EndedAt.IsZero() {
		err = ErrNotFound
	}
	if err != nil {
		return Session{}, err
	}
	return Session{User: u, SignIn: in, Began: row.Began, Seen: row.Seen}, nil
}

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

// PurgeSignIns deletes the sign-ins that ended before t, or were not seen since, with the apps that they opened.
func (s *Store) PurgeSignIns(ctx context.Context, t time.Time) error {
	for {
		var sids []string
		err := s.db.Tx(ctx, func(tx *sqlx.Tx) (err error) {
			sids, err = db.All[string](ctx, tx, "purge sign-ins", `SELECT sid FROM sign_ins WHERE ended_at < ?
				UNION ALL SELECT sid FROM sign_ins WHERE ended_at IS NULL AND last_seen_at < ? LIMIT ?`, db.Millis(t), db.Millis(t), purgeBatch)
			if err != nil || len(sids) == 0 {
				return err
			}
			if err := db.Exec(ctx, tx, "purge sign-ins", `DELETE FROM sign_in_clients WHERE sid IN (?)`, sids); err != nil {
				return err
			}
			return db.Exec(ctx, tx, "purge sign-ins", `DELETE FROM sign_ins WHERE sid IN (?)`, sids)
		})
		if err != nil || len(sids) < purgeBatch {
			return err
		}
	}
}
