package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// Receipt is the stored result of one revocation: the confirmations of the replicas, and the notices to clients.
type Receipt struct {
	ID        string    `db:"ending"`
	UserID    string    `db:"user_id"` // the user that it is about; "" for a token
	Reason    string    `db:"reason"`
	CreatedAt time.Time `db:"created_at"`
	Text      string    `db:"receipt"` // JSON, of package revoke
}

// ChangeReceipt applies change to the text of the stored receipt with r.ID, or of r if there is none, and stores the
// result, in one transaction. If change fails, ChangeReceipt returns an error that wraps that of change, and stores
// nothing.
func (s *Store) ChangeReceipt(ctx context.Context, r Receipt, change func(text string) (string, error)) error {
	return s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		// An existing row is locked by this statement too. One that describes a token or a sign-in may lack the user.
		text, err := db.One[string](ctx, tx, "receipt", `INSERT INTO receipts (ending, user_id, reason, created_at, receipt) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (ending) DO UPDATE SET user_id = CASE WHEN receipts.user_id = '' THEN excluded.user_id ELSE receipts.user_id END RETURNING receipt`,
			r.ID, r.UserID, r.Reason, db.Millis(r.CreatedAt), r.Text)
		if err != nil {
			return err
		}
		if text, err = change(text); err != nil {
			return err
		}
		return db.Exec(ctx, tx, "receipt", `UPDATE receipts SET receipt = ? WHERE ending = ?`, text, r.ID)
	})
}

const selectReceipts = `SELECT ending, user_id, reason, created_at, receipt FROM receipts `

// Receipt returns the receipt of one revocation, or ErrNotFound.
func (s *Store) Receipt(ctx context.Context, id string) (Receipt, error) {
	return db.One[Receipt](ctx, s.db, "receipt", selectReceipts+`WHERE ending = ?`, id)
}

const latestReceipts = `ORDER BY created_at DESC, ending DESC LIMIT ?`

// ReceiptsOf returns the last receipts about a user, the newest first.
func (s *Store) ReceiptsOf(ctx context.Context, userID string, limit int) ([]Receipt, error) {
	return db.All[Receipt](ctx, s.db, "receipts of a user", selectReceipts+`WHERE user_id = ? `+latestReceipts, userID, limit)
}

// LastReceipts returns the last receipts of all users, the newest first.
func (s *Store) LastReceipts(ctx context.Context, limit int) ([]Receipt, error) {
	return db.All[Receipt](ctx, s.db, "last receipts", selectReceipts+latestReceipts, limit)
}
