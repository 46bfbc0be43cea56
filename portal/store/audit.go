package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Audited actions of users on their own accounts. The target is the user.
const (
	SignInFailed    = "person.sign_in_failed" // Detail has a reason; ActorID is "" unless the user was signed in
	PasswordChanged = "person.password_changed"
	EmailChanged    = "person.email_changed" // Detail has the email: from and to
)

// Audit is a row of the audit: the actor, the action, its target and the client address. Rows are append-only; the
// database enforces it.
type Audit struct {
	Seq        int64          `db:"seq"` // set by the database, ascending
	At         time.Time      `db:"at"`
	ActorID    string         `db:"actor_id"`    // the sub of the user who acted; "" for a guest
	Actor      string         `db:"actor"`       // the actor's email at that time
	Action     string         `db:"action"`      // code such as "person.banned"
	TargetKind string         `db:"target_kind"` // "user", "sign_in", "client", "key", …
	TargetID   string         `db:"target_id"`
	Target     string         `db:"target"` // the target's name at that time
	IP         string         `db:"ip"`
	RequestID  string         `db:"request_id"`
	Detail     map[string]any `db:"detail"` // nil for none
}

const auditColumns = `at, actor_id, actor, action, target_kind, target_id, target, ip, request_id, detail`

// Audited returns the change that adds a row to the audit.
func Audited(a Audit) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		detail := []byte("{}")
		if len(a.Detail) > 0 {
			var err error
			if detail, err = json.Marshal(a.Detail); err != nil {
				return fmt.Errorf("store: audit: %w", err)
			}
		}
		return db.Exec(ctx, tx, "audit", `INSERT INTO audit (`+auditColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			db.Millis(a.At), a.ActorID, a.Actor, a.Action, a.TargetKind, a.TargetID, a.Target, a.IP, a.RequestID, string(detail))
	}}
}

// AuditQuery selects rows of the audit. Older and Newer are the Seq of a row: the page begins after the row Older,
// or ends before the row Newer; at most one of them is set. If that row does not exist, the page is empty.
type AuditQuery struct {
	ActorID    string
	Action     string
	Actions    []string // any of these; nil for all
	TargetKind string
	TargetID   string
	From, To   time.Time // From is inclusive, To exclusive; zero: no limit
	Older      int64
	Newer      int64
	Limit      int
}

// AuditRows returns a page of the audit, the newest first, and whether there are more in the requested direction.
func (s *Store) AuditRows(ctx context.Context, q AuditQuery) (page []Audit, more bool, err error) {
	var from int64
	if seq := max(q.Older, q.Newer); seq > 0 {
		from, err = db.One[int64](ctx, s.db, "audit", `SELECT at FROM audit WHERE seq = ?`, seq)
		if errors.Is(err, ErrNotFound) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	query, args := q.statement(from, s.db.Dialect)
	var rows []Audit
	err = s.alongIndexes(ctx, func(on sqlx.ExtContext) error {
		rows, err = db.All[Audit](ctx, on, "audit", query, args...)
		return err
	})
	page, more = trimPage(rows, q.Limit, q.Newer > 0)
	return page, more, err
}

// statement returns a query for one row more than the page. With up to two filters it uses one index, starting at
// from, the time of the row Older or Newer; with more filters, an index of two of them.
func (q AuditQuery) statement(from int64, dialect db.Dialect) (query string, args []any) {
	index := `audit_by`
	where := func(given bool, condition string, values ...any) {
		if given {
			query, args = query+` AND `+condition, append(args, values...)
		}
	}
	filters := 0
	for _, f := range []struct{ value, column, name string }{
		{q.ActorID, `actor_id`, `_actor`}, {q.Action, `action`, `_action`}, {q.TargetKind, `target_kind`, `_kind`}, {q.TargetID, `target_id`, `_target`},
	} {
		if where(f.value != "", f.column+` = ?`, f.value); f.value != "" && filters < 2 {
			index += f.name
			filters++
		}
	}
	where(len(q.Actions) > 0, `action IN (?)`, q.Actions)
	// One bound on each side: given several, a database may not choose the narrowest to start in the index.
	older, newer := q.Older > 0 && (q.To.IsZero() || from < db.Millis(q.To)), q.Newer > 0 && (q.From.IsZero() || from >= db.Millis(q.From))
	where(newer, `(at, seq) > (?, ?)`, from, q.Newer)
	where(!newer && !q.From.IsZero(), `at >= ?`, db.Millis(q.From))
	where(older, `(at, seq) < (?, ?)`, from, q.Older)
	where(!older && !q.To.IsZero(), `at < ?`, db.Millis(q.To))
	order := ` DESC`
	if q.Newer > 0 {
		order = ``
	}
	if filters == 0 {
		index += `_time`
	}
	return `SELECT seq, ` + auditColumns + ` FROM ` + indexed(dialect, `audit`, index) + ` WHERE TRUE` +
		query + ` ORDER BY at` + order + `, seq` + order + ` LIMIT ?`, append(args, q.Limit+1)
}
