package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gatehouse.example/db"
)

// User is a row, with the columns that a sign-in needs.
type User struct {
	ID    int64  `db:"id"`
	Email string `db:"email"`
	Name  string `db:"name"`
}

// Lookup is a query that finds an email.
type Lookup string

// The two queries.
const (
	Exact  Lookup = "SELECT id, email, name FROM users WHERE email = ?"
	Folded Lookup = "SELECT id, email, name FROM users WHERE LOWER(email) = ?" // takes a lower-cased email
)

// Find runs a look-up and returns the users found and the time that it took.
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

// Plan returns the database's query plan for a look-up; on PostgreSQL, it runs the query and includes the measured
// times.
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

// Index is an index of the table.
type Index struct{ Name, SQL string }

// The indexes.
var (
	Plain  = Index{"users_email", `CREATE INDEX users_email ON users (email)`}
	Lower  = Index{"users_email_lower", `CREATE INDEX users_email_lower ON users (LOWER(email))`}
	Unique = Index{"users_email_unique", `CREATE UNIQUE INDEX users_email_unique ON users (LOWER(email))`}
)

// MakeIndex makes an index and returns the time that it took and its size in bytes. The error satisfies db.IsUnique
// if the table holds an email twice.
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

// DropIndex drops an index if it exists.
func (s *Store) DropIndex(ctx context.Context, i Index) error {
	if _, err := s.q.ExecContext(ctx, `DROP INDEX IF EXISTS `+i.Name); err != nil {
		return fmt.Errorf("emails: %s: %w", i.Name, err)
	}
	return nil
}
