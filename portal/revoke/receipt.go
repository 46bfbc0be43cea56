package revoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse/portal/backchannel"
	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
)

// Receipt is the result of a Request.
type Receipt struct {
	Ending    string                 `json:"ending"`            // id of the receipt
	Ended     int                    `json:"ended"`             // number of sign-ins
	Tidying   bool                   `json:"tidying,omitempty"` // more are being ended; all are denied already
	Denylist  denylist.Confirmations `json:"receipt"`
	Told      []backchannel.Result   `json:"told"`      // clients, by back channel
	Confirmed bool                   `json:"confirmed"` // false: committed, but not in Redis yet; Sync will publish it
}

// Receipt returns the stored receipt of a revocation, or store.ErrNotFound if there is none or it is not written
// yet.
func (s *Service) Receipt(ctx context.Context, ending string) (store.Receipt, Receipt, error) {
	stored, err := s.d.Records.Receipt(ctx, ending)
	if err != nil {
		return stored, Receipt{}, err
	}
	var receipt Receipt
	if err := json.Unmarshal([]byte(stored.Text), &receipt); err != nil {
		return stored, Receipt{}, fmt.Errorf("revoke: a receipt can't be read: %w", err)
	}
	return stored, receipt, nil
}

// saveReceipt stores a receipt. A failure is only logged, since the revocation itself is complete.
func (s *Service) saveReceipt(ctx context.Context, stored store.Receipt, receipt Receipt) {
	text, err := json.Marshal(receipt)
	if err == nil {
		stored.Text = string(text)
		err = s.d.Records.SaveReceipt(ctx, stored)
	}
	if err != nil {
		s.d.Logger.Warn("a receipt was not stored", "ending", stored.Ending, "error", err)
	}
}

// completeReceipts waits for the confirmation of revocations that Sync published, and completes their receipts:
// Redis was unavailable when they were committed, or the replica that did so was killed.
func (s *Service) completeReceipts(published []store.Revocation, w denylist.Written) {
	first := map[string]store.Revocation{}
	for _, r := range published {
		if _, ok := first[r.Ending]; !ok {
			first[r.Ending] = r
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	confirmed := s.publisher.await(ctx, w, s.d.Bound)
	for ending, r := range first {
		s.changeReceipt(ctx, ending, r, func(receipt *Receipt) bool {
			if !receipt.Denylist.At.IsZero() {
				return false // published twice concurrently; the replica that waited has better figures
			}
			receipt.Denylist, receipt.Confirmed = confirmed, true
			return true
		})
	}
}

// changeReceipt applies change to the stored receipt, or to a new one that describes r. It stores the receipt if
// change returns true.
func (s *Service) changeReceipt(ctx context.Context, ending string, r store.Revocation, change func(*Receipt) bool) {
	stored, receipt, err := s.Receipt(ctx, ending)
	switch {
	case errors.Is(err, store.ErrNotFound):
		stored, receipt = store.Receipt{Ending: ending, Reason: r.Reason, CreatedAt: r.At}, Receipt{Ending: ending}
		if r.Kind == string(denylist.Subject) {
			stored.UserID = r.Value
		}
	case err != nil:
		s.d.Logger.Warn("a receipt was not completed", "ending", ending, "error", err)
		return
	}
	if change(&receipt) {
		s.saveReceipt(ctx, stored, receipt)
	}
}
