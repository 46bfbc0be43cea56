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

// AdminRole is the role that opens the console.
const AdminRole = "admin"

// ErrLastAdmin means that the user is the only administrator who can sign in, and that nothing was changed.
var ErrLastAdmin = errors.New("store: this is the last administrator")

// adminsLock is the key of the advisory lock that serialises changes which may remove an administrator (PostgreSQL).
const adminsLock = 0x6761746561646d69

// keepAnAdmin returns ErrLastAdmin if u is an administrator and no other one may sign in at now. tx has locked u.
// Other transactions that remove an administrator wait until tx ends, so that two administrators can't remove each
// other concurrently.
func (s *Store) keepAnAdmin(ctx context.Context, tx *sqlx.Tx, u User, now time.Time) error {
	if !slices.Contains(u.Roles, AdminRole) {
		return nil
	}
	if s.db.Dialect == db.Postgres { // on SQLite tx holds the only write lock
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(adminsLock)); err != nil {
			return fmt.Errorf("store: lock the administrators: %w", err)
		}
	}
	query, args, err := sqlx.In(`SELECT COUNT(*) FROM (SELECT 1 FROM users WHERE `+s.hasRole(AdminRole)+`
		AND id NOT IN (?) AND `+maySignIn+` LIMIT 1) AS others`, append([]string{u.ID}, s.locked...), db.Millis(now))
	if err != nil {
		return fmt.Errorf("store: other administrators: %w", err)
	}
	var others int
	if err := tx.GetContext(ctx, &others, tx.Rebind(query), args...); err != nil {
		return fmt.Errorf("store: other administrators: %w", err)
	}
	if others == 0 {
		return ErrLastAdmin
	}
	return nil
}

// maySignIn is the condition that a user may sign in at a time.
const maySignIn = `deleted_at IS NULL AND (disabled_at IS NULL OR banned_until <= ?)`

// hasRole returns the condition that a user has a role, exactly as in the partial indexes users_of_role_*.
func (s *Store) hasRole(role string) string {
	find := "strpos"
	if s.db.Dialect == db.SQLite {
		find = "instr"
	}
	return find + `(roles, '"` + role + `"') > 0`
}
