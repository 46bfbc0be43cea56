package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Revocation is one entry of the denylist as stored in the database (package denylist documents its meaning).
type Revocation struct {
	Seq         int64  // ascending
	ReceiptID      string // the revocation request that it belongs to
	Kind        string // sub, sid or jti
	Value       string
	Before      time.Time // of a sub: sign-ins with an earlier auth_time are denied, in whole seconds
	Except      string    // of a sub: the sid of a sign-in that is not denied
	Reason      string
	Note        string
	By          string
	Client      string
	At          time.Time
	Until       time.Time
	PublishedAt time.Time // when Redis had it; zero: not known to be published
}

type revocationRow struct {
	Seq         int64  `db:"seq"`
	Ending      string `db:"ending"`
	Kind        string `db:"kind"`
	Value       string `db:"value"`
	BeforeAt    *int64 `db:"before_at"`
	Except      string `db:"except_sid"`
	Reason      string `db:"reason"`
	Note        string `db:"note"`
	By          string `db:"by_user"`
	Client      string `db:"client_id"`
	At          int64  `db:"at"`
	UntilAt     int64  `db:"until_at"`
	PublishedAt *int64 `db:"published_at"`
}

func (r revocationRow) revocation() Revocation {
	return Revocation{
		Seq: r.Seq, ReceiptID: r.Ending, Kind: r.Kind, Value: r.Value, Before: timeOf(r.BeforeAt), Except: r.Except, Reason: r.Reason, Note: r.Note, By: r.By,
		Client: r.Client, At: db.Time(r.At), Until: db.Time(r.UntilAt), PublishedAt: timeOf(r.PublishedAt),
	}
}

// insertRevocation stores r and sets its Seq. tidyAt, for a denial of a user, is when a replica may continue to end
// the denied sign-ins; zero: there are none.
func insertRevocation(ctx context.Context, tx *sqlx.Tx, r *Revocation, tidyAt time.Time) error {
	return tx.QueryRowxContext(ctx, tx.Rebind(`INSERT INTO revocations
		(ending, kind, value, before_at, except_sid, reason, note, by_user, client_id, at, until_at, tidy_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`),
		r.ReceiptID, r.Kind, r.Value, millisOf(r.Before), r.Except, r.Reason, r.Note, r.By, r.Client, db.Millis(r.At), db.Millis(r.Until),
		millisOf(tidyAt)).Scan(&r.Seq)
}

const revocationColumns = `seq, ending, kind, value, before_at, except_sid, reason, note, by_user, client_id, at, until_at, published_at`

// revocations returns the matching revocations. In the conditions, "+until_at" prevents SQLite from using that
// index: it matches nearly all rows and would require a sort.
func revocations(ctx context.Context, q sqlx.ExtContext, where string, args ...any) ([]Revocation, error) {
	return selectRevocations(ctx, q, `SELECT `+revocationColumns+` FROM revocations `+where, args...)
}

func selectRevocations(ctx context.Context, q sqlx.ExtContext, query string, args ...any) ([]Revocation, error) {
	var rows []revocationRow
	if err := sqlx.SelectContext(ctx, q, &rows, q.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("store: revocations: %w", err)
	}
	all := make([]Revocation, len(rows))
	for i, r := range rows {
		all[i] = r.revocation()
	}
	return all, nil
}

// PendingRevocations returns the first revocations that are not known to be in Redis and have not expired at now.
func (s *Store) PendingRevocations(ctx context.Context, now time.Time, limit int) ([]Revocation, error) {
	return revocations(ctx, s.db, `WHERE published_at IS NULL AND +until_at > ? ORDER BY seq LIMIT ?`, db.Millis(now), limit)
}

// ActiveRevocations returns a page of the revocations that have not expired at now: the first with a Seq above
// after. published omits those that were never published.
func (s *Store) ActiveRevocations(ctx context.Context, after int64, now time.Time, published bool, limit int) ([]Revocation, error) {
	only := ``
	if published {
		only = ` AND published_at IS NOT NULL`
	}
	return revocations(ctx, s.db, `WHERE seq > ? AND +until_at > ?`+only+` ORDER BY seq LIMIT ?`, after, db.Millis(now), limit)
}

// RevocationsOf returns the revocations of one request.
func (s *Store) RevocationsOf(ctx context.Context, ending string) ([]Revocation, error) {
	return revocations(ctx, s.db, `WHERE ending = ? ORDER BY seq`, ending)
}

// MarkRevocationsPublished records that Redis has the revocations with these numbers.
func (s *Store) MarkRevocationsPublished(ctx context.Context, seqs []int64, now time.Time) error {
	if len(seqs) == 0 {
		return nil
	}
	query, args, err := sqlx.In(`UPDATE revocations SET published_at = ? WHERE seq IN (?) AND published_at IS NULL`, db.Millis(now), seqs)
	if err == nil {
		_, err = s.db.ExecContext(ctx, s.db.Rebind(query), args...)
	}
	if err != nil {
		return fmt.Errorf("store: revocations published: %w", err)
	}
	return nil
}

// HighestRevocation returns the highest number that Redis must have: that of the last published revocation that has
// not expired at now; 0 if there is none.
func (s *Store) HighestRevocation(ctx context.Context, now time.Time) (int64, error) {
	var high int64
	if err := s.db.GetContext(ctx, &high, s.db.Rebind(`SELECT COALESCE((SELECT seq FROM revocations
		WHERE published_at IS NOT NULL AND until_at > ? ORDER BY seq DESC LIMIT 1), 0)`), db.Millis(now)); err != nil {
		return 0, fmt.Errorf("store: highest revocation: %w", err)
	}
	return high, nil
}

// purgedAfter is how long an expired revocation is kept: if a clock jumps ahead for a while, no revocation is lost
// that is still needed afterwards.
const purgedAfter = 24 * time.Hour

// PurgeRevocations deletes the revocations that expired more than a day before now.
func (s *Store) PurgeRevocations(ctx context.Context, now time.Time) error {
	return s.purge(ctx, `revocations`, `seq`, `until_at <= ?`, now.Add(-purgedAfter))
}
