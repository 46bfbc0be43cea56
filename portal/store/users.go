package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
	"gatehouse.example/events"
)

// The errors of the methods about users, besides ErrNotFound.
var (
	// ErrEmailTaken means that another account has this normalised email.
	ErrEmailTaken = errors.New("store: another account has this email")
	// ErrStale means that what was read before (the password hash, that the user is enabled, that the sign-in is
	// active) has changed, and that nothing was written.
	ErrStale = errors.New("store: the account changed meanwhile")
	// ErrSuperseded means that a sign-in began before the user was signed out everywhere.
	ErrSuperseded = errors.New("store: the user was signed out everywhere meanwhile")
	// ErrSameRoles means that the user has exactly these roles.
	ErrSameRoles = errors.New("store: the user has these roles already")
	// ErrLastAdmin means that the user is the only administrator who can sign in, and that nothing was changed.
	ErrLastAdmin = errors.New("store: this is the last administrator")
)

// AdminRole is the role that opens the console.
const AdminRole = "admin"

// Roles are all roles, the one with the fewest rights first.
var Roles = []string{"customer", "moderator", "analyst", "merchant", AdminRole}

// User is a user account. ID is the `sub` of every token (OpenID Connect Core §2). DisabledAt is zero if the user
// was never banned, or the ban was lifted; see Disabled.
type User struct {
	ID                string    `db:"id"`
	Email             string    `db:"email"`            // as typed
	EmailNormalised   string    `db:"email_normalised"` // as looked up; unique
	Name              string    `db:"name"`
	PasswordHash      string    `db:"password_hash"`
	Roles             []string  `db:"roles"`
	CreatedAt         time.Time `db:"created_at"`
	UpdatedAt         time.Time `db:"updated_at"`
	PasswordChangedAt time.Time `db:"password_changed_at"`
	DisabledAt        time.Time `db:"disabled_at"`       // when the user was banned, or the account was deleted
	BanReason         string    `db:"ban_reason"`        // entered by an administrator
	BannedUntil       time.Time `db:"banned_until"`      // when the ban ends by itself; zero: never
	DeletedAt         time.Time `db:"deleted_at"`        // zero: not deleted
	DeviceGeneration  int64     `db:"device_generation"` // incremented to invalidate the account's device cookies (package ratelimit)
	DeniedBefore      time.Time `db:"denied_before"`     // earlier sign-ins have ended, in whole seconds; zero: none
	DeniedExcept      string    `db:"denied_except"`     // sid of a sign-in to which DeniedBefore does not apply
}

const userColumns = `id, email, email_normalised, name, password_hash, roles, created_at, updated_at, password_changed_at,
	disabled_at, ban_reason, banned_until, deleted_at, device_generation, denied_before, denied_except`

// Denied reports whether a sign-in that began then was ended together with all others of the user.
func (u User) Denied(sid string, began time.Time) bool {
	return began.Before(u.DeniedBefore) && (sid == "" || sid != u.DeniedExcept)
}

// Disabled reports whether the user may not sign in at now. A ban that has expired needs no lifting.
func (u User) Disabled(now time.Time) bool {
	return !u.DisabledAt.IsZero() && (u.BannedUntil.IsZero() || now.Before(u.BannedUntil))
}

// SignedOutBefore returns the time, in whole seconds, before which all sign-ins of this user have ended; zero if the
// user was never signed out everywhere.
func (s *Store) SignedOutBefore(ctx context.Context, userID string) (time.Time, error) {
	u, err := s.UserByID(ctx, userID)
	return u.DeniedBefore, unlessMissing(err)
}

// UserByID returns the user with that id, or ErrNotFound.
func (s *Store) UserByID(ctx context.Context, id string) (User, error) {
	return selectUser(ctx, s.db, `WHERE id = ?`, id)
}

// UsersByID returns the users with these ids, in no particular order.
func (s *Store) UsersByID(ctx context.Context, ids []string) ([]User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return db.All[User](ctx, s.db, "users", usersByID, ids)
}

const usersByID = `SELECT ` + userColumns + ` FROM users WHERE id IN (?)`

// UserByEmail returns the user with that normalised email, or ErrNotFound.
func (s *Store) UserByEmail(ctx context.Context, normalised string) (User, error) {
	return selectUser(ctx, s.db, `WHERE email_normalised = ?`, normalised)
}

func selectUser(ctx context.Context, q sqlx.ExtContext, where string, args ...any) (User, error) {
	return db.One[User](ctx, q, "user", `SELECT `+userColumns+` FROM users `+where, args...)
}

// lockUser returns a user, locked against other changes until tx commits.
func (s *Store) lockUser(ctx context.Context, tx *sqlx.Tx, id string) (User, error) {
	return selectUser(ctx, tx, `WHERE id = ?`+s.onPostgres(` FOR UPDATE`), id)
}

// lockUndeleted locks a user as lockUser does, and returns ErrNotFound for a deleted account.
func (s *Store) lockUndeleted(ctx context.Context, tx *sqlx.Tx, id string) (User, error) {
	u, err := s.lockUser(ctx, tx, id)
	if err == nil && !u.DeletedAt.IsZero() {
		return User{}, ErrNotFound
	}
	return u, err
}

// lockVerified locks a user as lockUser does, and returns ErrStale unless the user is enabled and has that password
// hash.
func (s *Store) lockVerified(ctx context.Context, tx *sqlx.Tx, id, passwordHash string, now time.Time) (User, error) {
	u, err := s.lockUser(ctx, tx, id)
	if errors.Is(err, ErrNotFound) || err == nil && (u.PasswordHash != passwordHash || u.Disabled(now)) {
		return User{}, ErrStale
	}
	return u, err
}

// Register creates u and its first sign-in, with the events registered and sign_in, in one transaction. It returns
// ErrEmailTaken if another account has this email; then nothing is stored.
func (s *Store) Register(ctx context.Context, u User, first SignIn) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
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
}

// SeedUsers creates the users whose id and email are not taken, and does not change existing ones.
func (s *Store) SeedUsers(ctx context.Context, users []User) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, u := range users {
			if _, err := insertUser(ctx, tx, u); err != nil {
				return err
			}
		}
		return nil
	})
}

// insertUser inserts u and its search terms. It returns 0 if the id or the email is taken. (On PostgreSQL a violated
// constraint would abort the whole transaction; ON CONFLICT DO NOTHING does not.)
func insertUser(ctx context.Context, tx *sqlx.Tx, u User) (int, error) {
	n, err := db.Change(ctx, tx, "insert a user", `INSERT INTO users (`+userColumns+`, indexed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, TRUE) ON CONFLICT DO NOTHING`,
		u.ID, u.Email, u.EmailNormalised, u.Name, u.PasswordHash, toList(u.Roles),
		db.Millis(u.CreatedAt), db.Millis(u.UpdatedAt), db.Millis(u.PasswordChangedAt),
		millisOf(u.DisabledAt), u.BanReason, millisOf(u.BannedUntil), millisOf(u.DeletedAt), u.DeviceGeneration,
		millisOf(u.DeniedBefore), u.DeniedExcept)
	if err != nil || n == 0 {
		return 0, err
	}
	return n, insertTerms(ctx, tx, []User{u})
}

// SetName changes a user's name. It returns ErrNotFound if there is no such user, or the account was deleted.
func (s *Store) SetName(ctx context.Context, id, name string, now time.Time) error {
	return s.updateIndexed(ctx, id, ErrNotFound, nil, `UPDATE users SET name = ?, updated_at = ?, indexed = TRUE
		WHERE id = ? AND deleted_at IS NULL`, name, db.Millis(now), id)
}

// SetEmail changes a user's email, together with the changes of with. It returns ErrStale unless passwordHash, which
// has just been verified, is still the user's, and ErrEmailTaken if another account has the email.
func (s *Store) SetEmail(ctx context.Context, id, passwordHash, email, normalised string, now time.Time, with ...Change) error {
	return s.updateIndexed(ctx, id, ErrStale, with, `UPDATE users SET email = ?, email_normalised = ?, updated_at = ?, indexed = TRUE
		WHERE id = ? AND password_hash = ?`, email, normalised, db.Millis(now), id, passwordHash)
}

// updateIndexed updates a user's name or email, and the search index with it, in one transaction with the changes of
// with. It returns none if there is no such user, and ErrEmailTaken if another account has the email.
func (s *Store) updateIndexed(ctx context.Context, id string, none error, with []Change, statement string, args ...any) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := update(ctx, tx, "change a user", none, statement, args...); db.IsUnique(err) {
			return ErrEmailTaken
		} else if err != nil {
			return err
		}
		u, err := selectUser(ctx, tx, `WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if err := replaceTerms(ctx, tx, u); err != nil {
			return err
		}
		return s.apply(ctx, tx, with)
	})
}

// ForgetDevices returns the change that invalidates the device cookies of an account (package ratelimit).
func ForgetDevices(id string) Change {
	return updating("forget devices", nil, `UPDATE users SET device_generation = device_generation + 1 WHERE id = ?`, id)
}

// ChangePassword returns the change that replaces the hash old, which has just been verified, by hash, and
// invalidates the account's device cookies. It fails with ErrStale if old is no longer the user's.
func ChangePassword(id, old, hash string, now time.Time) Change {
	return updating("change a password", ErrStale, `UPDATE users SET password_hash = ?, password_changed_at = ?, updated_at = ?,
		device_generation = device_generation + 1 WHERE id = ? AND password_hash = ?`, hash, db.Millis(now), db.Millis(now), id, old)
}

// Rehash replaces the hash old by one of the same password with other parameters. It returns ErrStale if old is no
// longer the user's.
func (s *Store) Rehash(ctx context.Context, id, old, hash string) error {
	return update(ctx, s.db, "rehash a password", ErrStale, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`, hash, id, old)
}

// SetRoles returns the change that replaces a user's roles. had are the roles on which the change was based: it
// fails with ErrStale if they have changed. It also fails with ErrNotFound, ErrSameRoles and ErrLastAdmin.
func SetRoles(id string, had, roles []string, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockUndeleted(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case sameRoles(u.Roles, roles):
			return ErrSameRoles
		case !sameRoles(u.Roles, had):
			return ErrStale
		case !slices.Contains(roles, AdminRole):
			if err := s.requireOtherAdmin(ctx, tx, u, now); err != nil {
				return err
			}
		}
		return db.Exec(ctx, tx, "roles", `UPDATE users SET roles = ?, updated_at = ? WHERE id = ?`, toList(roles), db.Millis(now), id)
	}}
}

func sameRoles(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// adminsLock is the key of the advisory lock that serialises changes which may remove an administrator (PostgreSQL).
const adminsLock = 0x6761746561646d69

// requireOtherAdmin returns ErrLastAdmin if u is an administrator and no other one may sign in at now. tx has locked
// u. Other transactions that remove an administrator wait until tx ends, so that two administrators can't remove each
// other concurrently.
func (s *Store) requireOtherAdmin(ctx context.Context, tx *sqlx.Tx, u User, now time.Time) error {
	if !slices.Contains(u.Roles, AdminRole) {
		return nil
	}
	if s.db.Dialect == db.Postgres { // on SQLite tx holds the only write lock
		if err := db.Exec(ctx, tx, "lock the administrators", `SELECT pg_advisory_xact_lock(?)`, int64(adminsLock)); err != nil {
			return err
		}
	}
	return requireRow(ctx, tx, "other administrators", ErrLastAdmin, `SELECT 1 FROM users WHERE `+s.hasRole(AdminRole)+`
		AND id NOT IN (?) AND `+maySignIn+` LIMIT 1`, append([]string{u.ID}, s.locked...), db.Millis(now))
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

// DeletedName is the name of deleted accounts.
const DeletedName = "Deleted account"

// DeleteUser returns the change that deletes an account: it keeps only the id, since other records refer to it, and
// erases all personal data of the account; the audit keeps its rows. The email becomes available. It fails with
// ErrNotFound if the account does not exist or is deleted, ErrLastAdmin if the user is the only administrator who can
// sign in, and ErrStale if passwordHash, which has just been verified, is no longer the user's ("" skips that check).
func DeleteUser(id, passwordHash string, now time.Time) Change {
	return Change{func(ctx context.Context, s *Store, tx *sqlx.Tx) error {
		u, err := s.lockUndeleted(ctx, tx, id)
		if err != nil {
			return err
		}
		if passwordHash != "" && u.PasswordHash != passwordHash {
			return ErrStale
		}
		if err := s.requireOtherAdmin(ctx, tx, u, now); err != nil {
			return err
		}
		u.DeletedAt = now
		if err := replaceTerms(ctx, tx, u); err != nil {
			return err
		}
		if err := db.Exec(ctx, tx, "delete a user", `DELETE FROM saved_filters WHERE user_id = ?`, id); err != nil {
			return err
		}
		// No email has this form, so none is taken.
		return db.Exec(ctx, tx, "delete a user", `UPDATE users SET email = '', email_normalised = ?, name = ?, password_hash = '', roles = '[]',
			ban_reason = '', banned_until = NULL, disabled_at = ?, deleted_at = ?, updated_at = ? WHERE id = ?`,
			"deleted "+id, DeletedName, db.Millis(now), db.Millis(now), db.Millis(now), id)
	}}
}

// Errors of a ban and of its end, besides ErrNotFound and ErrLastAdmin.
var (
	// ErrBanned means that the user is banned already.
	ErrBanned = errors.New("store: the user is banned already")
	// ErrNotBanned means that the user is not banned.
	ErrNotBanned = errors.New("store: the user is not banned")
)

// BanUser returns the change that bans a user until that time, or permanently if it is zero, and invalidates the
// account's device cookies. It records the event user_banned. It fails with ErrNotFound if the user does not exist or
// is deleted, ErrBanned if the user is banned already, and ErrLastAdmin if the user is the only administrator who can
// sign in.
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
		err = db.Exec(ctx, tx, "ban", `UPDATE users SET disabled_at = ?, ban_reason = ?, banned_until = ?, updated_at = ?,
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
		return db.Exec(ctx, tx, "unban", `UPDATE users SET disabled_at = NULL, ban_reason = '', banned_until = NULL, updated_at = ? WHERE id = ?`,
			db.Millis(now), id)
	}}
}
