package storetest_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

var lease = storetest.Now.Add(15 * time.Second)

func TestOutbox_DueClients(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		due := func(at time.Time) []string {
			t.Helper()
			ids, err := s.DueClients(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		if got := due(storetest.Now); len(got) != 0 {
			t.Errorf("an empty outbox: %q", got)
		}
		for i := range 30 {
			storetest.AddNotice(t, d, store.Notice{ClientID: "busy", SID: fmt.Sprint(i)}, storetest.Now)
		}
		storetest.AddNotice(t, d, store.Notice{ClientID: "another", SID: "a"}, storetest.Now)
		storetest.AddNotice(t, d, store.Notice{ClientID: "later", SID: "a"}, storetest.Now.Add(time.Minute))
		heard := storetest.AddNotice(t, d, store.Notice{ClientID: "heard", SID: "a"}, storetest.Now)
		dead := storetest.AddNotice(t, d, store.Notice{ClientID: "dead", SID: "a"}, storetest.Now)
		for _, try := range []store.DeliveryAttempt{
			{NoticeID: heard.ID, Attempt: 1, At: storetest.Now}, {NoticeID: dead.ID, Attempt: 1, At: storetest.Now, Failure: "no"},
		} {
			if err := s.RecordAttempt(t.Context(), try); err != nil {
				t.Fatal(err)
			}
		}
		if got := due(storetest.Now); !slices.Equal(got, []string{"another", "busy"}) {
			t.Errorf("due %q", got)
		}
		if got := due(storetest.Now.Add(-time.Millisecond)); len(got) != 0 {
			t.Errorf("due before %q", got)
		}
		if got := due(storetest.Now.Add(time.Minute)); !slices.Equal(got, []string{"another", "busy", "later"}) {
			t.Errorf("due later %q", got)
		}
	})
}

func TestOutbox_ClaimedByOneAlone(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		storetest.Register(t, s, "shop", "https://shop.test/logout")
		want := storetest.AddNotice(t, d, store.Notice{ClientID: "shop", SID: "0", UserID: "maria", ReceiptID: "act", CreatedAt: storetest.Now.Add(-time.Hour)},
			storetest.Now.Add(-time.Minute))
		for i := 1; i < 40; i++ {
			storetest.AddNotice(t, d, store.Notice{ClientID: "shop", SID: fmt.Sprint(i)}, storetest.Now)
		}
		storetest.AddNotice(t, d, store.Notice{ClientID: "forum", SID: "f"}, storetest.Now)
		first, err := s.ClaimNotices(t.Context(), "shop", storetest.Now, lease, 1)
		want.URI, want.Since, want.Attempts = "https://shop.test/logout", want.CreatedAt, 1
		if err != nil || len(first) != 1 || !reflect.DeepEqual(first[0], want) {
			t.Fatalf("%+v, %v; want %+v", first, err, want)
		}
		var mu sync.Mutex
		claimed := map[string]int{}
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for {
					got, err := s.ClaimNotices(t.Context(), "shop", storetest.Now, lease, 5)
					if err != nil || len(got) > 5 {
						t.Errorf("%d claimed, %v", len(got), err)
						return
					}
					if len(got) == 0 {
						return
					}
					mu.Lock()
					for _, n := range got {
						claimed[n.SID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for sid, n := range claimed {
			if n != 1 {
				t.Errorf("%s was claimed %d times", sid, n)
			}
		}
		if n := count(t, d, "SELECT COUNT(*) FROM backchannel_outbox WHERE attempts = 1 AND client_id = 'shop'"); n != 40 || claimed["f"] != 0 {
			t.Errorf("%d were claimed, forum's %d times", n, claimed["f"])
		}
		// Nobody said what became of them: once the lease has run out they are due anew.
		if got, err := s.ClaimNotices(t.Context(), "shop", lease, lease.Add(time.Minute), 100); err != nil || len(got) != 40 || got[0].Attempts != 2 {
			t.Errorf("%d, %v", len(got), err)
		}
	})
}

func TestOutbox_LogoutURIs(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		storetest.Register(t, s, "shop", "https://shop.test/logout")
		storetest.Register(t, s, "mute", "")
		got, err := s.LogoutURIs(t.Context(), []string{"shop", "mute", "gone", "' OR 1=1"})
		want := map[string]store.LogoutURI{
			"shop": {ClientID: "shop", Name: "The shop", URI: "https://shop.test/logout"}, "mute": {ClientID: "mute", Name: "The mute"},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := s.LogoutURIs(t.Context(), nil); err != nil || len(got) != 0 {
			t.Errorf("of nobody: %+v, %v", got, err)
		}
	})
}

// What an attempt reports that somebody else has overtaken does not undo what became of the notice.
func TestOutbox_OvertakenAttempts(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		storetest.AddNotice(t, d, store.Notice{ID: "n", ClientID: "shop", SID: "a"}, storetest.Now)
		for _, now := range []time.Time{storetest.Now, lease} {
			if got, err := s.ClaimNotices(ctx, "shop", now, now.Add(15*time.Second), 1); err != nil || len(got) != 1 {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		late := store.DeliveryAttempt{NoticeID: "n", Attempt: 1, At: lease, Took: time.Second, Failure: "late", RetryAt: lease}
		if err := s.RecordAttempt(ctx, late); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ClaimNotices(ctx, "shop", lease, lease.Add(time.Minute), 1); err != nil || len(got) != 0 {
			t.Errorf("a late report gave away what another had claimed: %+v, %v", got, err)
		}
		if err := s.RecordAttempt(ctx, store.DeliveryAttempt{NoticeID: "n", Attempt: 1, At: lease, Took: 1500 * time.Microsecond}); err != nil {
			t.Fatal(err)
		}
		if err := s.RecordAttempt(ctx, store.DeliveryAttempt{NoticeID: "n", Attempt: 2, At: lease, Failure: "no"}); err != nil {
			t.Fatal(err)
		}
		if err := s.RecordAttempt(ctx, store.DeliveryAttempt{NoticeID: "unknown", Attempt: 1, At: lease}); err != nil {
			t.Errorf("unknown: %v", err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM backchannel_outbox WHERE delivered_at = ? AND given_up_at IS NULL AND last_error = '' AND attempts = 2 AND took_ms = 1`,
			db.Millis(lease)); n != 1 {
			t.Error("it was heard, and the outbox says something else")
		}
	})
}

// failed makes a notice that was tried once, at at; with a zero next it was given up then.
func failed(t *testing.T, s *store.Store, d *db.DB, client, sid string, at, next time.Time) store.Notice {
	t.Helper()
	n := storetest.AddNotice(t, d, store.Notice{ClientID: client, SID: sid, CreatedAt: at, ReceiptID: "act"}, at)
	if err := s.RecordAttempt(t.Context(), store.DeliveryAttempt{NoticeID: n.ID, Attempt: 1, At: at, Took: 20 * time.Millisecond, Failure: "It answered 500.", RetryAt: next}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOutbox_ListedByPage(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		storetest.Register(t, s, "shop", "https://shop.test/logout")
		var waiting []string
		for i := range 7 {
			at := storetest.Now.Add(time.Duration(i/2) * time.Minute) // two of each moment
			client := []string{"shop", "forum"}[i%2]
			failed(t, s, d, client, fmt.Sprintf("dead-%d", i), at, time.Time{})
			waiting = append(waiting, failed(t, s, d, client, fmt.Sprintf("waits-%d", i), at, at.Add(time.Hour)).ID)
		}
		storetest.AddNotice(t, d, store.Notice{ClientID: "shop", SID: "heard"}, storetest.Now)
		if err := s.RecordAttempt(ctx, store.DeliveryAttempt{NoticeID: "notice of heard to shop", Attempt: 1, At: storetest.Now}); err != nil {
			t.Fatal(err)
		}
		for _, givenUp := range []bool{true, false} {
			all, more, err := s.Notices(ctx, store.NoticeQuery{GivenUp: givenUp, Limit: 100})
			if err != nil || more || len(all) != 7 || !slices.IsSortedFunc(all, func(a, b store.Delivery) int {
				return 2*b.At().Compare(a.At()) + strings.Compare(b.ID, a.ID)
			}) {
				t.Fatalf("%+v, %v, %v", all, more, err)
			}
			var got []store.Delivery
			q := store.NoticeQuery{GivenUp: givenUp, Limit: 3}
			for more := true; more; {
				var page []store.Delivery
				if page, more, err = s.Notices(ctx, q); err != nil || len(page) == 0 {
					t.Fatalf("%+v, %v", page, err)
				}
				got = append(got, page...)
				q.After = store.Cursor{At: page[len(page)-1].At(), ID: page[len(page)-1].ID}
			}
			if !reflect.DeepEqual(got, all) {
				t.Errorf("by page %+v, want %+v", got, all)
			}
			back, more, err := s.Notices(ctx, store.NoticeQuery{GivenUp: givenUp, Limit: 3, Before: store.Cursor{At: all[5].At(), ID: all[5].ID}})
			if err != nil || !more || !reflect.DeepEqual(back, all[2:5]) {
				t.Errorf("back: %+v, %v, %v", back, more, err)
			}
			forum, more, err := s.Notices(ctx, store.NoticeQuery{GivenUp: givenUp, Client: "forum", Limit: 3})
			if err != nil || more || len(forum) != 3 || slices.ContainsFunc(forum, func(n store.Delivery) bool { return n.ClientID != "forum" || n.Name != "" }) {
				t.Errorf("of one client: %+v, %v, %v", forum, more, err)
			}
			if none, more, err := s.Notices(ctx, store.NoticeQuery{GivenUp: givenUp, Client: "nobody", Limit: 3}); err != nil || more || len(none) != 0 {
				t.Errorf("of nobody: %+v, %v, %v", none, more, err)
			}
		}
		page, _, err := s.Notices(ctx, store.NoticeQuery{Client: "shop", Limit: 1})
		at := storetest.Now.Add(3 * time.Minute)
		want := store.Delivery{
			Notice: store.Notice{
				ID: waiting[6], ClientID: "shop", URI: "https://shop.test/logout", SID: "waits-6", UserID: "user of waits-6", ReceiptID: "act",
				CreatedAt: at, Since: at, Attempts: 1,
			},
			Name: "The shop", TriedAt: at, Took: 20 * time.Millisecond, Failure: "It answered 500.", NextAt: at.Add(time.Hour),
		}
		if err != nil || len(page) != 1 || !reflect.DeepEqual(page[0], want) {
			t.Errorf("%+v, %v; want %+v", page, err, want)
		}
		owed, err := s.UndeliveredCounts(ctx)
		if err != nil || !reflect.DeepEqual(owed, []store.UndeliveredCount{{ClientID: "forum", Waiting: 3, GivenUp: 3}, {ClientID: "shop", Name: "The shop", Waiting: 4, GivenUp: 4}}) {
			t.Errorf("%+v, %v", owed, err)
		}
		told, err := s.NoticeSummaries(ctx, "act")
		if err != nil || !reflect.DeepEqual(told, []store.NoticeSummary{
			{ClientID: "forum", Notices: 6, GivenUp: 3, Took: 20 * time.Millisecond, TriedAt: storetest.Now.Add(2 * time.Minute), Failure: "It answered 500."},
			{ClientID: "shop", Name: "The shop", Notices: 8, GivenUp: 4, Took: 20 * time.Millisecond, TriedAt: at, Failure: "It answered 500."},
		}) {
			t.Errorf("%+v, %v", told, err)
		}
		for _, none := range []string{"", "unknown", "' OR ''='"} {
			if told, err := s.NoticeSummaries(ctx, none); err != nil || len(told) != 0 {
				t.Errorf("of %q: %+v, %v", none, told, err)
			}
		}
	})
}

func TestOutbox_ResendNotice(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		later := storetest.Now.Add(48 * time.Hour)
		dead := failed(t, s, d, "shop", "dead", storetest.Now, time.Time{})
		waits := failed(t, s, d, "shop", "waits", storetest.Now, later.Add(time.Hour))
		fresh := storetest.AddNotice(t, d, store.Notice{ClientID: "shop", SID: "fresh"}, later.Add(time.Second))
		leased := failed(t, s, d, "forum", "leased", storetest.Now, storetest.Now)
		if got, err := s.ClaimNotices(ctx, "forum", later, later.Add(time.Second), 1); err != nil || len(got) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		heard := storetest.AddNotice(t, d, store.Notice{ClientID: "shop", SID: "heard"}, later)
		if err := s.RecordAttempt(ctx, store.DeliveryAttempt{NoticeID: heard.ID, Attempt: 1, At: later}); err != nil {
			t.Fatal(err)
		}
		for i := range 2 { // a second click changes nothing
			for _, n := range []store.Notice{dead, waits, fresh, leased, heard} {
				want := store.ErrNothingToResend
				if i == 0 && (n == dead || n == waits) {
					want = nil
				}
				if err := s.Apply(ctx, store.ResendNotice(n.ID, later)); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", n.SID, err, want)
				}
			}
		}
		if err := s.Apply(ctx, store.ResendNotice("unknown", later)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		got, err := s.ClaimNotices(ctx, "shop", later, later.Add(time.Minute), 10)
		if err != nil || len(got) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, n := range got {
			if n.Attempts != 1 || !n.Since.Equal(later) || !n.CreatedAt.Equal(storetest.Now) || n.SID != "dead" && n.SID != "waits" {
				t.Errorf("%+v", n)
			}
		}
		// What is under way goes on.
		for range 2 {
			if err := s.Apply(ctx, store.ResendNotice(dead.ID, later)); !errors.Is(err, store.ErrNothingToResend) {
				t.Fatal(err)
			}
		}
		if got, err := s.ClaimNotices(ctx, "shop", later, later.Add(time.Minute), 10); err != nil || len(got) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := s.ClaimNotices(ctx, "forum", later, later.Add(time.Minute), 10); err != nil || len(got) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestOutbox_ResendNotices(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		later := storetest.Now.Add(48 * time.Hour)
		for i := range 3 {
			failed(t, s, d, "shop", fmt.Sprintf("s-%d", i), storetest.Now, time.Time{})
			failed(t, s, d, "forum", fmt.Sprintf("f-%d", i), storetest.Now, time.Time{})
		}
		failed(t, s, d, "shop", "waits", storetest.Now, later.Add(time.Hour))
		sent := -1
		if err := s.Apply(ctx, store.ResendNotices("shop", later, &sent)); err != nil || sent != 3 {
			t.Errorf("%d, %v; want 3", sent, err)
		}
		for _, client := range []string{"shop", "nobody"} {
			if err := s.Apply(ctx, store.ResendNotices(client, later, &sent)); !errors.Is(err, store.ErrNothingToResend) || sent != 0 {
				t.Errorf("%s: %d, %v", client, sent, err)
			}
		}
		if err := s.Apply(ctx, store.ResendNotices("", later, nil)); err == nil {
			t.Error("all clients at once")
		}
		if due, err := s.DueClients(ctx, later); err != nil || !slices.Equal(due, []string{"shop"}) {
			t.Errorf("due %q, %v", due, err)
		}
		if got, err := s.ClaimNotices(ctx, "shop", later, later.Add(time.Minute), 10); err != nil || len(got) != 3 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestOutbox_Purge(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		many := `INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, delivered_at, given_up_at)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT `
		at := db.Millis(storetest.Now)
		for _, values := range []string{
			`'heard ' || i, 'shop', 's', 'u', 0, 0, CAST(? AS BIGINT), CAST(NULL AS BIGINT) FROM n`,
			`'dead ' || i, 'shop', 's', 'u', 0, 0, CAST(NULL AS BIGINT), CAST(? AS BIGINT) FROM n`,
		} {
			if _, err := d.ExecContext(ctx, d.Rebind(many+values), at); err != nil {
				t.Fatal(err)
			}
		}
		storetest.AddNotice(t, d, store.Notice{ClientID: "shop", SID: "waits", CreatedAt: storetest.Now.Add(-1000 * time.Hour)}, storetest.Now)
		left := func(heard, givenUp time.Time, want int) {
			t.Helper()
			if err := s.PurgeNotices(ctx, heard, givenUp); err != nil {
				t.Fatal(err)
			}
			if n := count(t, d, "SELECT COUNT(*) FROM backchannel_outbox"); n != want {
				t.Errorf("%d are left, want %d", n, want)
			}
		}
		after := storetest.Now.Add(time.Millisecond)
		left(storetest.Now, storetest.Now, 5001)
		left(after, storetest.Now, 2501)
		left(after, after, 1)
	})
}
