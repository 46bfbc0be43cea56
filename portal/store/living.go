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

// Cursor is a position in a list that is ordered by time, the latest first, and by ID for equal times. The zero
// Cursor is none.
type Cursor struct {
	At time.Time
	ID string
}

// ActiveSignInQuery selects active sign-ins. After is the last of the previous page (the list is in descending order),
// Before the first of the next page; at most one of them is set.
type ActiveSignInQuery struct {
	Client        string    // those that opened this app; "" for all
	Replica       string    // where it opened the app; without Client: where it signed in at the portal
	Unnamed       bool      // instead of Replica: at a replica without a name
	Since         time.Time // seen (with Client: used by the app) since then
	After, Before Cursor
	Limit         int
}

// ActiveSignIn is an active sign-in with its user and the apps that it opened. At orders the list: when the sign-in
// was last seen or, in the list of one app, when the app last used it.
type ActiveSignIn struct {
	SignIn
	Name, Email string
	ClientSignIns      []ClientSignIn
	At          time.Time
}

// ClientSignIn is an app that a sign-in opened. Replica is the app's replica that last requested tokens for it, "" if it
// sent no name.
type ClientSignIn struct {
	ClientID, Replica string
	First, Last       time.Time
}

// ActiveSignIns returns a page of the active sign-ins, the last seen first, and whether there are more in the requested
// direction.
func (s *Store) ActiveSignIns(ctx context.Context, q ActiveSignInQuery) (page []ActiveSignIn, more bool, err error) {
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
		in := ActiveSignIn{SignIn: r.signIn(), Name: r.Name, Email: r.Email, ClientSignIns: opened[r.SID], At: db.Time(r.At)}
		for _, o := range in.ClientSignIns {
			in.Clients = append(in.Clients, o.ClientID)
		}
		page = append(page, in)
	}
	return page, more, nil
}

// statement returns a query for one row more than the page. Each of its forms uses one index from the page's start.
func (q ActiveSignInQuery) statement() (string, []any) {
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
func (s *Store) opened(ctx context.Context, sids []string) (map[string][]ClientSignIn, error) {
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
	all := map[string][]ClientSignIn{}
	for _, r := range rows {
		all[r.SID] = append(all[r.SID], ClientSignIn{ClientID: r.ClientID, Replica: r.Replica, First: db.Time(r.First), Last: db.Time(r.Last)})
	}
	return all, nil
}
