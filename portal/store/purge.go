package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// purgeBatch is the number of rows deleted in one transaction, so that others can write in between.
const purgeBatch = 500

// purge deletes the rows of table that match condition, whose parameter is t, in batches. key is the primary key.
func (s *Store) purge(ctx context.Context, table, key, condition string, t time.Time) error {
	for {
		n, err := db.Change(ctx, s.db, "purge "+table, `DELETE FROM `+table+` WHERE `+key+` IN (SELECT `+key+` FROM `+table+`
			WHERE `+condition+` LIMIT ?)`, db.Millis(t), purgeBatch)
		if err != nil || n < purgeBatch {
			return err
		}
	}
}

// PurgeRefreshTokens deletes the tokens that expired before t.
func (s *Store) PurgeRefreshTokens(ctx context.Context, t time.Time) error {
	return s.purge(ctx, `refresh_tokens`, `hash`, `expires_at < ?`, t)
}

// PurgeReceipts deletes the receipts from before t.
func (s *Store) PurgeReceipts(ctx context.Context, t time.Time) error {
	return s.purge(ctx, `receipts`, `ending`, `created_at < ?`, t)
}

// PurgeKeys deletes the keys whose publication ended before that time.
func (s *Store) PurgeKeys(ctx context.Context, before time.Time) error {
	return s.purge(ctx, `signing_keys`, `kid`, `not_after <= ?`, before)
}

// PurgeNotices deletes the notices that were delivered before delivered, and those that were given up before givenUp.
func (s *Store) PurgeNotices(ctx context.Context, delivered, givenUp time.Time) error {
	return errors.Join(s.purge(ctx, `backchannel_outbox`, `id`, `delivered_at IS NOT NULL AND delivered_at < ?`, delivered),
		s.purge(ctx, `backchannel_outbox`, `id`, `given_up_at IS NOT NULL AND given_up_at < ?`, givenUp))
}

// expiredRetention is how long an expired revocation is kept: if a clock jumps ahead for a while, no revocation is
// lost that is still needed afterwards.
const expiredRetention = 24 * time.Hour

// PurgeRevocations deletes the revocations that expired more than a day before now.
func (s *Store) PurgeRevocations(ctx context.Context, now time.Time) error {
	return s.purge(ctx, `revocations`, `seq`, `until_at <= ?`, now.Add(-expiredRetention))
}

// PurgeSignIns deletes the sign-ins that ended before t, or were not seen since, with the apps that they opened.
func (s *Store) PurgeSignIns(ctx context.Context, t time.Time) error {
	for {
		var sids []string
		err := s.db.Tx(ctx, func(tx *sqlx.Tx) (err error) {
			sids, err = db.All[string](ctx, tx, "purge sign-ins", `SELECT sid FROM sign_ins WHERE ended_at < ?
				UNION ALL SELECT sid FROM sign_ins WHERE ended_at IS NULL AND last_seen_at < ? LIMIT ?`, db.Millis(t), db.Millis(t), purgeBatch)
			if err != nil || len(sids) == 0 {
				return err
			}
			if err := db.Exec(ctx, tx, "purge sign-ins", `DELETE FROM sign_in_clients WHERE sid IN (?)`, sids); err != nil {
				return err
			}
			return db.Exec(ctx, tx, "purge sign-ins", `DELETE FROM sign_ins WHERE sid IN (?)`, sids)
		})
		if err != nil || len(sids) < purgeBatch {
			return err
		}
	}
}
