package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// purgeBatch is the number of rows deleted in one transaction, so that others can write in between.
const purgeBatch = 500

// purge deletes the rows of table that match condition, whose parameter is t, in batches. key is the primary key.
func (s *Store) purge(ctx context.Context, table, key, condition string, t time.Time) error {
	for n := int64(purgeBatch); n == purgeBatch; {
		res, err := s.db.ExecContext(ctx, s.db.Rebind(`DELETE FROM `+table+` WHERE `+key+` IN (SELECT `+key+` FROM `+table+`
			WHERE `+condition+` LIMIT ?)`), db.Millis(t), purgeBatch)
		if err == nil {
			n, err = res.RowsAffected()
		}
		if err != nil {
			return fmt.Errorf("store: purge %s: %w", table, err)
		}
	}
	return nil
}

// PurgeSignIns deletes the sign-ins that ended before t, or were not seen since, with the apps that they opened.
func (s *Store) PurgeSignIns(ctx context.Context, t time.Time) error {
	for {
		n := 0
		err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
			var sids []string
			before := db.Millis(t)
			if err := tx.SelectContext(ctx, &sids, tx.Rebind(`SELECT sid FROM sign_ins WHERE ended_at < ?
				UNION ALL SELECT sid FROM sign_ins WHERE ended_at IS NULL AND last_seen_at < ? LIMIT ?`), before, before, purgeBatch); err != nil {
				return err
			}
			if n = len(sids); n == 0 {
				return nil
			}
			for _, statement := range []string{`DELETE FROM sign_in_clients WHERE sid IN (?)`, `DELETE FROM sign_ins WHERE sid IN (?)`} {
				query, args, err := sqlx.In(statement, sids)
				if err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, tx.Rebind(query), args...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("store: purge sign-ins: %w", err)
		}
		if n < purgeBatch {
			return nil
		}
	}
}
