package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// DeletedName is the name of deleted accounts.
const DeletedName = "Deleted account"

// DeleteUser returns the change that deletes an account: it keeps only the id, since other records refer to it, and
// erases all personal data of the account; the audit keeps its rows. The email becomes available. It fails with ErrNotFound if the account does not exist or
// is deleted, ErrLastAdmin if the user is the only administrator who can sign in, and ErrStale if passwordHash,
// which has just been verified, is no longer the user's ("" skips that check).
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
		// No email has this form, so none is taken.
		return exec(ctx, tx, "delete a user", `UPDATE users SET email = '', email_normalised = ?, name = ?, password_hash = '', roles = '[]',
			ban_reason = '', banned_until = NULL, disabled_at = ?, deleted_at = ?, updated_at = ? WHERE id = ?`,
			"deleted "+id, DeletedName, db.Millis(now), db.Millis(now), db.Millis(now), id)
	}}
}
