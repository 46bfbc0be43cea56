package store

import (
	"context"
	"fmt"
)

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
