package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatehouse/db"
)

// AuditQuery says which rows of the audit are asked for. Older and Newer are the Seq of a row that the page begins
// behind or ends before; at most one of them is set.
type AuditQuery struct {
	ActorID    string
	Action     string
	TargetKind string
	TargetID   string
	From, To   time.Time // From is included, To is not; zero: no bound
	Older      int64
	Newer      int64
	Limit      int
}

type auditRow struct {
	Seq        int64  `db:"seq"`
	At         int64  `db:"at"`
	ActorID    string `db:"actor_id"`
	Actor      string `db:"actor"`
	Action     string `db:"action"`
	TargetKind string `db:"target_kind"`
	TargetID   string `db:"target_id"`
	Target     string `db:"target"`
	IP         string `db:"ip"`
	RequestID  string `db:"request_id"`
	Detail     string `db:"detail"`
}

// AuditRows is a page of the audit, the newest first, and whether there are more in the direction that was asked for.
func (s *Store) AuditRows(ctx context.Context, q AuditQuery) (page []Audit, more bool, err error) {
	query := `SELECT seq, at, actor_id, actor, action, target_kind, target_id, target, ip, request_id, detail FROM audit WHERE TRUE`
	var args []any
	where := func(given bool, condition string, values ...any) {
		if given {
			query, args = query+` AND `+condition, append(args, values...)
		}
	}
	where(q.ActorID != "", `actor_id = ?`, q.ActorID)
	where(q.Action != "", `action = ?`, q.Action)
	where(q.TargetKind != "", `target_kind = ?`, q.TargetKind)
	where(q.TargetID != "", `target_id = ?`, q.TargetID)
	where(!q.From.IsZero(), `at >= ?`, db.Millis(q.From))
	where(!q.To.IsZero(), `at < ?`, db.Millis(q.To))
	where(q.Older > 0, `seq < ?`, q.Older)
	where(q.Newer > 0, `seq > ?`, q.Newer)
	order := ` DESC`
	if q.Newer > 0 {
		order = ``
	}
	var rows []auditRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query+` ORDER BY seq`+order+` LIMIT ?`), append(args, q.Limit+1)...); err != nil {
		return nil, false, fmt.Errorf("store: audit: %w", err)
	}
	if more = len(rows) > q.Limit; more {
		rows = rows[:q.Limit]
	}
	if q.Newer > 0 {
		slices.Reverse(rows)
	}
	for _, r := range rows {
		a := Audit{
			Seq: r.Seq, At: db.Time(r.At), ActorID: r.ActorID, Actor: r.Actor, Action: r.Action, TargetKind: r.TargetKind,
			TargetID: r.TargetID, Target: r.Target, IP: r.IP, RequestID: r.RequestID,
		}
		if err := json.Unmarshal([]byte(r.Detail), &a.Detail); err != nil {
			return nil, false, fmt.Errorf("store: audit row %d: %w", r.Seq, err)
		}
		page = append(page, a)
	}
	return page, more, nil
}

// SignInsEnded are a person's last sign-ins that have ended, the last ended first.
func (s *Store) SignInsEnded(ctx context.Context, userID string, limit int) ([]SignIn, error) {
	var rows []signInRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(`SELECT `+signInColumns+` FROM sign_ins
		WHERE user_id = ? AND ended_at IS NOT NULL ORDER BY ended_at DESC, sid LIMIT ?`), userID, limit); err != nil {
		return nil, fmt.Errorf("store: sign-ins that ended: %w", err)
	}
	ended := make([]SignIn, len(rows))
	for i, r := range rows {
		ended[i] = r.signIn()
	}
	return ended, nil
}
