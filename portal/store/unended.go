package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

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

// IfSignInActive returns a change that fails with ErrEnded unless userID has the active sign-in sid.
func IfSignInActive(userID, sid string) Change {
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
