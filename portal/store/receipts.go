package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/db"
)

// Receipt is the stored result of one revocation: the confirmations of the replicas, and the notices to clients.
type Receipt struct {
	Ending    string    `db:"ending"`
	UserID    string    `db:"user_id"` // the user that it is about; "" for a token
	Reason    string    `db:"reason"`
	CreatedAt time.Time `db:"-"`
	Text      string    `db:"receipt"` // JSON, of package revoke
}

type receiptRow struct {
	Receipt
	CreatedAt int64 `db:"created_at"`
}

// ChangeReceipt applies change to the text of the stored receipt of r.Ending, or of r if there is none, and stores the
// result, in one transaction. If change fails, ChangeReceipt returns an error that wraps that of change, and stores
// nothing.
func (s *Store) ChangeReceipt(ctx context.Context, r Receipt, change func(text string) (string, error)) error {
	err := s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// An existing row is locked by this statement too. One that describes a token or a sign-in may lack the user.
		var text string
		if err := tx.GetContext(ctx, &text, tx.Rebind(`INSERT INTO receipts (ending, user_id, reason, created_at, receipt) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (ending) DO UPDATE SET user_id = CASE WHEN receipts.user_id = '' THEN excluded.user_id ELSE receipts.user_id END RETURNING receipt`),
			r.Ending, r.UserID, r.Reason, db.Millis(r.CreatedAt), r.Text); err != nil {
			return err
		}
		text, err := change(text)
		if err != nil {
			return err
		}
		return exec(ctx, tx, "a receipt", `UPDATE receipts SET receipt = ? WHERE ending = ?`, text, r.Ending)
	})
	if err != nil {
		return fmt.Errorf("store: change a receipt: %w", err)
	}
	return nil
}

const receiptColumns = `SELECT ending, user_id, reason, created_at, receipt FROM receipts `

// Receipt returns the receipt of one revocation, or ErrNotFound.
func (s *Store) Receipt(ctx context.Context, ending string) (Receipt, error) {
	var row receiptRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(receiptColumns+`WHERE ending = ?`), ending)
	if db.Missing(err) {
		return Receipt{}, ErrNotFound
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("store: a receipt: %w", err)
	}
	return row.receipt(), nil
}

const receiptsOfUser = `WHERE user_id = ? ORDER BY created_at DESC, ending DESC LIMIT ?`

// ReceiptsOf returns the last receipts about a user, the newest first.
func (s *Store) ReceiptsOf(ctx context.Context, userID string, limit int) ([]Receipt, error) {
	var rows []receiptRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(receiptColumns+receiptsOfUser), userID, limit); err != nil {
		return nil, fmt.Errorf("store: receipts of a person: %w", err)
	}
	all := make([]Receipt, len(rows))
	for i, r := range rows {
		all[i] = r.receipt()
	}
	return all, nil
}

func (r receiptRow) receipt() Receipt {
	out := r.Receipt
	out.CreatedAt = db.Time(r.CreatedAt)
	return out
}

// PurgeReceipts deletes the receipts from before t.
func (s *Store) PurgeReceipts(ctx context.Context, t time.Time) error {
	return s.purge(ctx, `receipts`, `ending`, `created_at < ?`, t)
}

// LastReceipts returns the last receipts of all users, the newest first.
func (s *Store) LastReceipts(ctx context.Context, limit int) ([]Receipt, error) {
	var rows []receiptRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(receiptColumns+`ORDER BY created_at DESC, ending DESC LIMIT ?`), limit); err != nil {
		return nil, fmt.Errorf("store: last receipts: %w", err)
	}
	all := make([]Receipt, len(rows))
	for i, r := range rows {
		all[i] = r.receipt()
	}
	return all, nil
}
