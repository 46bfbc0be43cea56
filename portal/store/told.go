package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Untold are a person's sign-ins that ended for one of these reasons since that time
// and of which the person has not been told, the newest first.
func (s *Store) Untold(ctx context.Context, userID string, reasons []string, since time.Time, limit int) ([]SignIn, error) {
	query, args, err := sqlx.In(`SELECT `+signInColumns+` FROM sign_ins
		WHERE user_id = ? AND ended_at >= ? AND told_at IS NULL AND end_reason IN (?) ORDER BY ended_at DESC, sid LIMIT ?`,
		userID, db.Millis(since), reasons, limit)
	if err != nil {
		return nil, fmt.Errorf("store: endings to tell of: %w", err)
	}
	var rows []signInRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, fmt.Errorf("store: endings to tell of: %w", err)
	}
	all := make([]SignIn, len(rows))
	for i, r := range rows {
		all[i] = r.signIn()
	}
	return all, nil
}

// WasTold reports whether the person has been told, since that time, of a sign-in that ended for this reason.
func (s *Store) WasTold(ctx context.Context, userID, reason string, since time.Time) (bool, error) {
	var told bool
	if err := s.db.GetContext(ctx, &told, s.db.Rebind(`SELECT EXISTS (SELECT 1 FROM sign_ins WHERE user_id = ? AND end_reason = ? AND told_at >= ?)`),
		userID, reason, db.Millis(since)); err != nil {
		return false, fmt.Errorf("store: whether a person was told: %w", err)
	}
	return told, nil
}

// Told notes that the person knows of all their sign-ins that have ended by now.
func (s *Store) Told(ctx context.Context, userID string, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, s.db.Rebind(`UPDATE sign_ins SET told_at = ? WHERE user_id = ? AND ended_at <= ? AND told_at IS NULL`),
		db.Millis(now), userID, db.Millis(now)); err != nil {
		return fmt.Errorf("store: told: %w", err)
	}
	return nil
}
