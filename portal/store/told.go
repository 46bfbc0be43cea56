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

// UnacknowledgedSignIns returns a user's sign-ins that ended for one of these reasons since that time, and that the user has not
// been notified of, the newest first.
func (s *Store) UnacknowledgedSignIns(ctx context.Context, userID string, reasons []string, since time.Time, limit int) ([]SignIn, error) {
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

// EndedSignIns returns a user's ended sign-ins, the last ended first.
func (s *Store) EndedSignIns(ctx context.Context, userID string, limit int) (all []SignIn, err error) {
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

// HasAcknowledged reports whether the user has acknowledged ended sign-ins since that time.
func (s *Store) HasAcknowledged(ctx context.Context, userID string, since time.Time) (bool, error) {
	var told bool
	if err := s.db.GetContext(ctx, &told, s.db.Rebind(`SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND told_at >= ?)`), userID, db.Millis(since)); err != nil {
		return false, fmt.Errorf("store: whether a person was told: %w", err)
	}
	return told, nil
}

// Acknowledge records that the user has acknowledged all sign-ins that have ended by now.
func (s *Store) Acknowledge(ctx context.Context, userID string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE users SET told_at = ? WHERE id = ? AND told_at < ?`),
		db.Millis(now), userID, db.Millis(now)); err != nil {
		return fmt.Errorf("store: told: %w", err)
	}
	return nil
}
