package revoke_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/sso/denylist"
)

// away is a log of which a replica reaches nothing.
type away struct{ revoke.Log }

func (away) Write(context.Context, ...denylist.Entry) (denylist.Written, error) {
	return denylist.Written{}, errors.New("away")
}

// during calls something while clients are told.
type during struct {
	revoke.Sender
	call func()
}

func (d during) Deliver(ctx context.Context, notices []store.Notice) []backchannel.Result {
	d.call()
	return d.Sender.Deliver(ctx, notices)
}

func (h *house) receipt(ending string) (store.Receipt, revoke.Receipt) {
	h.Helper()
	stored, receipt, err := h.service.Receipt(h.Context(), ending)
	h.check(err)
	return stored, receipt
}

// The replica that revokes does not reach Redis. Another one publishes, and completes the receipt first.
func TestReceipt_KeepsWhatAnotherReplicaFound(t *testing.T) {
	each(t, func(h *house) {
		u, in := h.person("maria@example.com")
		other := h.another()
		s := h.with(away{h.log}, during{h.told, func() {
			h.check(other.Sync(h.Context()))
			eventually(h.T, "a receipt", func() bool { return h.count("SELECT COUNT(*) FROM receipts") == 1 })
		}})
		done, err := s.Revoke(h.Context(), revoke.Request{SID: in.SID, Reason: revoke.ByPerson})
		if err != nil || done.Confirmed {
			h.Errorf("%+v, %v", done, err)
		}
		stored, receipt := h.receipt(done.ID)
		if stored.UserID != u.ID || !receipt.Confirmed || receipt.Denylist.At.IsZero() || receipt.Ended != 1 || len(receipt.Clients) != 1 {
			h.Errorf("of %q: %+v", stored.UserID, receipt)
		}
	})
}

// slow is a log whose confirmations come when they may.
type slow struct {
	revoke.Log
	waiting, may chan struct{}
}

func (l slow) Await(ctx context.Context, w denylist.Written, bound time.Duration, each func(denylist.Confirmation)) denylist.Confirmations {
	close(l.waiting)
	<-l.may
	return l.Log.Await(ctx, w, bound, each)
}

func TestRun_ReturnsAfterTheReceipts(t *testing.T) {
	each(t, func(h *house) {
		rows := h.commit("token")
		log := slow{h.log, make(chan struct{}), make(chan struct{})}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- h.with(log, h.told).Run(ctx) }()
		<-log.waiting
		cancel()
		close(log.may)
		h.check(<-done)
		if _, receipt := h.receipt(rows[0].ReceiptID); !receipt.Confirmed {
			h.Errorf("%+v", receipt)
		}
	})
}

// Revoke ended as many sign-ins as fit into its batch, and left it to Run whether there were more.
func TestReceipt_SaysWhenNothingIsLeft(t *testing.T) {
	each(t, func(h *house) {
		u := storetest.User("maria@example.com")
		h.check(h.store.SeedUsers(h.Context(), []store.User{u}))
		h.crowd(u, revoke.MaxDenialBatch)
		done, err := h.service.Revoke(h.Context(), revoke.Request{UserID: u.ID, Reason: revoke.Banned})
		h.check(err)
		if !done.Ending || done.Ended != revoke.MaxDenialBatch {
			h.Errorf("%+v", done)
		}
		defer h.run(h.service)()
		eventually(h.T, "nothing is left", func() bool {
			_, receipt := h.receipt(done.ID)
			return !receipt.Ending && receipt.Ended == revoke.MaxDenialBatch
		})
	})
}
