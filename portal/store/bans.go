package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// Errors of a ban and of its end, besides ErrNotFound and ErrLastAdmin.
var (
	// ErrBanned means that the user is banned already.
	ErrBanned = errors.New("store: the user is banned already")
	// ErrNotBanned means that the user is not banned.
	ErrNotBanned = errors.New("store: the user is not banned")
)

// BanUser returns the change that bans a user until that time, or permanently if it is zero, and invalidates the
// account's device cookies. It records the event user_banned. It fails with ErrNotFound if the user does not exist or is deleted, ErrBanned if the
// user is banned already, and ErrLastAdmin if the user is the only administrator who can sign in.
func BanUser(id, reason string, until, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockUndeleted(ctx, tx, id)
		if err != nil {
			return err
		}
		if u.Disabled(now) {
			return ErrBanned
		}
		if err := s.requireOtherAdmin(ctx, tx, u, now); err != nil {
			return err
		}
		err = run(ctx, tx, "ban", `UPDATE users SET disabled_at = ?, ban_reason = ?, banned_until = ?, updated_at = ?,
			device_generation = device_generation + 1 WHERE id = ?`, db.Millis(now), reason, millisOf(until), db.Millis(now), id)
		if err != nil {
			return err
		}
		return events.Record(ctx, tx, events.New(events.UserBanned, "", map[string]any{"user_id": id}))
	}}
}

// UnbanUser returns the change that lifts a user's ban. It fails with ErrNotFound if the user does not exist or is
// deleted, and ErrNotBanned if the user is not banned.
func UnbanUser(id string, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockUndeleted(ctx, tx, id)
		if err != nil {
			return err
		}
		if !u.Disabled(now) {
			return ErrNotBanned
		}
		return run(ctx, tx, "unban", `UPDATE users SET disabled_at = NULL, ban_reason = '', banned_until = NULL, updated_at = ? WHERE id = ?`,
			db.Millis(now), id)
	}}
}
