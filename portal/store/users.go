package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
	"gatehouse/events"
)

// The errors of the methods about users, beside ErrNotFound.
var (
	// ErrEmailTaken says that another account has this normalised email.
	ErrEmailTaken = errors.New("store: another account has this email")
	// ErrStale says that what was read before (a password's hash, that the person is enabled, that the sign-in
	// lives) is no longer so, and that nothing was changed.
	ErrStale = errors.New("store: the account changed meanwhile")
	// ErrSuperseded says that a sign-in began before the person was signed out everywhere.
	ErrSuperseded = errors.New("store: the person was signed out everywhere meanwhile")
)

// User is a person who may sign in. ID is the `sub` of every token (OpenID Connect Core §2). DisabledAt is the
// zero time for somebody who was never kept from it, or is let in again; see Disabled.
type User struct {
	ID                string
	Email             string // as it was typed
	EmailNormalised   string // as it is looked up; unique
	Name              string
	PasswordHash      string
	Roles             []string
	CreatedAt         time.Time
	UpdatedAt         time.Time
	PasswordChangedAt time.Time
	DisabledAt        time.Time // since when the person is banned, or the account is deleted
	BanReason         string    // what an admin wrote of it
	BannedUntil       time.Time // when the ban runs out by itself; zero: never
	DeletedAt         time.Time // zero: the account is there
	DeviceGeneration  int64     // rises when device cookies of the account must end (package attempts)
	DeniedBefore      time.Time // sign-ins that began earlier are over, in whole seconds; zero: none is
	DeniedExcept      string    // sid of a sign-in to which that does not apply
}

// Denied reports whether a sign-in that began then was ended together with all others of the person.
func (u User) Denied(sid string, began time.Time) bool {
	return began.Before(u.DeniedBefore) && (sid == "" || sid != u.DeniedExcept)
}

// Disabled tells whether the person is kept from signing in at now. A ban that has run out needs nobody to lift it.
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

// SignedOutBefore returns the instant, in whole seconds, from which a sign-in of this person counts: all that began
// earlier have ended. Zero: any counts.
func (s *Store) SignedOutBefore(ctx context.Context, userID string) (time.Time, error) {
	var before *int64
	err := s.db.GetContext(ctx, &before, s.db.Rebind(`SELECT denied_before FROM users WHERE id = ?`), userID)
	if err != nil && !db.Missing(err) {
		return time.Time{}, fmt.Errorf("store: signed out before: %w", err)
	}
	return timeOf(before), nil
}

// UserByID returns the person with that id, or ErrNotFound.
func (s *Store) UserByID(ctx context.Context, id string) (User, error) {
	return s.user(ctx, s.db, `WHERE id = ?`, id)
}

// UserByEmail returns the person with that normalised email, or ErrNotFound.
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

// lockUser reads a user whom nobody else changes until tx commits. On SQLite tx holds the only write lock.
func (s *Store) lockUser(ctx context.Context, tx *sqlx.Tx, id string) (User, error) {
	where := `WHERE id = ?`
	if s.db.Dialect == db.Postgres {
		where += ` FOR UPDATE`
	}
	return s.user(ctx, tx, where, id)
}

// Register creates u and its first sign-in, with the events registered and sign_in, in one transaction.
// ErrEmailTaken says that there was an account with this email already; then nothing is stored.
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

// SeedUsers creates those of users whose id and email nobody has yet, and leaves the others as they are.
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

// insertUser returns 0 when the id or the email is taken. (A violated constraint would spoil the whole
// transaction on PostgreSQL; a conflict that does nothing does not.)
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

// SetName changes a person's name. ErrNotFound says that there is no such person.
func (s *Store) SetName(ctx context.Context, id, name string, now time.Time) error {
	return s.respell(ctx, id, ErrNotFound, nil, `UPDATE users SET name = ?, updated_at = ?, indexed = TRUE WHERE id = ?`, name, db.Millis(now), id)
}

// SetEmail changes a person's email, provided that passwordHash, which has just been checked, is still the
// person's: else ErrStale. ErrEmailTaken says that another account has it. The changes of with happen with it or not at
// all.
func (s *Store) SetEmail(ctx context.Context, id, passwordHash, email, normalised string, now time.Time, with ...Change) error {
	return s.respell(ctx, id, ErrStale, with, `UPDATE users SET email = ?, email_normalised = ?, updated_at = ?, indexed = TRUE
		WHERE id = ? AND password_hash = ?`, email, normalised, db.Millis(now), id, passwordHash)
}

// ForgetDevices ends the device cookies of an account (package attempts).
func ForgetDevices(id string) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		return exec(ctx, tx, "forget devices", `UPDATE users SET device_generation = device_generation + 1 WHERE id = ?`, id)
	}}
}

// ChangePassword replaces the hash old, which has just been checked, by hash, and ends the account's device cookies. ErrStale says that old is no longer
// the person's.
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

// SetPassword is ChangePassword by itself: nobody is signed out by it.
func (s *Store) SetPassword(ctx context.Context, id, old, hash string, now time.Time) error {
	return s.Apply(ctx, ChangePassword(id, old, hash, now))
}

// Rehash replaces the hash old by one of the same password with other parameters; it does nothing when old is
// no longer the person's.
func (s *Store) Rehash(ctx context.Context, id, old, hash string) error {
	err := s.update(ctx, ErrStale, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`, hash, id, old)
	if errors.Is(err, ErrStale) {
		return nil
	}
	return err
}

// respell is update of what a person is found by: their words change with it.
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
