package store

import (
	"context"
	"errors"
	"slices"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// ErrNotFound means that there is no such record.
var ErrNotFound = db.ErrNotFound

// Store is the portal's database. It is safe for concurrent use.
type Store struct {
	db     *db.DB
	locked []string
}

// New returns a store on d, which must be migrated, or an error if d is nil. The users with the ids locked can't sign
// in.
func New(d *db.DB, locked ...string) (*Store, error) {
	if d == nil {
		return nil, errors.New("store: a database is needed")
	}
	return &Store{db: d, locked: locked}, nil
}

// Locked reports whether the user can't sign in to this portal, whatever the database says of them.
func (s *Store) Locked(userID string) bool { return slices.Contains(s.locked, userID) }

// Change is a write that is part of a transaction: a ban in the transaction that ends the user's sign-ins, for
// example, or a row of the audit.
type Change struct {
	apply func(ctx context.Context, s *Store, tx *sqlx.Tx) error
}

// Apply applies changes in one transaction, without ending a sign-in. It returns an error that wraps the first error
// of a change; then nothing is stored.
func (s *Store) Apply(ctx context.Context, changes ...Change) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error { return s.apply(ctx, tx, changes) })
}

func (s *Store) apply(ctx context.Context, tx *sqlx.Tx, changes []Change) error {
	for _, c := range changes {
		if err := c.apply(ctx, s, tx); err != nil {
			return err
		}
	}
	return nil
}
