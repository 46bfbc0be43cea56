package storetest_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"gatehouse/db"
	"gatehouse/portal/store"
	"gatehouse/portal/store/storetest"
)

func TestRevocations_PendingPublishedAndPurged(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		if high, err := s.HighestRevocation(ctx, at); err != nil || high != 0 {
			t.Errorf("highest of none: %d, %v", high, err)
		}
		var seqs []int64
		for i := range 5 {
			out := ends(t, s, act(func(e *store.EndRequest) {
				e.ID, e.Token, e.Until = fmt.Sprintf("ending-%d", i), fmt.Sprintf("token-%d", i), at.Add(time.Duration(i+1)*time.Minute)
			}))
			seqs = append(seqs, out.Revocations[0].Seq)
		}
		pending := func(now time.Time, limit int) (found []int64) {
			rows, err := s.PendingRevocations(ctx, now, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				found = append(found, r.Seq)
			}
			return found
		}
		if got := pending(at, 3); !reflect.DeepEqual(got, seqs[:3]) {
			t.Errorf("the first pending %v", got)
		}
		if got := pending(at.Add(2*time.Minute), 9); !reflect.DeepEqual(got, seqs[2:]) {
			t.Errorf("pending after two minutes: %v", got)
		}
		if err := s.MarkRevocationsPublished(ctx, []int64{seqs[1], seqs[3], 999_999}, at); err != nil {
			t.Fatal(err)
		}
		if err := s.MarkRevocationsPublished(ctx, nil, at); err != nil {
			t.Fatal(err)
		}
		if got := pending(at, 9); !reflect.DeepEqual(got, []int64{seqs[0], seqs[2], seqs[4]}) {
			t.Errorf("pending %v", got)
		}
		if high, err := s.HighestRevocation(ctx, at); err != nil || high != seqs[3] {
			t.Errorf("highest %d, %v; want %d", high, err, seqs[3])
		}
		if high, err := s.HighestRevocation(ctx, at.Add(4*time.Minute)); err != nil || high != 0 {
			t.Errorf("highest when they matter no more: %d, %v", high, err)
		}
		for _, c := range []struct {
			after     int64
			published bool
			limit     int
			want      []int64
		}{{0, false, 9, seqs}, {seqs[0], false, 2, seqs[1:3]}, {0, true, 9, []int64{seqs[1], seqs[3]}}, {seqs[4], false, 9, nil}} {
			rows, err := s.ActiveRevocations(ctx, c.after, at, c.published, c.limit)
			var got []int64
			for _, r := range rows {
				got = append(got, r.Seq)
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("living after %d: %v, %v; want %v", c.after, got, err, c.want)
			}
		}
		const day = 24 * time.Hour // for which they stay
		if err := s.PurgeRevocations(ctx, at.Add(day+3*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM revocations"); n != 2 {
			t.Errorf("%d left", n)
		}
		// Numbers are not used twice, though the last ones were deleted.
		if err := s.PurgeRevocations(ctx, at.Add(day+time.Hour)); err != nil {
			t.Fatal(err)
		}
		out := ends(t, s, act(func(e *store.EndRequest) { e.Token, e.Until = "token-9", at.Add(time.Hour) }))
		if out.Revocations[0].Seq <= seqs[4] {
			t.Errorf("number %d comes after %d", out.Revocations[0].Seq, seqs[4])
		}
	})
}

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

func TestSessions_FoundByTheirKeyWhileTheSignInLives(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		u, first := storetest.Registered(t, s, "maria@example.com") // has no key
		if _, err := s.Session(ctx, ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the empty key: %v", err)
		}
		in := storetest.SignIn(u)
		in.SessionKey = "key-1"
		if err := s.SignIn(ctx, in, u.PasswordHash); err != nil {
			t.Fatal(err)
		}
		got, err := s.Session(ctx, "key-1")
		if err != nil || got.SignIn.SID != in.SID || !reflect.DeepEqual(got.User, u) || !got.Seen.Equal(in.CreatedAt) {
			t.Errorf("%+v, %v", got, err)
		}
		if err := s.TouchSession(ctx, "key-1", at); err != nil {
			t.Fatal(err)
		}
		if err := s.TouchSession(ctx, "", at); err != nil {
			t.Fatal(err)
		}
		if got, err = s.Session(ctx, "key-1"); err != nil || !got.Seen.Equal(at) {
			t.Errorf("%+v, %v", got, err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins WHERE session_seen_at IS NOT NULL"); n != 1 {
			t.Errorf("%d sessions were seen", n)
		}
		if err := s.SetSessionKey(ctx, in.SID, "key-2", at); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Session(ctx, "key-1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the key of before: %v", err)
		}
		ends(t, s, act(func(e *store.EndRequest) { e.SID = in.SID }))
		if _, err := s.Session(ctx, "key-2"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("ended: %v", err)
		}
		if err := s.SetSessionKey(ctx, in.SID, "key-3", at); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a new session of an ended sign-in: %v", err)
		}
		if err := s.SetSessionKey(ctx, first.SID, "key-4", at); err != nil {
			t.Error(err)
		}
	})
}

func TestSignIns_UntoldUntilTold(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		u, own := storetest.Registered(t, s, "maria@example.com")
		stolen, ended := signsIn(t, s, u, storetest.Now), signsIn(t, s, u, storetest.Now)
		ends(t, s, act(func(e *store.EndRequest) { e.SID, e.Reason = own.SID, "sign_out" }))
		ends(t, s, act(func(e *store.EndRequest) { e.SID, e.Reason = stolen.SID, "token_replay" }))
		ends(t, s, act(func(e *store.EndRequest) { e.SID, e.Reason, e.Now = ended.SID, "ended_by_admin", at.Add(time.Minute) }))
		reasons := []string{"token_replay", "ended_by_admin"}
		got, err := s.UnacknowledgedSignIns(ctx, u.ID, reasons, storetest.Now, 9)
		if err != nil || len(got) != 2 || got[0].SID != ended.SID || got[1].SID != stolen.SID || got[1].EndReason != "token_replay" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := s.UnacknowledgedSignIns(ctx, u.ID, reasons, at.Add(time.Second), 9); err != nil || len(got) != 1 {
			t.Errorf("since later: %+v, %v", got, err)
		}
		if err := s.Acknowledge(ctx, u.ID, at); err != nil {
			t.Fatal(err)
		}
		if got, err := s.UnacknowledgedSignIns(ctx, u.ID, reasons, storetest.Now, 9); err != nil || len(got) != 1 || got[0].SID != ended.SID {
			t.Errorf("after telling of the first: %+v, %v", got, err)
		}
		if got, err := s.UnacknowledgedSignIns(ctx, "nobody", reasons, storetest.Now, 9); err != nil || len(got) != 0 {
			t.Errorf("nobody: %+v, %v", got, err)
		}
	})
}

func TestSignIns_PurgedLongAfterTheirEnd(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, living := storetest.Registered(t, s, "maria@example.com")
		for range 3 {
			in := signsIn(t, s, u, storetest.Now)
			ends(t, s, act(func(e *store.EndRequest) { e.SID = in.SID }))
			if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at) VALUES (?, 'shop', 1, 1)`), in.SID); err != nil {
				t.Fatal(err)
			}
		}
		abandoned := signsIn(t, s, u, storetest.Now)
		if err := s.TouchSignIn(t.Context(), living.SID, at.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.PurgeSignIns(t.Context(), storetest.Now); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins"); n != 5 {
			t.Errorf("%d sign-ins left too early", n)
		}
		if err := s.PurgeSignIns(t.Context(), at.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins WHERE sid = ?", living.SID); n != 1 || count(t, d, "SELECT COUNT(*) FROM sign_ins") != 1 {
			t.Error("not only the living one is left")
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_in_clients"); n != 0 {
			t.Errorf("%d clients left, of %s", n, abandoned.SID)
		}
	})
}
