package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// ClientSignIn is an app that a sign-in opened. Replica is the app's replica that last requested tokens for it, "" if
// it sent no name.
type ClientSignIn struct {
	SID      string    `db:"sid"`
	ClientID string    `db:"client_id"`
	Replica  string    `db:"replica"`
	First    time.Time `db:"first_at"`
	Last     time.Time `db:"last_at"`
}

// clientSignIns returns the apps that each of the sign-ins opened, in the order in which it did.
func (s *Store) clientSignIns(ctx context.Context, signIns []SignIn) (map[string][]ClientSignIn, error) {
	if len(signIns) == 0 {
		return nil, nil
	}
	sids := make([]string, len(signIns))
	for i, in := range signIns {
		sids[i] = in.SID
	}
	rows, err := db.All[ClientSignIn](ctx, s.db, "client sign-ins", `SELECT sid, client_id, replica, first_at, last_at
		FROM sign_in_clients WHERE sid IN (?) ORDER BY first_at, client_id`, sids)
	all := map[string][]ClientSignIn{}
	for _, r := range rows {
		all[r.SID] = append(all[r.SID], r)
	}
	return all, err
}

func clientIDs(all []ClientSignIn) (ids []string) {
	for _, c := range all {
		ids = append(ids, c.ClientID)
	}
	return ids
}

// SignInIdentity is the user of an active sign-in, with the data for tokens.
type SignInIdentity struct {
	UserID   string    `db:"id"`
	SID      string    `db:"sid"`
	Email    string    `db:"email"`
	Name     string    `db:"name"`
	Roles    []string  `db:"roles"`
	AuthTime time.Time `db:"created_at"`
	Replica  string    `db:"-"` // of the app that requests tokens; "" if unknown

	LastUsed time.Time `db:"last_at"` // by the client; zero: not yet
}

// SignInIdentity returns the user of the sign-in sid. It returns ErrNotFound if no tokens may be issued: the sign-in
// is unknown or has ended, or the user is disabled at now.
func (s *Store) SignInIdentity(ctx context.Context, sid, clientID string, now time.Time) (SignInIdentity, error) {
	id, err := db.One[SignInIdentity](ctx, s.db, "sign-in identity", `SELECT u.id, s.sid, u.email, u.name, u.roles, s.created_at,
		(SELECT last_at FROM sign_in_clients c WHERE c.sid = s.sid AND c.client_id = ?) AS last_at`+activeSignIn+
		` AND (u.disabled_at IS NULL OR u.banned_until <= ?)`, clientID, sid, db.Millis(now))
	if err == nil && s.Locked(id.UserID) {
		return SignInIdentity{}, ErrNotFound
	}
	return id, err
}

// RecordClientSignIn records that clientID, at id.Replica, uses the sign-in of id, so that a sign-out notifies it. If
// first is given, the first refresh token of a family, it stores that. The first time it also records the event
// sign_in, and reports true. It returns ErrNotFound if the sign-in ended meanwhile; then nothing is stored.
func (s *Store) RecordClientSignIn(ctx context.Context, id SignInIdentity, clientID string, first *RefreshToken, now time.Time) (isNew bool, err error) {
	recent := !id.LastUsed.IsZero() && now.Sub(id.LastUsed) < lastSeenInterval
	if recent && first == nil {
		return false, nil
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := s.lockSignIn(ctx, tx, id.SID); err != nil {
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
		isNew, err = upsertClientSignIn(ctx, tx, id, clientID, db.Millis(now))
		return err
	})
	if err != nil {
		return false, err
	}
	// For a user who uses the apps but not the portal. It runs outside the transaction, to hold no lock.
	_ = s.TouchSignIn(ctx, id.SID, now)
	return isNew, nil
}

func upsertClientSignIn(ctx context.Context, tx *sqlx.Tx, id SignInIdentity, clientID string, now int64) (isNew bool, err error) {
	n, err := db.Change(ctx, tx, "client sign-in", `INSERT INTO sign_in_clients (sid, client_id, first_at, last_at, replica)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT (sid, client_id) DO NOTHING`, id.SID, clientID, now, now, id.Replica)
	if err != nil {
		return false, err
	}
	if n == 1 {
		return true, events.Record(ctx, tx, events.New(events.SignIn, id.UserID, map[string]any{"client_id": clientID, "method": "sso"}))
	}
	return false, db.Exec(ctx, tx, "client sign-in", `UPDATE sign_in_clients SET last_at = ?, replica = CASE WHEN ? = '' THEN replica ELSE ? END
		WHERE sid = ? AND client_id = ? AND last_at < ?`, now, id.Replica, id.Replica, id.SID, clientID, now)
}

// IfSignedIn returns a change that fails with ErrEnded unless the user has an active sign-in other than except. So
// of two administrators who end the same sign-ins concurrently, one succeeds.
func IfSignedIn(userID, except string) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		if _, err := s.lockUser(ctx, tx, userID); err != nil {
			return err
		}
		return requireRow(ctx, tx, "active sign-ins", ErrEnded, `SELECT 1 FROM sign_ins s JOIN users u ON u.id = s.user_id
			WHERE s.user_id = ? AND s.sid <> ? AND s.ended_at IS NULL AND `+notDenied+` LIMIT 1`, userID, except)
	}}
}

// IfSignInActive returns a change that fails with ErrEnded unless userID has the active sign-in sid.
func IfSignInActive(userID, sid string) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		return requireRow(ctx, tx, "active sign-in", ErrEnded, `SELECT 1`+activeSignIn+` AND s.user_id = ?`+s.onPostgres(` FOR UPDATE OF s`), sid, userID)
	}}
}

// ErrEnded means that the target has ended already, and that nothing was changed.
var ErrEnded = errors.New("store: that has ended already")
