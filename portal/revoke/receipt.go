package revoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

// Receipt is the result of a Request.
type Receipt struct {
	ID        string                 `json:"ending"`            // id of the receipt
	Ended     int                    `json:"ended"`             // number of sign-ins
	Ending    bool                   `json:"tidying,omitempty"` // more are being ended; all are denied already
	Denylist  denylist.Confirmations `json:"receipt"`
	Clients   []backchannel.Result   `json:"told"`      // clients, by back channel
	Confirmed bool                   `json:"confirmed"` // false: committed, but not in Redis yet; Sync will publish it
}

// Receipt returns the stored receipt of a revocation, or store.ErrNotFound if there is none or it is not written
// yet.
func (s *Service) Receipt(ctx context.Context, id string) (store.Receipt, Receipt, error) {
	stored, err := s.d.Records.Receipt(ctx, id)
	if err != nil {
		return stored, Receipt{}, err
	}
	var receipt Receipt
	if err := json.Unmarshal([]byte(stored.Text), &receipt); err != nil {
		return stored, Receipt{}, fmt.Errorf("revoke: cannot read a receipt: %w", err)
	}
	return stored, receipt, nil
}

// completeReceipts waits for the confirmation of revocations that Sync published, and completes their receipts:
// Redis was unavailable when they were committed, or the replica that did so was killed.
func (s *Service) completeReceipts(ctx context.Context, published []store.Revocation, w denylist.Written) {
	first := map[string]store.Revocation{}
	for _, r := range published {
		if _, ok := first[r.ReceiptID]; !ok {
			first[r.ReceiptID] = r
		}
	}
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	confirmed := s.publisher.await(waiting, w, s.d.Bound)
	for _, r := range first {
		err := s.changeReceipt(ctx, receiptOf(r), func(receipt *Receipt) bool {
			if !receipt.Denylist.At.IsZero() {
				return false // published twice concurrently; the replica that waited has better figures
			}
			receipt.Denylist, receipt.Confirmed = confirmed, true
			return true
		})
		if err != nil && ctx.Err() != nil {
			return // the service stops, and the database does not answer
		}
	}
}

// receiptOf returns the receipt of r, without a result yet.
func receiptOf(r store.Revocation) store.Receipt {
	stored := store.Receipt{ID: r.ReceiptID, Reason: r.Reason, CreatedAt: r.At}
	if r.Kind == string(denylist.Subject) {
		stored.UserID = r.Value
	}
	return stored
}

// errUnchanged is the error of a change that leaves the receipt as it is.
var errUnchanged = errors.New("revoke: the receipt does not change")

// merge replaces stored by r, and keeps what other replicas have added to it. It returns true.
func (r Receipt) merge(stored *Receipt) bool {
	if stored.Ended > 0 { // a replica has continued already, and knows whether more is left
		r.Ended, r.Ending = r.Ended+stored.Ended, stored.Ending
	}
	if !r.Confirmed && stored.Confirmed {
		r.Denylist, r.Confirmed = stored.Denylist, true // Sync has published it meanwhile
	}
	*stored = r
	return true
}

// changeReceipt applies change to the stored receipt, or to a new one of stored, and stores it if change returns true.
// It continues when ctx ends. Its error has been logged, since the revocation itself is complete.
func (s *Service) changeReceipt(ctx context.Context, stored store.Receipt, change func(*Receipt) bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), receiptTimeout)
	defer cancel()
	err := s.d.Records.ChangeReceipt(ctx, stored, func(text string) (string, error) {
		receipt := Receipt{ID: stored.ID}
		if text != "" {
			if err := json.Unmarshal([]byte(text), &receipt); err != nil {
				return "", err
			}
		}
		if !change(&receipt) {
			return "", errUnchanged
		}
		changed, err := json.Marshal(receipt)
		return string(changed), err
	})
	if err == nil || errors.Is(err, errUnchanged) {
		return nil
	}
	s.d.Logger.Warn("cannot store a receipt", "ending", stored.ID, "error", err)
	return err
}
