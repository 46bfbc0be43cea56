package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
)

// The merchant and the clock move an order on, never back, and what it has reached keeps its time.
func TestMoveOn_AgreesWithTheClock(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		id := place(t, s, "p", "olive-soap", now)
		read := func() store.Order {
			t.Helper()
			o, err := s.AnyOrder(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		at := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
		if err := s.MoveOn(ctx, id, store.Placed, at(2)); !errors.Is(err, store.ErrMoved) { // the clock has moved it on
			t.Errorf("a stale status: %v", err)
		}
		var wg sync.WaitGroup
		var moved atomic.Int64
		for range 4 { // a double click moves it on once
			wg.Go(func() {
				if s.MoveOn(ctx, id, store.Paid, at(3)) == nil {
					moved.Add(1)
				}
			})
		}
		wg.Wait()
		o := read()
		if moved.Load() != 1 || o.Status(at(3)) != store.Packed || !o.Reaches(store.Paid).Equal(at(1)) || !o.Reaches(store.Packed).Equal(at(3)) || !o.Reaches(store.Sent).Equal(at(23)) {
			t.Errorf("moved on %d times: %+v", moved.Load(), o)
		}
		if err := s.Cancel(ctx, "p", id, at(4)); !errors.Is(err, store.ErrPacked) {
			t.Errorf("a packed order: %v", err)
		}
		if err := s.MoveOn(ctx, id, store.Sent, at(30)); err != nil {
			t.Error(err)
		}
		o = read()
		if !o.Reaches(store.Paid).Equal(at(1)) || !o.Reaches(store.Packed).Equal(at(3)) || !o.Reaches(store.Sent).Equal(at(23)) || !o.Reaches(store.Delivered).Equal(at(30)) {
			t.Errorf("the past has changed: %+v", o)
		}
		last := store.Placed
		for m := range 120 {
			if got := o.Status(at(m)); got < last {
				t.Errorf("after %d minutes it goes back from %d to %d", m, last, got)
			} else {
				last = got
			}
		}
		if err := s.MoveOn(ctx, id, store.Delivered, at(31)); !errors.Is(err, store.ErrMoved) {
			t.Errorf("past its end: %v", err)
		}
		if err := s.MoveOn(ctx, "AAAAAAAAAAAAAAAAAAAAAAAAAA", store.Paid, now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no order: %v", err)
		}
	})
}

func TestRefund_RestocksOnceAndIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		stock := stockOf(t, s, "olive-soap")
		for after, want := range map[time.Duration]store.Status{0: store.Cancelled, 40 * time.Minute: store.Cancelled, 2 * time.Hour: store.Returned} {
			id := place(t, s, "p", "olive-soap", now)
			o, err := s.AnyOrder(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := s.Refund(ctx, "m", id, o.Status(now.Add(after)), now.Add(after)); err != nil && !errors.Is(err, store.ErrMoved) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if o, err = s.AnyOrder(ctx, id); err != nil || o.Status(now) != want || stockOf(t, s, "olive-soap") != stock {
				t.Errorf("after %s: status %d, %d of %d in stock, %v", after, o.Status(now), stockOf(t, s, "olive-soap"), stock, err)
			}
		}
		id := place(t, s, "p", "olive-soap", now) // returned by the customer, checked by the merchant
		for range 2 {
			if err := s.Return(ctx, "p", id, now.Add(2*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if n := stockOf(t, s, "olive-soap"); n != stock-1 {
			t.Errorf("%d in stock before they are checked, want %d", n, stock-1)
		}
		if err := s.Refund(ctx, "m", id, store.Returned, now.Add(3*time.Hour)); err != nil || stockOf(t, s, "olive-soap") != stock {
			t.Errorf("%d in stock, want %d; %v", stockOf(t, s, "olive-soap"), stock, err)
		}
		var events []string
		if err := d.SelectContext(ctx, &events, `SELECT subject FROM event_outbox WHERE type = 'order_cancelled' ORDER BY subject`); err != nil || fmt.Sprint(events) != "[m m m p]" {
			t.Errorf("events by %v, %v", events, err)
		}
	})
}

func TestAllOrders_PagesStatusesAndNumbers(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		var ids []string // newest first
		for i := range 7 {
			ids = append([]string{place(t, s, "p", "olive-soap", now.Add(time.Duration(i/2)*10*time.Minute))}, ids...)
		}
		at := now.Add(35 * time.Minute) // the ages are 35, 35, 25, 25, 15, 15 and 5 minutes
		find := func(q store.OrderQuery) (out []store.Order, more bool) {
			t.Helper()
			q.Now, q.PerPage = at, 3
			out, more, err := s.AllOrders(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			return out, more
		}
		first, more := find(store.OrderQuery{})
		if len(first) != 3 || !more || first[0].ID != ids[0] {
			t.Fatalf("%+v", first)
		}
		next, more := find(store.OrderQuery{After: &store.Cursor{PlacedAt: first[2].PlacedAt, ID: first[2].ID}})
		if len(next) != 3 || !more || next[0].PlacedAt > first[2].PlacedAt || next[0].ID == first[1].ID {
			t.Errorf("%+v", next)
		}
		back, more := find(store.OrderQuery{Before: &store.Cursor{PlacedAt: next[0].PlacedAt, ID: next[0].ID}})
		if len(back) != 3 || more || back[0].ID != first[0].ID || back[2].ID != first[2].ID {
			t.Errorf("%+v", back)
		}
		if found, _ := find(store.OrderQuery{Prefix: ids[4][:8]}); len(found) != 1 || found[0].ID != ids[4] {
			t.Errorf("by number: %+v", found)
		}
		if found, _ := find(store.OrderQuery{Prefix: "a' OR 1=1"}); len(found) != 0 {
			t.Errorf("by no number: %+v", found)
		}
		if err := s.MoveOn(ctx, ids[0], store.Paid, at); err != nil {
			t.Fatal(err)
		}
		if err := s.Refund(ctx, "m", ids[1], store.Packed, at); err != nil {
			t.Fatal(err)
		}
		// Of the pairs, one order of 15 minutes is cancelled.
		for status, want := range map[store.Status]int{store.Placed: 0, store.Paid: 0, store.Packed: 3, store.Sent: 2, store.Delivered: 0, store.Cancelled: 1, store.Returned: 0} {
			found, more := find(store.OrderQuery{Status: &status})
			if len(found) != want || more != (status == store.Packed) { // a fourth one is packed
				t.Errorf("status %d: %d orders, want %d", status, len(found), want)
			}
			for _, o := range found {
				if o.Status(at) != status {
					t.Errorf("status %d has an order of status %d", status, o.Status(at))
				}
			}
		}
	})
}

func TestChangeProduct_LosesNoUpdateAndChangesNoOrder(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		id := place(t, s, "p", "olive-soap", now)
		p, err := s.Product(ctx, "olive-soap")
		if err != nil {
			t.Fatal(err)
		}
		change := store.ProductChange{Slug: p.Slug, PriceCents: 1234, Stock: 50, HadCents: p.PriceCents, HadStock: p.Stock}
		place(t, s, "q", "olive-soap", now) // meanwhile
		if err := s.ChangeProduct(ctx, change); !errors.Is(err, store.ErrStale) {
			t.Errorf("a lost update: %v", err)
		}
		change.HadStock--
		if err := s.ChangeProduct(ctx, change); err != nil {
			t.Error(err)
		}
		if p, err = s.Product(ctx, p.Slug); err != nil || p.PriceCents != 1234 || p.Stock != 50 {
			t.Errorf("%+v, %v", p, err)
		}
		if o, err := s.AnyOrder(ctx, id); err != nil || o.TotalCents != 950 || o.Items[0].PriceCents != 950 {
			t.Errorf("the order has changed: %+v, %v", o, err)
		}
		if err := s.ChangeProduct(ctx, store.ProductChange{Slug: "nope", PriceCents: 1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no product: %v", err)
		}
	})
}
