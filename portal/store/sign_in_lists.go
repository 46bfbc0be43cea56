package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Cursor is a position in a list that is ordered by time, the latest first, and by ID for equal times. The zero
// Cursor is none.
type Cursor struct {
	At time.Time
	ID string
}

// LivingQuery selects active sign-ins. After is the last of the previous page (the list is in descending order),
// Before the first of the next page; at most one of them is set.
type LivingQuery struct {
	Client        string    // those that opened this app; "" for all
	Replica       string    // where it opened the app; without Client: where it signed in at the portal
	Unnamed       bool      // instead of Replica: at a replica without a name
	Since         time.Time // seen (with Client: used by the app) since then
	After, Before Cursor
	Limit         int
}

// LivingSignIn is an active sign-in with its user and the apps that it opened. At orders the list: when the sign-in
// was last seen or, in the list of one app, when the app last used it.
type LivingSignIn struct {
	SignIn
	Name, Email string
	Opened      []Opened
	At          time.Time
}

// Opened is an app that a sign-in opened. Replica is the app's replica that last requested tokens for it, "" if it
// sent no name.
type Opened struct {
	ClientID, Replica string
	First, Last       time.Time
}

// Living returns a page of the active sign-ins, the last seen first, and whether there are more in the requested
// direction.
func (s *Store) Living(ctx context.Context, q LivingQuery) (page []LivingSignIn, more bool, err error) {
	query, args := q.statement()
	var rows []struct {
		signInRow
		Name  string `db:"name"`
		Email string `db:"email"`
		At    int64  `db:"at"`
	}
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, false, fmt.Errorf("store: living sign-ins: %w", err)
	}
	if more = len(rows) > q.Limit; more {
		rows = rows[:q.Limit]
	}
	if q.Before != (Cursor{}) {
		slices.Reverse(rows)
	}
	sids := make([]string, len(rows))
	for i, r := range rows {
		sids[i] = r.SID
	}
	opened, err := s.opened(ctx, sids)
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		in := LivingSignIn{SignIn: r.signIn(), Name: r.Name, Email: r.Email, Opened: opened[r.SID], At: db.Time(r.At)}
		for _, o := range in.Opened {
			in.Clients = append(in.Clients, o.ClientID)
		}
		page = append(page, in)
	}
	return page, more, nil
}

// statement returns a query for one row more than the page. Each of its forms uses one index from the page's start.
func (q LivingQuery) statement() (string, []any) {
	at, sid, from := "s.last_seen_at", "s.sid", `sign_ins s`
	where, args := []string{"s.ended_at IS NULL"}, []any{}
	replica := "s.replica"
	if q.Client != "" {
		at, sid, from = "c.last_at", "c.sid", `sign_in_clients c JOIN sign_ins s ON s.sid = c.sid`
		where, args = []string{"c.ended_at IS NULL", "c.client_id = ?"}, []any{q.Client}
		replica = "c.replica"
	}
	if q.Replica != "" || q.Unnamed {
		where, args = append(where, replica+" = ?"), append(args, q.Replica)
	}
	where, args = append(where, at+" >= ?"), append(args, db.Millis(q.Since))
	order := "DESC"
	if c, sign := q.After, "<"; c != (Cursor{}) || q.Before != (Cursor{}) {
		if q.Before != (Cursor{}) {
			c, sign, order = q.Before, ">", "ASC"
		}
		where = append(where, "("+at+", "+sid+") "+sign+" (?, ?)")
		args = append(args, db.Millis(c.At), c.ID)
	}
	return `SELECT s.sid, s.user_id, s.created_at, s.last_seen_at, s.user_agent, s.ip, s.replica, s.ended_at, s.end_reason, u.name, u.email, ` + at + ` AS at
		FROM ` + from + ` JOIN users u ON u.id = s.user_id WHERE ` + strings.Join(where, " AND ") +
		` ORDER BY ` + at + ` ` + order + `, ` + sid + ` ` + order + ` LIMIT ?`, append(args, q.Limit+1)
}

// opened returns the apps that each of the sign-ins opened, in the order in which it did.
func (s *Store) opened(ctx context.Context, sids []string) (map[string][]Opened, error) {
	if len(sids) == 0 {
		return nil, nil
	}
	query, args, err := sqlx.In(`SELECT sid, client_id, replica, first_at, last_at FROM sign_in_clients WHERE sid IN (?) ORDER BY first_at, client_id`, sids)
	if err != nil {
		return nil, fmt.Errorf("store: what sign-ins opened: %w", err)
	}
	var rows []struct {
		SID      string `db:"sid"`
		ClientID string `db:"client_id"`
		Replica  string `db:"replica"`
		First    int64  `db:"first_at"`
		Last     int64  `db:"last_at"`
	}
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("store: what sign-ins opened: %w", err)
	}
	all := map[string][]Opened{}
	for _, r := range rows {
		all[r.SID] = append(all[r.SID], Opened{ClientID: r.ClientID, Replica: r.Replica, First: db.Time(r.First), Last: db.Time(r.Last)})
	}
	return all, nil
}

// Untold returns a user's sign-ins that ended for one of these reasons since that time, and that the user has not
// been notified of, the newest first.
func (s *Store) Untold(ctx context.Context, userID string, reasons []string, since time.Time, limit int) ([]SignIn, error) {
	var all []SignIn
	err := s.alongIndexes(ctx, func(on sqlx.QueryerContext) (err error) {
		query, args := untold(s.db.Dialect, userID, reasons, since, limit)
		all, err = s.ended(ctx, on, query, args)
		return err
	})
	slices.SortFunc(all, func(a, b SignIn) int { return cmp.Or(b.EndedAt.Compare(a.EndedAt), cmp.Compare(b.SID, a.SID)) })
	return all[:min(len(all), limit)], err
}

// untold returns a query for the last ones of each reason; each part scans an index from its end.
func untold(dialect db.Dialect, userID string, reasons []string, since time.Time, limit int) (string, []any) {
	var parts []string
	var args []any
	for i, reason := range reasons {
		parts = append(parts, `SELECT * FROM (SELECT `+signInColumns+` FROM `+indexed(dialect, `sign_ins`, `sign_ins_of_user_by_reason`)+`
			WHERE user_id = ? AND end_reason = ? AND ended_at >= (SELECT CASE WHEN told_at >= CAST(? AS BIGINT) THEN told_at + 1 ELSE CAST(? AS BIGINT) END
			FROM users WHERE id = ?) ORDER BY ended_at DESC, sid DESC LIMIT ?) AS part`+strconv.Itoa(i))
		args = append(args, userID, reason, db.Millis(since), db.Millis(since), userID, limit)
	}
	return strings.Join(parts, ` UNION ALL `), args
}

// SignInsEnded returns a user's ended sign-ins, the last ended first.
func (s *Store) SignInsEnded(ctx context.Context, userID string, limit int) (all []SignIn, err error) {
	err = s.alongIndexes(ctx, func(on sqlx.QueryerContext) error {
		all, err = s.ended(ctx, on, endedOf(s.db.Dialect), []any{userID, limit})
		return err
	})
	return all, err
}

func endedOf(dialect db.Dialect) string {
	return `SELECT ` + signInColumns + ` FROM ` + indexed(dialect, `sign_ins`, `sign_ins_of_user`) + `
		WHERE user_id = ? AND ended_at IS NOT NULL ORDER BY ended_at DESC, sid DESC LIMIT ?`
}

func (s *Store) ended(ctx context.Context, on sqlx.QueryerContext, query string, args []any) ([]SignIn, error) {
	var rows []signInRow
	if err := sqlx.SelectContext(ctx, on, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("store: sign-ins that ended: %w", err)
	}
	all := make([]SignIn, len(rows))
	for i, r := range rows {
		all[i] = r.signIn()
	}
	return all, nil
}

// WasTold reports whether the user has acknowledged ended sign-ins since that time.
func (s *Store) WasTold(ctx context.Context, userID string, since time.Time) (bool, error) {
	var told bool
	if err := s.db.GetContext(ctx, &told, s.db.Rebind(`SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND told_at >= ?)`), userID, db.Millis(since)); err != nil {
		return false, fmt.Errorf("store: whether a person was told: %w", err)
	}
	return told, nil
}

// Told records that the user has acknowledged all sign-ins that have ended by now.
func (s *Store) Told(ctx context.Context, userID string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE users SET told_at = ? WHERE id = ? AND told_at < ?`),
		db.Millis(now), userID, db.Millis(now)); err != nil {
		return fmt.Errorf("store: told: %w", err)
	}
	return nil
}
