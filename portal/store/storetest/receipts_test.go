package storetest_test

import (
	"errors"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
)

func TestReceipts_ComeBackAndAreCompleted(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		if _, err := s.Receipt(ctx, "ending-1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("none: %v", err)
		}
		first := store.Receipt{ID: "ending-1", UserID: "u", Reason: "banned", CreatedAt: at, Text: `{"a":1}`}
		second := store.Receipt{ID: "ending-2", UserID: "u", Reason: "banned", CreatedAt: at.Add(time.Hour), Text: `{"b":"ü"}`}
		for _, r := range []store.Receipt{first, second, {ID: "ending-3", UserID: "v", Reason: "sign_out", CreatedAt: at, Text: "{}"}} {
			if err := s.ChangeReceipt(ctx, r, func(text string) (string, error) { return text, nil }); err != nil {
				t.Fatal(err)
			}
		}
		bare := first
		bare.Text, bare.UserID = "", "another"
		if err := s.ChangeReceipt(ctx, bare, func(text string) (string, error) { return text + "!", nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.ChangeReceipt(ctx, bare, func(string) (string, error) { return "", io.EOF }); !errors.Is(err, io.EOF) {
			t.Errorf("a change that fails: %v", err)
		}
		first.Text += "!"
		if got, err := s.Receipt(ctx, "ending-1"); err != nil || got != first {
			t.Errorf("%+v, %v; want %+v", got, err, first)
		}
		if got, err := s.ReceiptsOf(ctx, "u", 9); err != nil || !reflect.DeepEqual(got, []store.Receipt{second, first}) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := s.ReceiptsOf(ctx, "u", 1); err != nil || !reflect.DeepEqual(got, []store.Receipt{second}) {
			t.Errorf("the last one: %+v, %v", got, err)
		}
		if err := s.PurgeReceipts(ctx, at.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM receipts"); n != 1 {
			t.Errorf("%d left", n)
		}
	})
}

func TestReceipts_ChangesAreNotLost(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				r := store.Receipt{ID: "ending", Reason: "sign_out", CreatedAt: at}
				if i == 7 {
					r.UserID = "u"
				}
				if err := s.ChangeReceipt(t.Context(), r, func(text string) (string, error) { return text + "x", nil }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := s.Receipt(t.Context(), "ending"); err != nil || got.Text != "xxxxxxxx" || got.UserID != "u" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
