package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// ErrEnded says that what was to be ended has ended already, and that nothing was changed.
var ErrEnded = errors.New("store: that has ended already")

// IfSignedIn lets an ending of a whole person happen only while there is a living sign-in of theirs besides except: else
// ErrEnded. So two who end the same together do it once.
func IfSignedIn(userID, except string) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		if _, err := s.lockUser(ctx, tx, userID); err != nil {
			return err
		}
		return lives(ctx, tx, `SELECT COUNT(*) FROM (SELECT 1 FROM sign_ins s JOIN users u ON u.id = s.user_id
			WHERE s.user_id = ? AND s.sid <> ? AND s.ended_at IS NULL AND `+notDenied+` LIMIT 1) AS living`, userID, except)
	}}
}

// IfSignInLives lets an ending of a sign-in of userID happen only while it lives: else ErrEnded, also where there is no
// such sign-in.
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
