package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// ErrNotFound means that the record does not exist or belongs to another user.
var ErrNotFound = db.ErrNotFound

// Store reads and writes the Academy's database.
type Store struct{ db *db.DB }

// New returns a Store on a migrated database, or an error if d is nil.
func New(d *db.DB) (*Store, error) {
	if d == nil {
		return nil, errors.New("academy store: no database")
	}
	return &Store{db: d}, nil
}

// NewID returns a new ID of a run or a room: 80 random bits.
func NewID() string { return strings.ToLower(rand.Text()[:16]) }

// lock makes the transactions that lock the same name run one after the other. SQLite's write transactions do so
// anyway.
func (s *Store) lock(ctx context.Context, tx *sqlx.Tx, name string) error {
	if s.db.Dialect != db.Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext($1))`, name)
	return err
}
