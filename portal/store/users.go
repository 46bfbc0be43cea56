package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/events"
)

// The errors of the methods about users, besides ErrNotFound.
var (
	// ErrEmailTaken means that another account has this normalised email.
	ErrEmailTaken = errors.New("store: another account has this email")
	// ErrStale means that what was read before (the password hash, that the user is enabled, that the sign-in is
	// active) has changed, and that nothing was written.
	ErrStale = errors.New("store: the account changed meanwhile")
	// ErrSuperseded means that a sign-in began before the user was signed out everywhere.
	ErrSuperseded = errors.New("store: the person was signed out everywhere meanwhile")
)

// User is a user account. ID is the `sub` of every token (OpenID Connect Core §2). DisabledAt is zero if the user
// was never banned, or the ban was lifted; see Disabled.
type User struct {
	ID                string
	Email             string // as typed
	EmailNormalised   string // as looked up; unique
	Name              string
	PasswordHash      string
	Roles             []string
	CreatedAt         time.Time
	UpdatedAt         time.Time
	PasswordChangedAt time.Time
	DisabledAt        time.Time // when the user was banned, or the account was deleted
	BanReason         string    // entered by an administrator
	BannedUntil       time.Time // when the ban ends by itself; zero: never
	DeletedAt         time.Time // zero: not deleted
	DeviceGeneration  int64     // incremented to invalidate the account's device cookies (package attempts)
	DeniedBefore      time.Time // earlier sign-ins have ended, in whole seconds; zero: none
	DeniedExcept      string    // sid of a sign-in to which DeniedBefore does not apply
}

// Denied reports whether a sign-in that began then was ended together with all others of the user.
func (u User) Denied(sid string, began time.Time) bool {
	return began.Before(u.DeniedBefore) && (sid == "" || sid != u.DeniedExcept)
}

// Disabled reports whether the user may not sign in at now. A ban that has expired needs no lifting.
func (u User) Disabled(now time.Time) bool {
	return !u.DisabledAt.IsZero() && (u.BannedUntil.IsZero() || now.Before(u.BannedUntil))
}

type userRow struct {
	ID                string `db:"id"`
	Email             string `db:"email"`
	EmailNormalised   string `db:"email_normalised"`
	Name              string `db:"name"`
	PasswordHash      string `db:"password_hash"`
	Roles             string `db:"roles"`
	CreatedAt         int64  `db:"created_at"`
	UpdatedAt         int64  `db:"updated_at"`
	PasswordChangedAt int64  `db:"password_changed_at"`
	DisabledAt        *int64 `db:"disabled_at"`
	BanReason         string `db:"ban_reason"`
	BannedUntil       *int64 `db:"banned_until"`
	DeletedAt         *int64 `db:"deleted_at"`
	DeviceGeneration  int64  `db:"device_generation"`
	DeniedBefore      *int64 `db:"denied_before"`
	DeniedExcept      string `db:"denied_except"`
}

const userColumns = `id, email, email_normalised, name, password_hash, roles, created_at, updated_at, password_changed_at,
	disabled_at, ban_reason, banned_until, deleted_at, device_generation, denied_before, denied_except`

func (r userRow) user() (User, error) {
	roles, err := fromList(r.Roles)
	if err != nil {
		return User{}, fmt.Errorf("store: roles of %s: %w", r.ID, err)
	}
	return User{
		ID: r.ID, Email: r.Email, EmailNormalised: r.EmailNormalised, Name: r.Name, PasswordHash: r.PasswordHash, Roles: roles,
		CreatedAt: db.Time(r.CreatedAt), UpdatedAt: db.Time(r.UpdatedAt), PasswordChangedAt: db.Time(r.PasswordChangedAt),
		DisabledAt: timeOf(r.DisabledAt), BanReason: r.BanReason, BannedUntil: timeOf(r.BannedUntil), DeletedAt: timeOf(r.DeletedAt),
		DeviceGeneration: r.DeviceGeneration, DeniedBefore: timeOf(r.DeniedBefore), DeniedExcept: r.DeniedExcept,
	}, nil
}

// SignedOutBefore returns the time, in whole seconds, before which all sign-ins of this user have ended; zero if the
// user was never signed out everywhere.
func (s *Store) SignedOutBefore(ctx context.Context, userID string) (time.Time, error) {
	var before *int64
	err := s.db.GetContext(ctx, &before, s.db.Rebind(`SELECT denied_before FROM users WHERE id = ?`), userID)
	if err != nil && !db.Missing(err) {
		return time.Time{}, fmt.Errorf("store: signed out before: %w", err)
	}
	return timeOf(before), nil
}

// UserByID returns the user with that id, or ErrNotFound.
func (s *Store) UserByID(ctx context.Context, id string) (User, error) {
	return s.user(ctx, s.db, `WHERE id = ?`, id)
}

// UserByEmail returns the user with that normalised email, or ErrNotFound.
func (s *Store) UserByEmail(ctx context.Context, normalised string) (User, error) {
	return s.user(ctx, s.db, `WHERE email_normalised = ?`, normalised)
}

func (s *Store) user(ctx context.Context, q sqlx.QueryerContext, where string, args ...any) (User, error) {
	var row userRow
	err := sqlx.GetContext(ctx, q, &row, s.db.Rebind(`SELECT `+userColumns+` FROM users `+where), args...)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, ErrNotFound
	}
	if err != nil {
		return User{}, fmt.Errorf("store: user: %w", err)
	}
	return row.user()
}

// lockUser returns a user, locked against other changes until tx commits. On SQLite tx holds the only write lock.
func (s *Store) lockUser(ctx context.Context, tx *sqlx.Tx, id string) (User, error) {
	where := `WHERE id = ?`
	if s.db.Dialect == db.Postgres {
		where += ` FOR UPDATE`
	}
	return s.user(ctx, tx, where, id)
}

// Register creates u and its first sign-in, with the events registered and sign_in, in one transaction. It returns
// ErrEmailTaken if another account has this email; then nothing is stored.
func (s *Store) Register(ctx context.Context, u User, first SignIn) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if n, err := insertUser(ctx, tx, u); err != nil {
			return err
		} else if n == 0 {
			return ErrEmailTaken
		}
		if err := events.Record(ctx, tx, events.New(events.Registered, u.ID, map[string]any{})); err != nil {
			return err
		}
		return insertSignIn(ctx, tx, first)
	})
	if err != nil && !errors.Is(err, ErrEmailTaken) {
		return fmt.Errorf("store: register: %w", err)
	}
	return err
}

// SeedUsers creates the users whose id and email are not taken, and does not change existing ones.
func (s *Store) SeedUsers(ctx context.Context, users []User) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, u := range users {
			if _, err := insertUser(ctx, tx, u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: seed users: %w", err)
	}
	return nil
}

// insertUser inserts u and its words. It returns 0 if the id or the email is taken. (On PostgreSQL a violated
// constraint would abort the whole transaction; ON CONFLICT DO NOTHING does not.)
func insertUser(ctx context.Context, tx *sqlx.Tx, u User) (int64, error) {
	res, err := tx.ExecContext(ctx, tx.Rebind(`INSERT INTO users (`+userColumns+`, indexed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, TRUE) ON CONFLICT DO NOTHING`),
		u.ID, u.Email, u.EmailNormalised, u.Name, u.PasswordHash, toList(u.Roles),
		db.Millis(u.CreatedAt), db.Millis(u.UpdatedAt), db.Millis(u.PasswordChangedAt),
		millisOf(u.DisabledAt), u.BanReason, millisOf(u.BannedUntil), millisOf(u.DeletedAt), u.DeviceGeneration,
		millisOf(u.DeniedBefore), u.DeniedExcept)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	return n, addWords(ctx, tx, []User{u})
}

// SetName changes a user's name. It returns ErrNotFound if there is no such user, or the account was deleted.
func (s *Store) SetName(ctx context.Context, id, name string, now time.Time) error {
	return s.respell(ctx, id, ErrNotFound, nil, `UPDATE users SET name = ?, updated_at = ?, indexed = TRUE
		WHERE id = ? AND deleted_at IS NULL`, name, db.Millis(now), id)
}

// SetEmail changes a user's email, together with the changes of with. It returns ErrStale unless passwordHash, which
// has just been verified, is still the user's, and ErrEmailTaken if another account has the email.
func (s *Store) SetEmail(ctx context.Context, id, passwordHash, email, normalised string, now time.Time, with ...Change) error {
	return s.respell(ctx, id, ErrStale, with, `UPDATE users SET email = ?, email_normalised = ?, updated_at = ?, indexed = TRUE
		WHERE id = ? AND password_hash = ?`, email, normalised, db.Millis(now), id, passwordHash)
}

// ForgetDevices returns the change that invalidates the device cookies of an account (package attempts).
func ForgetDevices(id string) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		return exec(ctx, tx, "forget devices", `UPDATE users SET device_generation = device_generation + 1 WHERE id = ?`, id)
	}}
}

// ChangePassword returns the change that replaces the hash old, which has just been verified, by hash, and
// invalidates the account's device cookies. It fails with ErrStale if old is no longer the user's.
func ChangePassword(id, old, hash string, now time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE users SET password_hash = ?, password_changed_at = ?, updated_at = ?, device_generation = device_generation + 1
			WHERE id = ? AND password_hash = ?`), hash, db.Millis(now), db.Millis(now), id, old)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return ErrStale
	}}
}

// SetPassword applies ChangePassword without ending sign-ins.
func (s *Store) SetPassword(ctx context.Context, id, old, hash string, now time.Time) error {
	return s.Apply(ctx, ChangePassword(id, old, hash, now))
}

// Rehash replaces the hash old by one of the same password with other parameters. It returns ErrStale if old is no
// longer the user's.
func (s *Store) Rehash(ctx context.Context, id, old, hash string) error {
	return s.update(ctx, ErrStale, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`, hash, id, old)
}

// respell updates a user's name or email, and the words of the search index with it, in one transaction with the
// changes of with. It returns none if there is no such user.
func (s *Store) respell(ctx context.Context, id string, none error, with []Change, statement string, args ...any) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := update(ctx, tx, none, tx.Rebind(statement), args...); err != nil {
			return err
		}
		u, err := s.user(ctx, tx, `WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if err := keepWords(ctx, tx, u); err != nil {
			return err
		}
		return s.apply(ctx, tx, with)
	})
}

// update runs a statement that should change one row, and returns none if it changes no row.
func (s *Store) update(ctx context.Context, none error, statement string, args ...any) error {
	return update(ctx, s.db, none, s.db.Rebind(statement), args...)
}

func update(ctx context.Context, on sqlx.ExecerContext, none error, statement string, args ...any) error {
	res, err := on.ExecContext(ctx, statement, args...)
	if db.IsUnique(err) {
		return ErrEmailTaken
	}
	if err != nil {
		return fmt.Errorf("store: change a user: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return fmt.Errorf("store: change a user: %w", err)
	} else if n == 0 {
		return none
	}
	return nil
}

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
