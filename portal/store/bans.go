package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Errors of a ban, of its end and of a change of roles, besides ErrNotFound and ErrLastAdmin.
var (
	// ErrBanned means that the user is banned already.
	ErrBanned = errors.New("store: the person is banned already")
	// ErrNotBanned means that the user is not banned.
	ErrNotBanned = errors.New("store: the person is not banned")
	// ErrSameRoles means that the user has exactly these roles.
	ErrSameRoles = errors.New("store: the person has these roles already")
)

// BanUser returns the change that bans a user until that time, or permanently if it is zero, and invalidates the
// account's device cookies. It fails with ErrNotFound if the user does not exist or is deleted, ErrBanned if the
// user is banned already, and ErrLastAdmin if the user is the only administrator who can sign in.
func BanUser(id, reason string, until, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockLiving(ctx, tx, id)
		if err != nil {
			return err
		}
		if u.Disabled(now) {
			return ErrBanned
		}
		if err := s.keepAnAdmin(ctx, tx, u, now); err != nil {
			return err
		}
		return exec(ctx, tx, "ban", `UPDATE users SET disabled_at = ?, ban_reason = ?, banned_until = ?, updated_at = ?,
			device_generation = device_generation + 1 WHERE id = ?`, db.Millis(now), reason, millisOf(until), db.Millis(now), id)
	}}
}

// UnbanUser returns the change that lifts a user's ban. It fails with ErrNotFound if the user does not exist or is
// deleted, and ErrNotBanned if the user is not banned.
func UnbanUser(id string, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockLiving(ctx, tx, id)
		if err != nil {
			return err
		}
		if !u.Disabled(now) {
			return ErrNotBanned
		}
		return exec(ctx, tx, "unban", `UPDATE users SET disabled_at = NULL, ban_reason = '', banned_until = NULL, updated_at = ? WHERE id = ?`,
			db.Millis(now), id)
	}}
}

// SetRoles returns the change that replaces a user's roles. had are the roles on which the change was based: it
// fails with ErrStale if they have changed. It also fails with ErrNotFound, ErrSameRoles and ErrLastAdmin.
func SetRoles(id string, had, roles []string, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockLiving(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case sameRoles(u.Roles, roles):
			return ErrSameRoles
		case !sameRoles(u.Roles, had):
			return ErrStale
		case !slices.Contains(roles, AdminRole):
			if err := s.keepAnAdmin(ctx, tx, u, now); err != nil {
				return err
			}
		}
		return exec(ctx, tx, "roles", `UPDATE users SET roles = ?, updated_at = ? WHERE id = ?`, toList(roles), db.Millis(now), id)
	}}
}

// lockLiving locks a user as lockUser does, and returns ErrNotFound for a deleted account.
func (s *Store) lockLiving(ctx context.Context, tx *sqlx.Tx, id string) (User, error) {
	u, err := s.lockUser(ctx, tx, id)
	if err == nil && !u.DeletedAt.IsZero() {
		return User{}, ErrNotFound
	}
	return u, err
}

func sameRoles(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func exec(ctx context.Context, tx *sqlx.Tx, what, statement string, args ...any) error {
	if _, err := tx.ExecContext(ctx, tx.Rebind(statement), args...); err != nil {
		return fmt.Errorf("store: %s: %w", what, err)
	}
	return nil
}
