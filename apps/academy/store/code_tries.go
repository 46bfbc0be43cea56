package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Tries says how many codes somebody may try within a window of time. Who is a name that the caller has hashed.
type Tries struct {
	Who string
	Max int64
}

// TooManyTriesError says how long to wait for the next try.
type TooManyTriesError struct{ Wait time.Duration }

// Error names the waiting time.
func (e *TooManyTriesError) Error() string {
	return fmt.Sprintf("academy: too many codes were tried; wait %s", e.Wait)
}

// maxTriesForgotten bounds how many ended windows one try clears away.
const maxTriesForgotten = 100

// CountTry counts a try of a code for each of all, in windows that begin with the first try. It returns
// *TooManyTriesError, and counts nothing, if one of them has none left. The caller names all in the same order each
// time, so that no two transactions wait for each other.
func (s *Store) CountTry(ctx context.Context, all []Tries, window time.Duration, now time.Time) error {
	at := db.Millis(now)
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, t := range all {
			var got struct {
				Tries  int64 `db:"tries"`
				EndsAt int64 `db:"ends_at"`
			}
			err := tx.GetContext(ctx, &got, tx.Rebind(`INSERT INTO code_tries (who, tries, ends_at) VALUES (?, 1, ?)
				ON CONFLICT (who) DO UPDATE SET
					tries = CASE WHEN code_tries.ends_at <= ? THEN 1 ELSE code_tries.tries + 1 END,
					ends_at = CASE WHEN code_tries.ends_at <= ? THEN excluded.ends_at ELSE code_tries.ends_at END
				RETURNING tries, ends_at`), t.Who, at+window.Milliseconds(), at, at)
			if err != nil {
				return err
			}
			if got.Tries > t.Max {
				return &TooManyTriesError{Wait: db.Time(got.EndsAt).Sub(now)}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count a try: %w", err)
	}
	lock := ""
	if s.db.Dialect == db.Postgres { // leave what another transaction is counting
		lock = " FOR UPDATE SKIP LOCKED"
	}
	_, err = s.db.ExecContext(ctx, s.db.Rebind(`DELETE FROM code_tries WHERE who IN (SELECT who FROM code_tries WHERE ends_at <= ? LIMIT ?`+lock+`)`), at, maxTriesForgotten)
	if err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return nil
}

// ForgiveTry takes back what CountTry counted, because the code was right.
func (s *Store) ForgiveTry(ctx context.Context, all []Tries) error {
	for _, t := range all {
		if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE code_tries SET tries = tries - 1 WHERE who = ? AND tries > 0`), t.Who); err != nil {
			return fmt.Errorf("forgive a try: %w", err)
		}
	}
	return nil
}
