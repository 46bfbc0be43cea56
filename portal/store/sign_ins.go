package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/events"
)

// SignIn is one sign-in on one browser. SID is the `sid` of every token; CreatedAt is when the password was last
// entered, the `auth_time`. EndedAt is zero while it is active.
type SignIn struct {
	SID        string
	UserID     string
	CreatedAt  time.Time
	LastSeenAt time.Time
	UserAgent  string
	IP         string
	Replica    string // of the portal, where the user signed in
	SessionKey string // of the portal's session in Redis (package session); stored, but not read into SignIn
	EndedAt    time.Time
	EndReason  string
	Clients    []string // client_ids of the apps it opened, in the order it opened them
}

type signInRow struct {
	SID        string `db:"sid"`
	UserID     string `db:"user_id"`
	CreatedAt  int64  `db:"created_at"`
	LastSeenAt int64  `db:"last_seen_at"`
	UserAgent  string `db:"user_agent"`
	IP         string `db:"ip"`
	Replica    string `db:"replica"`
	EndedAt    *int64 `db:"ended_at"`
	EndReason  string `db:"end_reason"`
}

const signInColumns = `sid, user_id, created_at, last_seen_at, user_agent, ip, replica, ended_at, end_reason`

func (r signInRow) signIn() SignIn {
	return SignIn{
		SID: r.SID, UserID: r.UserID, CreatedAt: db.Time(r.CreatedAt), LastSeenAt: db.Time(r.LastSeenAt),
		UserAgent: r.UserAgent, IP: r.IP, Replica: r.Replica, EndedAt: timeOf(r.EndedAt), EndReason: r.EndReason,
	}
}

// SignIn stores a sign-in and the event sign_in in one transaction. It returns ErrStale unless passwordHash, which
// has just been verified, is still the user's and the user is enabled. So a sign-in concurrent with a change of
// password either happens before it, and is ended by it, or does not happen. It returns ErrSuperseded if all
// sign-ins of the user were denied since in.CreatedAt: the denylist would deny this one.
func (s *Store) SignIn(ctx context.Context, in SignIn, passwordHash string) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		u, err := s.holdUser(ctx, tx, in.UserID, passwordHash, in.CreatedAt)
		if err != nil {
			return err
		}
		if u.Denied(in.SID, in.CreatedAt) {
			return ErrSuperseded
		}
		return insertSignIn(ctx, tx, in)
	})
	if err != nil && !errors.Is(err, ErrStale) && !errors.Is(err, ErrSuperseded) {
		return fmt.Errorf("store: sign in: %w", err)
	}
	return err
}

// Reauthenticate sets the auth_time of an active sign-in to now, under the same conditions as SignIn. It also
// returns ErrStale if the sign-in is another user's or has ended. The time when it began does not change.
func (s *Store) Reauthenticate(ctx context.Context, userID, sid, passwordHash string, now time.Time) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		u, err := s.holdUser(ctx, tx, userID, passwordHash, now)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE sign_ins SET began_at = COALESCE(began_at, created_at), created_at = ?, last_seen_at = ?
			WHERE sid = ? AND user_id = ? AND ended_at IS NULL AND (created_at >= ? OR sid = ?)`),
			db.Millis(now), db.Millis(now), sid, userID, db.Millis(u.DeniedBefore), u.DeniedExcept)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return ErrStale
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("store: reauthenticate: %w", err)
	}
	return err
}

// holdUser locks the user until tx commits. It returns ErrStale unless the user is enabled and has that password
// hash.
func (s *Store) holdUser(ctx context.Context, tx *sqlx.Tx, id, passwordHash string, now time.Time) (User, error) {
	u, err := s.lockUser(ctx, tx, id)
	if errors.Is(err, ErrNotFound) || err == nil && (u.PasswordHash != passwordHash || u.Disabled(now)) {
		return User{}, ErrStale
	}
	return u, err
}

func insertSignIn(ctx context.Context, tx *sqlx.Tx, in SignIn) error {
	_, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, user_agent, ip, replica, session_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`), in.SID, in.UserID, db.Millis(in.CreatedAt), db.Millis(in.LastSeenAt), in.UserAgent, in.IP, in.Replica, in.SessionKey)
	if err != nil {
		return err
	}
	return events.Record(ctx, tx, events.New(events.SignIn, in.UserID, map[string]any{"client_id": "portal", "method": "password"}))
}

// Visitor returns a sign-in and its user in one query, without its Clients. It returns ErrNotFound if there is no
// such sign-in. The caller has to check whether it has ended or the user is disabled.
func (s *Store) Visitor(ctx context.Context, sid string) (User, SignIn, error) {
	var row struct {
		signInRow
		User userRow `db:"u"`
	}
	err := s.db.GetContext(ctx, &row, s.db.Rebind(`SELECT s.sid, s.user_id, s.created_at, s.last_seen_at, s.user_agent, s.ip, s.replica, s.ended_at, s.end_reason,
		u.id AS "u.id", u.email AS "u.email", u.email_normalised AS "u.email_normalised", u.name AS "u.name", u.password_hash AS "u.password_hash",
		u.roles AS "u.roles", u.created_at AS "u.created_at", u.updated_at AS "u.updated_at",
		u.password_changed_at AS "u.password_changed_at", u.disabled_at AS "u.disabled_at", u.ban_reason AS "u.ban_reason",
		u.banned_until AS "u.banned_until", u.deleted_at AS "u.deleted_at", u.denied_before AS "u.denied_before", u.denied_except AS "u.denied_except",
		u.device_generation AS "u.device_generation"
		FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.sid = ?`), sid)
	if db.Missing(err) || s.Locked(row.User.ID) {
		return User{}, SignIn{}, ErrNotFound
	}
	if err != nil {
		return User{}, SignIn{}, fmt.Errorf("store: visitor: %w", err)
	}
	u, err := row.User.user()
	in := row.signIn()
	if in.EndedAt.IsZero() && u.Denied(in.SID, in.CreatedAt) {
		in.EndedAt = u.DeniedBefore
	}
	return u, in, err
}

// MaxSignInsListed is the maximum number of a user's active sign-ins that are listed and counted, the last seen
// first.
const MaxSignInsListed = 1000

// SignInsOf returns a page of a user's active sign-ins that were seen since that time, and their number, counted up
// to MaxSignInsListed. The one with the sid first comes first, the others in the order last seen.
func (s *Store) SignInsOf(ctx context.Context, userID, first string, since time.Time, limit, offset int) (page []SignIn, total int, err error) {
	living := livingOf(s.db.Dialect)
	total, err = s.countUpTo(ctx, MaxSignInsListed, `SELECT 1`+living, userID, db.Millis(since))
	if err != nil {
		return nil, 0, fmt.Errorf("store: count sign-ins: %w", err)
	}
	if limit = min(limit, MaxSignInsListed-offset); offset >= total {
		return nil, total, nil
	}
	var rows []signInRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`SELECT `+signInColumns+` FROM sign_ins
		WHERE sid = ? AND user_id = ? AND ended_at IS NULL AND last_seen_at >= ?`), first, userID, db.Millis(since)); err != nil {
		return nil, 0, fmt.Errorf("store: list sign-ins: %w", err)
	}
	if there := len(rows); offset > 0 {
		rows, offset = nil, offset-there
	} else {
		limit -= there
	}
	var others []signInRow
	if err := s.db.SelectContext(ctx, &others, s.db.Rebind(`SELECT `+signInColumns+living+othersByLastSeen),
		userID, db.Millis(since), first, limit, offset); err != nil {
		return nil, 0, fmt.Errorf("store: list sign-ins: %w", err)
	}
	rows = append(rows, others...)
	if len(rows) == 0 {
		return nil, total, nil
	}
	sids := make([]string, len(rows))
	for i, r := range rows {
		sids[i] = r.SID
	}
	clients, err := s.clientsOf(ctx, sids)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range rows {
		in := r.signIn()
		in.Clients = clients[in.SID]
		page = append(page, in)
	}
	return page, total, nil
}

// livingOf returns the FROM and WHERE of a user's active sign-ins that were seen since a time, with an index in the
// order of othersByLastSeen.
func livingOf(dialect db.Dialect) string {
	return ` FROM ` + indexed(dialect, `sign_ins`, `sign_ins_living_of_user`) + ` WHERE user_id = ? AND ended_at IS NULL AND last_seen_at >= ?`
}

const othersByLastSeen = ` AND sid <> ? ORDER BY last_seen_at DESC, sid DESC LIMIT ? OFFSET ?`

func (s *Store) clientsOf(ctx context.Context, sids []string) (map[string][]string, error) {
	query, args, err := sqlx.In(`SELECT sid, client_id FROM sign_in_clients WHERE sid IN (?) ORDER BY first_at, client_id`, sids)
	if err != nil {
		return nil, fmt.Errorf("store: clients of sign-ins: %w", err)
	}
	var opened []struct {
		SID      string `db:"sid"`
		ClientID string `db:"client_id"`
	}
	if err := s.db.SelectContext(ctx, &opened, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("store: clients of sign-ins: %w", err)
	}
	clients := map[string][]string{}
	for _, o := range opened {
		clients[o.SID] = append(clients[o.SID], o.ClientID)
	}
	return clients, nil
}

// Seen records that a sign-in was seen, with the precision of a minute: within it, it writes nothing.
func (s *Store) Seen(ctx context.Context, sid string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE sign_ins SET last_seen_at = ? WHERE sid = ? AND last_seen_at <= ? AND ended_at IS NULL`),
		db.Millis(now), sid, db.Millis(now.Add(-seenEvery))); err != nil {
		return fmt.Errorf("store: seen: %w", err)
	}
	return nil
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
	return s.update(ctx, ErrNotFound, `UPDATE sign_ins SET session_key = ?, session_seen_at = ? WHERE sid = ? AND ended_at IS NULL`,
		key, db.Millis(now), sid)
}

// SessionSeen records that the session with that key was used.
func (s *Store) SessionSeen(ctx context.Context, key string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE sign_ins SET session_seen_at = ? WHERE session_key = ? AND session_key <> '' AND ended_at IS NULL`),
		db.Millis(now), key); err != nil {
		return fmt.Errorf("store: session seen: %w", err)
	}
	return nil
}

// Session returns the active sign-in whose session has that key, with its user. It returns ErrNotFound if there is
// none or it has ended.
func (s *Store) Session(ctx context.Context, key string) (Session, error) {
	var row struct {
		SID   string `db:"sid"`
		Began int64  `db:"began"`
		Seen  int64  `db:"seen"`
	}
	err := s.db.GetContext(ctx, &row, s.db.Rebind(`SELECT sid, COALESCE(began_at, created_at) AS began, COALESCE(session_seen_at, created_at) AS seen FROM sign_ins
		WHERE session_key = ? AND session_key <> '' AND ended_at IS NULL`), key)
	if db.Missing(err) {
		return Session{}, ErrNotFound
	}
	if err != nil {
		return Session{}, fmt.Errorf("store: a session: %w", err)
	}
	u, in, err := s.Visitor(ctx, row.SID)
	if err == nil && !in.EndedAt.IsZero() {
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrNotFound
	}
	return Session{User: u, SignIn: in, Began: db.Time(row.Began), Seen: db.Time(row.Seen)}, err
}
