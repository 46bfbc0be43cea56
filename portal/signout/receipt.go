package signout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/portal/store"
	"gatehouse/sso/denylist"
)

// Receipt is what became of an act, as it was stored: ErrNotFound of the store if
// there was none, or its receipt is not written yet.
func (s *Service) Receipt(ctx context.Context, ending string) (store.Receipt, Done, error) {
	r, err := s.d.Records.Receipt(ctx, ending)
	if err != nil {
		return r, Done{}, err
	}
	var done Done
	if err := json.Unmarshal([]byte(r.Text), &done); err != nil {
		return r, Done{}, fmt.Errorf("signout: a receipt can't be read: %w", err)
	}
	return r, done, nil
}

// save stores a receipt. The act is done even if that fails.
func (s *Service) save(ctx context.Context, r store.Receipt, done Done) {
	text, err := json.Marshal(done)
	if err == nil {
		r.Text = string(text)
		err = s.d.Records.SaveReceipt(ctx, r)
	}
	if err != nil {
		s.d.Logger.Warn("a receipt was not stored", "ending", r.Ending, "error", err)
	}
}

// Late completes the receipts of acts whose revocations a keeper published later:
// Redis was away, or the replica that did them was killed. It returns at once.
func (s *Service) Late(published []store.Revocation, w denylist.Written) {
	first := map[string]store.Revocation{}
	for _, r := range published {
		if _, ok := first[r.Ending]; !ok {
			first[r.Ending] = r
		}
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), carried)
		defer cancel()
		confirmed := s.d.Denylist.Await(ctx, w, s.d.Bound)
		for ending, r := range first {
			s.complete(ctx, ending, r, confirmed)
		}
	}()
}

func (s *Service) complete(ctx context.Context, ending string, r store.Revocation, confirmed denylist.Receipt) {
	kept, done, err := s.Receipt(ctx, ending)
	switch {
	case errors.Is(err, store.ErrNotFound):
		kept, done = store.Receipt{Ending: ending, Reason: r.Reason, CreatedAt: r.At}, Done{Ending: ending}
		if r.Kind == string(denylist.Subject) {
			kept.UserID = r.Value
		}
	case err != nil:
		s.d.Logger.Warn("a receipt was not completed", "ending", ending, "error", err)
		return
	case done.Receipt.At != (time.Time{}):
		return // published twice at the same time; whoever waited has better figures
	}
	done.Receipt, done.Confirmed = confirmed, true
	s.save(ctx, kept, done)
}
