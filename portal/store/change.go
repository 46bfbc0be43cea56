package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Change is a write that is part of a transaction: a ban in the transaction that ends the user's sign-ins, for
// example, or a row of the audit.
type Change struct {
	apply func(ctx context.Context, s *Store, tx *sqlx.Tx) error
}

// Apply applies changes in one transaction, without ending a sign-in. It returns an error that wraps the first error
// of a change; then nothing is stored.
func (s *Store) Apply(ctx context.Context, changes ...Change) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error { return s.apply(ctx, tx, changes) })
	if err != nil {
		return fmt.Errorf("store: apply changes: %w", err)
	}
	return nil
}

func (s *Store) apply(ctx context.Context, tx *sqlx.Tx, changes []Change) error {
	for _, c := range changes {
		if err := c.apply(ctx, s, tx); err != nil {
			return err
		}
	}
	return nil
}
