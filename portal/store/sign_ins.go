package store

import (
	"context"
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
