package store

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// indexedAtOnce is the number of users whose words are stored in one transaction, so that others wait no longer than
// for a sign-in.
const indexedAtOnce = 200

// IndexUsers stores the words of users that have none stored, because they are older than the search index or were
// inserted by hand, and returns their number. Replicas may call it concurrently.
func (s *Store) IndexUsers(ctx context.Context) (indexed int, err error) {
	for {
		n, err := s.indexSome(ctx)
		indexed += n
		if err != nil || n == 0 {
			return indexed, err
		}
	}
}

func (s *Store) indexSome(ctx context.Context) (n int, err error) {
	query := `SELECT ` + userColumns + ` FROM users WHERE NOT indexed ORDER BY id LIMIT ?`
	if s.db.Dialect == db.Postgres {
		query += ` FOR UPDATE SKIP LOCKED`
	} else {
		// Most starts find none: check before taking the write lock.
		if err := s.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM users WHERE NOT indexed LIMIT 1) AS some`); err != nil || n == 0 {
			return 0, err
		}
	}
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		var rows []userRow
		if err := tx.SelectContext(ctx, &rows, tx.Rebind(query), indexedAtOnce); err != nil {
			return fmt.Errorf("store: people without words: %w", err)
		}
		if n = len(rows); n == 0 {
			return nil
		}
		users, ids := make([]User, n), make([]string, n)
		for i, r := range rows {
			if users[i], err = r.user(); err != nil {
				return err
			}
			ids[i] = r.ID
		}
		if err := keepWords(ctx, tx, users...); err != nil {
			return err
		}
		query, args, err := sqlx.In(`UPDATE users SET indexed = TRUE WHERE id IN (?)`, ids)
		if err != nil {
			return fmt.Errorf("store: people without words: %w", err)
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(query), args...); err != nil {
			return fmt.Errorf("store: people without words: %w", err)
		}
		return nil
	})
	return n, err
}
