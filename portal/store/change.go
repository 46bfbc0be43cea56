package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Change is something that happens in the transaction of an ending, or not at
// all: a ban that ends all sign-ins, say, or a line of the audit.
type Change struct {
	apply func(ctx context.Context, s *Store, tx *sqlx.Tx) error
}

// Apply makes changes that end no sign-in, in one transaction. An error of a
// change is found in what comes back; then nothing is stored.
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
