package store_test

import (
	"strings"
	"testing"

	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
)

// A user's cart starts once, with its first product or with what a guest's cart brings; a guest's cart has no event.
func TestAdd_RecordsTheStartOfAUsersCart(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		add := func(id store.CartID, product string) {
			t.Helper()
			if _, _, err := s.Add(t.Context(), id, product, 1, "192.0.2.1", now); err != nil {
				t.Fatal(err)
			}
		}
		recorded := func(want ...string) {
			t.Helper()
			var got []string
			if err := d.SelectContext(t.Context(), &got, `SELECT subject || ' ' || data FROM event_outbox WHERE type = 'cart_started' ORDER BY subject`); err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		guest, ann, ben := store.GuestCart("cookie"), store.PersonCart("ann"), store.PersonCart("ben")
		add(guest, "stoneware-mug")
		recorded()
		add(ann, "stoneware-mug")
		add(ann, "stoneware-mug")
		add(ann, "spirit-level")
		recorded(`ann {"product":"stoneware-mug"}`)
		for range 2 {
			if err := s.Merge(t.Context(), guest, ben, now); err != nil {
				t.Fatal(err)
			}
		}
		recorded(`ann {"product":"stoneware-mug"}`, `ben {"product":"stoneware-mug"}`)
		other := store.GuestCart("another cookie")
		add(other, "spirit-level")
		if err := s.Merge(t.Context(), other, ann, now); err != nil {
			t.Fatal(err)
		}
		recorded(`ann {"product":"stoneware-mug"}`, `ben {"product":"stoneware-mug"}`)
	})
}
