package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse/db"
)

// User is one row, as far as a sign-in asks for it.
type User struct {
	ID    int64  `db:"id"`
	Email string `db:"email"`
	Name  string `db:"name"`
}

// Lookup is a way to ask for an email.
type Lookup string

// The two ways.
const (
	Exact  Lookup = "SELECT id, email, name FROM users WHERE email = ?"
	Folded Lookup = "SELECT id, email, name FROM users WHERE LOWER(email) = ?" // ask it for a lower-cased email
)

// Find asks for an email and says how long the answer took.
func (s *Store) Find(ctx context.Context, how Lookup, email string) ([]User, time.Duration, error) {
	query := s.db.Rebind(string(how))
	var found []User
	began := time.Now()
	err := s.q.SelectContext(ctx, &found, query, email)
	took := time.Since(began)
	if err != nil {
		return nil, took, fmt.Errorf("emails: look up: %w", err)
	}
	return found, took, nil
}

// Plan is how the database goes about a look-up, in its own words: on PostgreSQL with
// what it then took.
func (s *Store) Plan(ctx context.Context, how Lookup, email string) (string, error) {
	var lines []string
	if s.db.Dialect == db.Postgres {
		err := s.q.SelectContext(ctx, &lines, "EXPLAIN (ANALYZE, FORMAT TEXT) "+s.db.Rebind(string(how)), email)
		if err != nil {
			return "", fmt.Errorf("emails: plan: %w", err)
		}
		return strings.Join(lines, "\n"), nil
	}
	var steps []struct {
		ID, Parent, NotUsed int64
		Detail              string
	}
	if err := s.q.SelectContext(ctx, &steps, "EXPLAIN QUERY PLAN "+string(how), email); err != nil {
		return "", fmt.Errorf("emails: plan: %w", err)
	}
	for _, step := range steps {
		lines = append(lines, step.Detail)
	}
	return strings.Join(lines, "\n"), nil
}

// Index is one that the table may have.
type Index struct{ Name, SQL string }

// The indexes.
var (
	Plain  = Index{"users_email", `CREATE INDEX users_email ON users (email)`}
	Lower  = Index{"users_email_lower", `CREATE INDEX users_email_lower ON users (LOWER(email))`}
	Unique = Index{"users_email_unique", `CREATE UNIQUE INDEX users_email_unique ON users (LOWER(email))`}
)

// MakeIndex makes an index and says how long that took and how large it is. db.IsUnique
// tells of an index that can't be, since the table has an email twice.
func (s *Store) MakeIndex(ctx context.Context, i Index) (took time.Duration, size int64, err error) {
	before, err := s.Bytes(ctx)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if _, err := s.q.ExecContext(ctx, i.SQL); err != nil {
		return time.Since(began), 0, fmt.Errorf("emails: %s: %w", i.Name, err)
	}
	took = time.Since(began)
	after, err := s.Bytes(ctx)
	if err != nil {
		return took, 0, err
	}
	return took, after - before, s.Settle(ctx)
}

// DropIndex removes an index; one that is not there is none the less gone.
func (s *Store) DropIndex(ctx context.Context, i Index) error {
	if _, err := s.q.ExecContext(ctx, `DROP INDEX IF EXISTS `+i.Name); err != nil {
		return fmt.Errorf("emails: %s: %w", i.Name, err)
	}
	return nil
}
