package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Revocation is one entry of the denylist as stored in the database (package denylist documents its meaning).
type Revocation struct {
	Seq         int64  // ascending
	Ending      string // the revocation request that it belongs to
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
		Seq: r.Seq, Ending: r.Ending, Kind: r.Kind, Value: r.Value, Before: timeOf(r.BeforeAt), Except: r.Except, Reason: r.Reason, Note: r.Note, By: r.By,
		Client: r.Client, At: db.Time(r.At), Until: db.Time(r.UntilAt), PublishedAt: timeOf(r.PublishedAt),
	}
}

// insertRevocation stores r and sets its Seq. tidyAt, for a denial of a user, is when a replica may continue to end
// the denied sign-ins; zero: there are none.
func insertRevocation(ctx context.Context, tx *sqlx.Tx, r *Revocation, tidyAt time.Time) error {
	return tx.QueryRowxContext(ctx, tx.Rebind(`INSERT INTO revocations
		(ending, kind, value, before_at, except_sid, reason, note, by_user, client_id, at, until_at, tidy_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`),
		r.Ending, r.Kind, r.Value, millisOf(r.Before), r.Except, r.Reason, r.Note, r.By, r.Client, db.Millis(r.At), db.Millis(r.Until),
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

// LivingRevocations returns a page of the revocations that have not expired at now: the first with a Seq above
// after. published omits those that were never published.
func (s *Store) LivingRevocations(ctx context.Context, after int64, now time.Time, published bool, limit int) ([]Revocation, error) {
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

// RevocationsPublished records that Redis has the revocations with these numbers.
func (s *Store) RevocationsPublished(ctx context.Context, seqs []int64, now time.Time) error {
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

// DeniedQuery selects entries of the denylist that have not expired at Now. After is the Seq of the last entry of
// the previous page (the list is in descending order), Before that of the first of the next page.
type DeniedQuery struct {
	Kind, Reason  string   // "" for all
	Waiting       bool     // only those that Redis does not have yet
	Values        []string // with People: only these values, or those of these users and their sign-ins
	People        []string
	Now           time.Time
	After, Before int64
	Limit         int
}

// Denied is an entry of the denylist, as in denylist.Entry, with the user that it is about and the user who made it,
// if known. Published is zero until Redis has it.
type Denied struct {
	Seq                     int64
	Ending                  string
	Kind, Value             string
	Before                  time.Time
	Except                  string // sid of a sign-in that is not denied
	Reason, Note            string
	Client                  string
	At, Until, Published    time.Time
	PersonID, Person, Email string
	ByID, By                string
}

type deniedRow struct {
	Seq       int64  `db:"seq"`
	Ending    string `db:"ending"`
	Kind      string `db:"kind"`
	Value     string `db:"value"`
	Before    *int64 `db:"before_at"`
	Except    string `db:"except_sid"`
	Reason    string `db:"reason"`
	Note      string `db:"note"`
	ClientID  string `db:"client_id"`
	At        int64  `db:"at"`
	Until     int64  `db:"until_at"`
	Published *int64 `db:"published_at"`
	PersonID  string `db:"person_id"`
	Person    string `db:"person"`
	Email     string `db:"email"`
	ByID      string `db:"by_user"`
	By        string `db:"by_name"`
}

// DenyList returns a page of the denylist in the database, the latest entry first, and whether there are more in the
// requested direction.
func (s *Store) DenyList(ctx context.Context, q DeniedQuery) (page []Denied, more bool, err error) {
	query, args, err := q.statement()
	if err != nil {
		return nil, false, fmt.Errorf("store: denylist: %w", err)
	}
	var rows []deniedRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, false, fmt.Errorf("store: denylist: %w", err)
	}
	if more = len(rows) > q.Limit; more {
		rows = rows[:q.Limit]
	}
	if q.Before != 0 {
		slices.Reverse(rows)
	}
	for _, r := range rows {
		page = append(page, Denied{
			Seq: r.Seq, Ending: r.Ending, Kind: r.Kind, Value: r.Value, Before: timeOf(r.Before), Except: r.Except, Reason: r.Reason, Note: r.Note,
			Client: r.ClientID, At: db.Time(r.At), Until: db.Time(r.Until), Published: timeOf(r.Published),
			PersonID: r.PersonID, Person: r.Person, Email: r.Email, ByID: r.ByID, By: r.By,
		})
	}
	return page, more, nil
}

// statement returns a query that first selects the entries by one index, and then joins the users of the page.
func (q DeniedQuery) statement() (string, []any, error) {
	// "+" prevents SQLite from using the index of until_at: it matches nearly all entries and would require a sort.
	where, args := []string{"+until_at > ?"}, []any{db.Millis(q.Now)}
	if q.Kind != "" {
		where, args = append(where, "kind = ?"), append(args, q.Kind)
	}
	if q.Reason != "" {
		where, args = append(where, "reason = ?"), append(args, q.Reason)
	}
	if q.Waiting {
		where = append(where, "published_at IS NULL")
	}
	if len(q.Values)+len(q.People) > 0 {
		named, of, err := q.named()
		if err != nil {
			return "", nil, err
		}
		where, args = append(where, "value IN ("+named+")"), append(args, of...)
	}
	order := "DESC"
	switch {
	case q.Before != 0:
		where, args, order = append(where, "seq > ?"), append(args, q.Before), "ASC"
	case q.After != 0:
		where, args = append(where, "seq < ?"), append(args, q.After)
	}
	return `SELECT r.seq, r.ending, r.kind, r.value, r.before_at, r.except_sid, r.reason, r.note, r.client_id, r.at, r.until_at, r.published_at, r.by_user,
		COALESCE(u.id, '') AS person_id, COALESCE(u.name, '') AS person, COALESCE(u.email, '') AS email, COALESCE(b.name, '') AS by_name
		FROM (SELECT * FROM revocations WHERE ` + strings.Join(where, " AND ") + ` ORDER BY seq ` + order + ` LIMIT ?) AS r
		LEFT JOIN users u ON u.id = CASE r.kind WHEN 'sub' THEN r.value
			WHEN 'sid' THEN (SELECT s.user_id FROM sign_ins s WHERE s.sid = r.value)
			ELSE (SELECT f.user_id FROM refresh_tokens f WHERE f.family = r.value LIMIT 1) END
		LEFT JOIN users b ON b.id = r.by_user AND r.by_user <> ''
		ORDER BY r.seq ` + order, append(args, q.Limit+1), nil
}

// named returns the values to match: those given, the users, and the users' sign-ins that have ended.
func (q DeniedQuery) named() (string, []any, error) {
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
