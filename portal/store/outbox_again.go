package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// ErrNothingToResend means that no notice had to be sent again: all were delivered, are being delivered or are due.
var ErrNothingToResend = errors.New("store: no notice had to be sent again")

// again makes a notice due immediately, as if it had never been tried.
const again = `SET given_up_at = NULL, next_attempt_at = ?, again_at = ?, attempts = 0`

// ResendNotice returns the change that makes a notice due at now: one that was given up is retried for as long as a new
// one, and one that waits after a failure no longer waits. It fails with [ErrNothingToResend] if the notice was delivered,
// is being delivered or is due, and with [ErrNotFound] if there is no such notice.
func ResendNotice(id string, now time.Time) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		// took_ms is set once an attempt has ended: before that, a delivery is under way.
		res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE backchannel_outbox `+again+`
			WHERE id = ? AND delivered_at IS NULL AND (given_up_at IS NOT NULL OR (took_ms IS NOT NULL AND next_attempt_at > ?))`),
			db.Millis(now), db.Millis(now), id, db.Millis(now))
		if err != nil {
			return fmt.Errorf("store: send a notice again: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var there bool
		if err := tx.GetContext(ctx, &there, tx.Rebind(`SELECT EXISTS (SELECT 1 FROM backchannel_outbox WHERE id = ?)`), id); err != nil {
			return fmt.Errorf("store: send a notice again: %w", err)
		}
		if !there {
			return ErrNotFound
		}
		return ErrNothingToResend
	}}
}

// ResendNotices returns the change that makes the given-up notices of a client due at now, and stores their number in
// sent, which may be nil. It fails with [ErrNothingToResend] if there are none.
func ResendNotices(clientID string, now time.Time, sent *int) Change {
	return Change{func(ctx context.Context, _ *Store, tx *sqlx.Tx) error {
		if clientID == "" {
			return errors.New("store: send all notices again: of which client?")
		}
		res, err := tx.ExecContext(ctx, tx.Rebind(`UPDATE backchannel_outbox `+again+`
			WHERE given_up_at IS NOT NULL AND delivered_at IS NULL AND client_id = ?`), db.Millis(now), db.Millis(now), clientID)
		if err != nil {
			return fmt.Errorf("store: send all notices again: %w", err)
		}
		n, err := res.RowsAffected()
		if sent != nil {
			*sent = int(n)
		}
		if err == nil && n == 0 {
			return ErrNothingToResend
		}
		return err
	}}
}
