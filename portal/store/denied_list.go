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

// DenylistEntry is an entry of the denylist, as in denylist.Entry, with the user that it is about and the user who made it,
// if known. Published is zero until Redis has it.
type DenylistEntry struct {
	Seq                     int64
	ReceiptID                  string
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

// Denylist returns a page of the denylist in the database, the latest entry first, and whether there are more in the
// requested direction.
func (s *Store) Denylist(ctx context.Context, q DenylistQuery) (page []DenylistEntry, more bool, err error) {
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
		page = append(page, DenylistEntry{
			Seq: r.Seq, ReceiptID: r.Ending, Kind: r.Kind, Value: r.Value, Before: timeOf(r.Before), Except: r.Except, Reason: r.Reason, Note: r.Note,
			Client: r.ClientID, At: db.Time(r.At), Until: db.Time(r.Until), Published: timeOf(r.Published),
			PersonID: r.PersonID, Person: r.Person, Email: r.Email, ByID: r.ByID, By: r.By,
		})
	}
	return page, more, nil
}

// statement returns a query that first selects the entries by one index, and then joins the users of the page.
func (q DenylistQuery) statement() (string, []any, error) {
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
func (q DenylistQuery) named() (string, []any, error) {
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
