package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Revocation is one entry of the denylist as stored in the database (package denylist documents its meaning).
type Revocation struct {
	Seq         int64     `db:"seq"`    // ascending
	ReceiptID   string    `db:"ending"` // the receipt that it belongs to
	Kind        string    `db:"kind"`   // sub, sid or jti
	Value       string    `db:"value"`
	Before      time.Time `db:"before_at"`  // of a sub: sign-ins with an earlier auth_time are denied, in whole seconds
	Except      string    `db:"except_sid"` // of a sub: the sid of a sign-in that is not denied
	Reason      string    `db:"reason"`
	Note        string    `db:"note"`
	By          string    `db:"by_user"`
	Client      string    `db:"client_id"`
	At          time.Time `db:"at"`
	Until       time.Time `db:"until_at"`
	PublishedAt time.Time `db:"published_at"` // when Redis had it; zero: not known to be published
}

const revocationColumns = `seq, ending, kind, value, before_at, except_sid, reason, note, by_user, client_id, at, until_at, published_at`

// selectRevocations returns the matching revocations. In the conditions, "+until_at" prevents SQLite from using that
// index: it matches nearly all rows and would require a sort.
func selectRevocations(ctx context.Context, q sqlx.ExtContext, where string, args ...any) ([]Revocation, error) {
	return db.All[Revocation](ctx, q, "revocations", `SELECT `+revocationColumns+` FROM revocations `+where, args...)
}

// PendingRevocations returns the first revocations that are not known to be in Redis and have not expired at now.
func (s *Store) PendingRevocations(ctx context.Context, now time.Time, limit int) ([]Revocation, error) {
	return selectRevocations(ctx, s.db, `WHERE published_at IS NULL AND +until_at > ? ORDER BY seq LIMIT ?`, db.Millis(now), limit)
}

// ActiveRevocations returns a page of the revocations that have not expired at now: the first with a Seq above
// after. published omits those that were never published.
func (s *Store) ActiveRevocations(ctx context.Context, after int64, now time.Time, published bool, limit int) ([]Revocation, error) {
	only := ``
	if published {
		only = ` AND published_at IS NOT NULL`
	}
	return selectRevocations(ctx, s.db, `WHERE seq > ? AND +until_at > ?`+only+` ORDER BY seq LIMIT ?`, after, db.Millis(now), limit)
}

// RevocationsOf returns the revocations of one receipt.
func (s *Store) RevocationsOf(ctx context.Context, receiptID string) ([]Revocation, error) {
	return selectRevocations(ctx, s.db, `WHERE ending = ? ORDER BY seq`, receiptID)
}

// MarkRevocationsPublished records that Redis has the revocations with these numbers.
func (s *Store) MarkRevocationsPublished(ctx context.Context, seqs []int64, now time.Time) error {
	if len(seqs) == 0 {
		return nil
	}
	return db.Exec(ctx, s.db, "revocations published", `UPDATE revocations SET published_at = ? WHERE seq IN (?) AND published_at IS NULL`, db.Millis(now), seqs)
}

// HighestRevocation returns the highest number that Redis must have: that of the last published revocation that has
// not expired at now; 0 if there is none.
func (s *Store) HighestRevocation(ctx context.Context, now time.Time) (int64, error) {
	return db.One[int64](ctx, s.db, "highest revocation", `SELECT COALESCE((SELECT seq FROM revocations
		WHERE published_at IS NOT NULL AND until_at > ? ORDER BY seq DESC LIMIT 1), 0)`, db.Millis(now))
}

// DenylistQuery selects entries of the denylist that have not expired at Now. After is the Seq of the last entry of
// the previous page (the list is in descending order), Before that of the first of the next page.
type DenylistQuery struct {
	Kind, Reason  string   // "" for all
	Waiting       bool     // only those that Redis does not have yet
	Values        []string // with People: only these values, or those of these users and their sign-ins
	People        []string
	Now           time.Time
	After, Before int64
	Limit         int
}

// DenylistEntry is a revocation with the user that it is about and the user who made it, if known.
type DenylistEntry struct {
	Revocation
	PersonID string `db:"person_id"`
	Person   string `db:"person"`
	Email    string `db:"email"`
	ByName   string `db:"by_name"`
}

// Denylist returns a page of the denylist in the database, the latest entry first, and whether there are more in the
// requested direction.
func (s *Store) Denylist(ctx context.Context, q DenylistQuery) (page []DenylistEntry, more bool, err error) {
	query, args, err := q.statement()
	if err != nil {
		return nil, false, err
	}
	rows, err := db.All[DenylistEntry](ctx, s.db, "denylist", query, args...)
	page, more = trimPage(rows, q.Limit, q.Before != 0)
	return page, more, err
}

// statement returns a query that first selects the entries by one index, and then joins the users of the page.
func (q DenylistQuery) statement() (string, []any, error) {
	// "+" prevents SQLite from using the index of until_at: it matches nearly all entries and would require a sort.
	where, args := "+until_at > ?", []any{db.Millis(q.Now)}
	if q.Kind != "" {
		where, args = where+" AND kind = ?", append(args, q.Kind)
	}
	if q.Reason != "" {
		where, args = where+" AND reason = ?", append(args, q.Reason)
	}
	if q.Waiting {
		where += " AND published_at IS NULL"
	}
	if len(q.Values)+len(q.People) > 0 {
		values, of, err := q.values()
		if err != nil {
			return "", nil, err
		}
		where, args = where+" AND value IN ("+values+")", append(args, of...)
	}
	order := "DESC"
	switch {
	case q.Before != 0:
		where, args, order = where+" AND seq > ?", append(args, q.Before), "ASC"
	case q.After != 0:
		where, args = where+" AND seq < ?", append(args, q.After)
	}
	return `SELECT r.seq, r.ending, r.kind, r.value, r.before_at, r.except_sid, r.reason, r.note, r.client_id, r.at, r.until_at, r.published_at, r.by_user,
		COALESCE(u.id, '') AS person_id, COALESCE(u.name, '') AS person, COALESCE(u.email, '') AS email, COALESCE(b.name, '') AS by_name
		FROM (SELECT * FROM revocations WHERE ` + where + ` ORDER BY seq ` + order + ` LIMIT ?) AS r
		LEFT JOIN users u ON u.id = CASE r.kind WHEN 'sub' THEN r.value
			WHEN 'sid' THEN (SELECT s.user_id FROM sign_ins s WHERE s.sid = r.value)
			ELSE (SELECT f.user_id FROM refresh_tokens f WHERE f.family = r.value LIMIT 1) END
		LEFT JOIN users b ON b.id = r.by_user AND r.by_user <> ''
		ORDER BY r.seq ` + order, append(args, q.Limit+1), nil
}

// values returns the values to match: those given, the users, and the users' sign-ins that have ended.
func (q DenylistQuery) values() (string, []any, error) {
	values := slices.Concat(q.Values, q.People)
	if len(q.People) == 0 {
		return sqlx.In(`?`, values)
	}
	var parts []string
	var args []any
	for _, v := range values {
		parts, args = append(parts, `SELECT CAST(? AS TEXT)`), append(args, v)
	}
	of, people, err := sqlx.In(`SELECT sid FROM sign_ins WHERE user_id IN (?) AND ended_at IS NOT NULL`, q.People)
	return strings.Join(append(parts, of), " UNION ALL "), append(args, people...), err
}

// Receipt is the stored result of one revocation: the confirmations of the replicas, and the notices to clients.
type Receipt struct {
	ID        string    `db:"ending"`
	UserID    string    `db:"user_id"` // the user that it is about; "" for a token
	Reason    string    `db:"reason"`
	CreatedAt time.Time `db:"created_at"`
	Text      string    `db:"receipt"` // JSON, of package revoke
}

// ChangeReceipt applies change to the text of the stored receipt with r.ID, or of r if there is none, and stores the
// result, in one transaction. If change fails, ChangeReceipt returns an error that wraps that of change, and stores
// nothing.
func (s *Store) ChangeReceipt(ctx context.Context, r Receipt, change func(text string) (string, error)) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// An existing row is locked by this statement too. One that describes a token or a sign-in may lack the user.
		text, err := db.One[string](ctx, tx, "receipt", `INSERT INTO receipts (ending, user_id, reason, created_at, receipt) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (ending) DO UPDATE SET user_id = CASE WHEN receipts.user_id = '' THEN excluded.user_id ELSE receipts.user_id END RETURNING receipt`,
			r.ID, r.UserID, r.Reason, db.Millis(r.CreatedAt), r.Text)
		if err != nil {
			return err
		}
		if text, err = change(text); err != nil {
			return err
		}
		return db.Exec(ctx, tx, "receipt", `UPDATE receipts SET receipt = ? WHERE ending = ?`, text, r.ID)
	})
}

const selectReceipts = `SELECT ending, user_id, reason, created_at, receipt FROM receipts `

// Receipt returns the receipt of one revocation, or ErrNotFound.
func (s *Store) Receipt(ctx context.Context, id string) (Receipt, error) {
	return db.One[Receipt](ctx, s.db, "receipt", selectReceipts+`WHERE ending = ?`, id)
}

const latestReceipts = `ORDER BY created_at DESC, ending DESC LIMIT ?`

// ReceiptsOf returns the last receipts about a user, the newest first.
func (s *Store) ReceiptsOf(ctx context.Context, userID string, limit int) ([]Receipt, error) {
	return db.All[Receipt](ctx, s.db, "receipts of a user", selectReceipts+`WHERE user_id = ? `+latestReceipts, userID, limit)
}

// LastReceipts returns the last receipts of all users, the newest first.
func (s *Store) LastReceipts(ctx context.Context, limit int) ([]Receipt, error) {
	return db.All[Receipt](ctx, s.db, "last receipts", selectReceipts+latestReceipts, limit)
}

// PurgeReceipts deletes the receipts from before t.
func (s *Store) PurgeReceipts(ctx context.Context, t time.Time) error {
	return s.purge(ctx, `receipts`, `ending`, `created_at < ?`, t)
}

// expiredRetention is how long an expired revocation is kept: if a clock jumps ahead for a while, no revocation is
// lost that is still needed afterwards.
const expiredRetention = 24 * time.Hour

// PurgeRevocations deletes the revocations that expired more than a day before now.
func (s *Store) PurgeRevocations(ctx context.Context, now time.Time) error {
	return s.purge(ctx, `revocations`, `seq`, `until_at <= ?`, now.Add(-expiredRetention))
}
