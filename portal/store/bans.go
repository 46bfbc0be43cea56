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

// What may stand in the way of a ban, of its end and of a change of roles, beside ErrNotFound and ErrLastAdmin.
var (
	// ErrBanned says that the person is banned already.
	ErrBanned = errors.New("store: the person is banned already")
	// ErrNotBanned says that the person is not banned (any more).
	ErrNotBanned = errors.New("store: the person is not banned")
	// ErrSameRoles says that the person has just these roles.
	ErrSameRoles = errors.New("store: the person has these roles already")
)

// BanUser keeps a person from signing in until that time, or for good if it is zero, and ends the account's device
// cookies. ErrNotFound says that there is no
// such person (any more), ErrBanned that they are banned already, ErrLastAdmin that nobody else could open the console.
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

// UnbanUser lets a person in again. ErrNotFound says that there is no such person, ErrNotBanned that they are let in
// already.
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

// SetRoles gives a person these roles and no others. had are the roles that the change was decided on: ErrStale says
// that they are others by now. ErrNotFound, ErrSameRoles and ErrLastAdmin are the other refusals.
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

// lockLiving is lockUser of an account that is not deleted.
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
