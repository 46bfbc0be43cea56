package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/events"
)

// seenEvery is the precision of "last seen", which avoids a write for each token request.
const seenEvery = time.Minute

// Grantee is the user of an active sign-in, with the data for tokens.
type Grantee struct {
	UserID   string
	SID      string
	Email    string
	Name     string
	Roles    []string
	AuthTime time.Time
	Replica  string // of the app that requests tokens; "" if unknown

	opened sql.NullInt64 // when the given client last used the sign-in
}

// Grantee returns the user of the sign-in sid. It returns ErrNotFound if no tokens may be issued: the sign-in is
// unknown or has ended, or the user is disabled at now.
func (s *Store) Grantee(ctx context.Context, sid, clientID string, now time.Time) (Grantee, error) {
	g := Grantee{SID: sid}
	var roles string
	var authTime int64
	err := s.db.QueryRowxContext(ctx, s.db.Rebind(`SELECT u.id, u.email, u.name, u.roles, s.created_at, c.last_at
		FROM sign_ins s JOIN users u ON u.id = s.user_id
		LEFT JOIN sign_in_clients c ON c.sid = s.sid AND c.client_id = ?
		WHERE s.sid = ? AND s.ended_at IS NULL AND `+notDenied+` AND (u.disabled_at IS NULL OR u.banned_until <= ?)`), clientID, sid, db.Millis(now)).
		Scan(&g.UserID, &g.Email, &g.Name, &roles, &authTime, &g.opened)
	if errors.Is(err, sql.ErrNoRows) || s.Locked(g.UserID) {
		return Grantee{}, ErrNotFound
	}
	if err != nil {
		return Grantee{}, fmt.Errorf("store: who signed in: %w", err)
	}
	if g.Roles, err = fromList(roles); err != nil {
		return Grantee{}, err
	}
	g.AuthTime = db.Time(authTime)
	return g, nil
}

// Open records that clientID, at g.Replica, uses g's sign-in, so that a sign-out notifies it. If first is given, the
// first refresh token of a family, it stores that. The first time it also records the event sign_in, and reports
// true. It returns ErrNotFound if the sign-in ended meanwhile; then nothing is stored.
func (s *Store) Open(ctx context.Context, g Grantee, clientID string, first *RefreshToken, now time.Time) (anew bool, err error) {
	recent := g.opened.Valid && now.Sub(db.Time(g.opened.Int64)) < seenEvery
	if recent && first == nil {
		return false, nil
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := s.holdSignIn(ctx, tx, g.SID); err != nil {
			return err
		}
		if first != nil {
			if err := insertRefreshToken(ctx, tx, *first); err != nil {
				return err
			}
		}
		if recent {
			return nil
		}
		anew, err = open(ctx, tx, g, clientID, db.Millis(now))
		return err
	})
	if err != nil {
		return false, err
	}
	s.touch(ctx, g.SID, now)
	return anew, nil
}

// touch updates "last seen" for a user who uses the apps but not the portal. It ignores errors, and runs outside the
// transaction to hold no lock.
func (s *Store) touch(ctx context.Context, sid string, now time.Time) { _ = s.Seen(ctx, sid, now) }

func open(ctx context.Context, tx *sqlx.Tx, g Grantee, clientID string, now int64) (anew bool, err error) {
	res, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at, replica)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT (sid, client_id) DO NOTHING`), g.SID, clientID, now, now, g.Replica)
	if err != nil {
		return false, fmt.Errorf("store: open client: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("store: open client: %w", err)
	}
	if n == 1 {
		return true, events.Record(ctx, tx, events.New(events.SignIn, g.UserID, map[string]any{"client_id": clientID, "method": "sso"}))
	}
	if _, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE sign_in_clients SET last_at = ?, replica = CASE WHEN ? = '' THEN replica ELSE ? END
		WHERE sid = ? AND client_id = ? AND last_at < ?`), now, g.Replica, g.Replica, g.SID, clientID, now); err != nil {
		return false, fmt.Errorf("store: open client: %w", err)
	}
	return false, nil
}

// notDenied is the condition that sign-in s of user u was not denied with all others (User.Denied).
const notDenied = `(u.denied_before IS NULL OR s.created_at >= u.denied_before OR s.sid = u.denied_except)`

// holdSignIn locks the sign-in so that it can't end until tx commits. It returns ErrNotFound if it has ended. On
// SQLite tx holds the only write lock already.
func (s *Store) holdSignIn(ctx context.Context, tx *sqlx.Tx, sid string) error {
	query := `SELECT 1 FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.sid = ? AND s.ended_at IS NULL AND ` + notDenied
	if s.db.Dialect == db.Postgres {
		query += ` FOR SHARE OF s`
	}
	var one int
	err := tx.QueryRowxContext(ctx, tx.Rebind(query), sid).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("store: hold the sign-in: %w", err)
	}
	return nil
}
