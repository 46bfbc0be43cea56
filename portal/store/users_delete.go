package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// DeletedName is the name of accounts that are no more.
const DeletedName = "Deleted account"

// DeleteUser takes an account away: its id stays, since others refer to it, and
// nothing else that tells of the person. The email is free again. ErrNotFound says
// that there is no such account (any more), ErrLastAdmin that nobody else could open
// the console, ErrStale that passwordHash, which has just been checked, is no longer
// the person's ("" checks nothing).
func DeleteUser(id, passwordHash string, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockLiving(ctx, tx, id)
		if err != nil {
			return err
		}
		if passwordHash != "" && u.PasswordHash != passwordHash {
			return ErrStale
		}
		if err := s.keepAnAdmin(ctx, tx, u, now); err != nil {
			return err
		}
		u.DeletedAt = now
		if err := keepWords(ctx, tx, u); err != nil {
			return err
		}
		// No email has this form, so that none is taken.
		return exec(ctx, tx, "delete a user", `UPDATE users SET email = '', email_normalised = ?, name = ?, password_hash = '', roles = '[]',
			ban_reason = '', banned_until = NULL, disabled_at = ?, deleted_at = ?, updated_at = ? WHERE id = ?`,
			"deleted "+id, DeletedName, db.Millis(now), db.Millis(now), db.Millis(now), id)
	}}
}
