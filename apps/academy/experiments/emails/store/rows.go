package store

import (
	"context"
	"fmt"

	"gatehouse.example/db"
)

// Batch is the maximum number of rows of one Grow: quick enough that filling can be stopped in between.
const Batch = 20_000

// everyTenth is the interval of users whose email begins with a capital letter.
const everyTenth = 10

// Email returns the email of user number n, counted from 1. Some begin with a capital letter, as people write them.
func Email(n int) string {
	if n%everyTenth == 0 {
		return fmt.Sprintf("User%06d@example.com", n)
	}
	return fmt.Sprintf("user%06d@example.com", n)
}

// create makes the table as a service's migration would. An UNLOGGED table of PostgreSQL need not survive a crash.
var create = map[db.Dialect]string{
	db.SQLite: `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, password_hash TEXT NOT NULL, created_at INTEGER NOT NULL)`,
	db.Postgres: `CREATE UNLOGGED TABLE users (
		id BIGINT PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, password_hash TEXT NOT NULL, created_at BIGINT NOT NULL) WITH (autovacuum_enabled = off)`,
}

// grow inserts the users of a range of numbers inside the database, which is far quicker than sending rows. The
// password hash is a random text as long as an Argon2id hash.
var grow = map[db.Dialect]string{
	db.SQLite: `WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO users (id, email, name, password_hash, created_at)
		SELECT i, CASE WHEN i % 10 = 0 THEN 'U' ELSE 'u' END || printf('ser%06d@example.com', i), 'Customer ' || i,
			'$argon2id$v=19$m=65536,t=3,p=2$' || hex(randomblob(11)) || '$' || hex(randomblob(21)), 1700000000000 + i * 1000 FROM n`,
	db.Postgres: `INSERT INTO users (id, email, name, password_hash, created_at)
		SELECT i, CASE WHEN i % 10 = 0 THEN 'U' ELSE 'u' END || 'ser' || lpad(i::text, greatest(6, length(i::text)), '0') || '@example.com', 'Customer ' || i,
			'$argon2id$v=19$m=65536,t=3,p=2$' || left(md5(i::text), 22) || '$' || md5((i + 1)::text) || left(md5((i + 2)::text), 10), 1700000000000 + i * 1000
		FROM generate_series($1::bigint, $2::bigint) AS i`,
}

// Empty recreates the table, without rows and indexes.
func (s *Store) Empty(ctx context.Context) error {
	for _, statement := range []string{`DROP TABLE IF EXISTS users`, create[s.db.Dialect]} {
		if _, err := s.q.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("emails: an empty table: %w", err)
		}
	}
	return nil
}

// Grow adds the users numbered from to to, inclusive; at most Batch.
func (s *Store) Grow(ctx context.Context, from, to int) error {
	if from < 1 || to < from || to-from >= Batch {
		return fmt.Errorf("emails: users %d to %d are not a batch", from, to)
	}
	if _, err := s.q.ExecContext(ctx, grow[s.db.Dialect], from, to); err != nil {
		return fmt.Errorf("emails: users %d to %d: %w", from, to, err)
	}
	return nil
}

// Settle updates PostgreSQL's statistics, which its plans are based on, as autovacuum would in time.
func (s *Store) Settle(ctx context.Context) error {
	if s.db.Dialect != db.Postgres {
		return nil
	}
	if _, err := s.q.ExecContext(ctx, `ANALYZE users`); err != nil {
		return fmt.Errorf("emails: ANALYZE: %w", err)
	}
	return nil
}

// Count returns the number of users.
func (s *Store) Count(ctx context.Context) (n int, err error) {
	if err := s.q.GetContext(ctx, &n, `SELECT COUNT(*) FROM users`); err != nil {
		return 0, fmt.Errorf("emails: count: %w", err)
	}
	return n, nil
}

// Bytes returns the size of the table with its indexes.
func (s *Store) Bytes(ctx context.Context) (n int64, err error) {
	query := `SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)`
	if s.db.Dialect == db.Postgres {
		query = `SELECT pg_total_relation_size('users')`
	}
	if err := s.q.GetContext(ctx, &n, query); err != nil {
		return 0, fmt.Errorf("emails: size: %w", err)
	}
	if s.db.Dialect == db.SQLite {
		n *= pageSize
	}
	return n, nil
}

// Register adds a user as a service's sign-up would. The error satisfies db.IsUnique if a unique index rejects the
// email.
func (s *Store) Register(ctx context.Context, email, name string) error {
	query := `INSERT INTO users (id, email, name, password_hash, created_at) SELECT MAX(id) + 1, ?, ?, '', 0 FROM users`
	if s.db.Dialect == db.Postgres {
		query = `INSERT INTO users (id, email, name, password_hash, created_at) SELECT MAX(id) + 1, $1, $2, '', 0 FROM users`
	}
	if _, err := s.q.ExecContext(ctx, query, email, name); err != nil {
		return fmt.Errorf("emails: register: %w", err)
	}
	return nil
}

// RemoveAfter removes the users with higher numbers and returns how many there were.
func (s *Store) RemoveAfter(ctx context.Context, number int) (int64, error) {
	res, err := s.q.ExecContext(ctx, s.db.Rebind(`DELETE FROM users WHERE id > ?`), number)
	if err != nil {
		return 0, fmt.Errorf("emails: remove: %w", err)
	}
	return res.RowsAffected()
}
