package storetest_test

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

func TestSignIns_ComeBackWithTheirPerson(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, first := storetest.Registered(t, s, "maria@example.com")
		second := storetest.SignIn(u)
		second.UserAgent, second.IP = "Grüße <b>", "2001:db8::1"
		if err := s.SignIn(t.Context(), second, u.PasswordHash); err != nil {
			t.Fatal(err)
		}
		for _, want := range []store.SignIn{first, second} {
			gotUser, got, err := s.UserAndSignIn(t.Context(), want.SID)
			if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(gotUser, u) {
				t.Errorf("%+v, %+v, %v; want %+v, %+v", gotUser, got, err, u, want)
			}
		}
		if _, _, err := s.UserAndSignIn(t.Context(), "unknown"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM event_outbox WHERE type = 'sign_in' AND subject = ?", u.ID); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestSignIns_NotWithAPasswordOfBefore(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, in := storetest.Registered(t, s, "maria@example.com")
		if err := s.Apply(t.Context(), store.ChangePassword(u.ID, u.PasswordHash, "new", storetest.Now)); err != nil {
			t.Fatal(err)
		}
		if err := s.SignIn(t.Context(), storetest.SignIn(u), u.PasswordHash); !errors.Is(err, store.ErrStale) {
			t.Errorf("sign-in: %v", err)
		}
		if err := s.Reauthenticate(t.Context(), u.ID, in.SID, u.PasswordHash, storetest.Now); !errors.Is(err, store.ErrStale) {
			t.Errorf("reauthenticate: %v", err)
		}
		nobody := storetest.User("nobody@example.com")
		if err := s.SignIn(t.Context(), storetest.SignIn(nobody), nobody.PasswordHash); !errors.Is(err, store.ErrStale) {
			t.Errorf("nobody: %v", err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins"); n != 1 {
			t.Errorf("%d sign-ins", n)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM event_outbox"); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

// Whatever the order in which they come, no sign-in with the old password outlives the change.
func TestSignIns_RaceWithAChangeOfPassword(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, own := storetest.Registered(t, s, "maria@example.com")
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := s.SignIn(t.Context(), storetest.SignIn(u), u.PasswordHash); err != nil && !errors.Is(err, store.ErrStale) {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if err := s.Apply(t.Context(), store.ChangePassword(u.ID, u.PasswordHash, "new", storetest.Now)); err != nil {
				t.Error(err)
				return
			}
			if _, err := s.EndSignIns(t.Context(), store.EndRequest{
				UserID: u.ID, Except: own.SID, Reason: "password_changed", Client: "portal", Scope: "everywhere", Now: storetest.Now, RetryFrom: storetest.Now,
			}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		finishDenials(t, s)
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 {
			t.Errorf("%d sign-ins live, want the one that changed the password", n)
		}
	})
}

func TestSignIns_Reauthenticate(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, in := storetest.Registered(t, s, "maria@example.com")
		otto, _ := storetest.Registered(t, s, "otto@example.com")
		later := storetest.Now.Add(3 * time.Hour)
		if err := s.Reauthenticate(t.Context(), otto.ID, in.SID, otto.PasswordHash, later); !errors.Is(err, store.ErrStale) {
			t.Errorf("another person's: %v", err)
		}
		if err := s.Reauthenticate(t.Context(), u.ID, in.SID, u.PasswordHash, later); err != nil {
			t.Fatal(err)
		}
		if _, got, err := s.UserAndSignIn(t.Context(), in.SID); err != nil || !got.CreatedAt.Equal(later) || !got.LastSeenAt.Equal(later) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := s.EndSignIns(t.Context(), store.EndRequest{SID: in.SID, Reason: "sign_out", Client: "portal", Scope: "session", Now: later, RetryFrom: later}); err != nil {
			t.Fatal(err)
		}
		if err := s.Reauthenticate(t.Context(), u.ID, in.SID, u.PasswordHash, later); !errors.Is(err, store.ErrStale) {
			t.Errorf("ended: %v", err)
		}
		_, got, err := s.UserAndSignIn(t.Context(), in.SID)
		if err != nil || !got.EndedAt.Equal(later) || got.EndReason != "sign_out" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestSignIns_SeenAtMostOnceAMinute(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		_, in := storetest.Registered(t, s, "maria@example.com")
		for _, step := range []struct{ at, want time.Duration }{
			{30 * time.Second, 0}, {60 * time.Second, time.Minute}, {90 * time.Second, time.Minute}, {10 * time.Second, time.Minute}, {5 * time.Minute, 5 * time.Minute},
		} {
			if err := s.TouchSignIn(t.Context(), in.SID, storetest.Now.Add(step.at)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := s.UserAndSignIn(t.Context(), in.SID); err != nil || !got.LastSeenAt.Equal(storetest.Now.Add(step.want)) {
				t.Errorf("seen at %s: last seen %s, %v", step.at, got.LastSeenAt.Sub(storetest.Now), err)
			}
		}
		if err := s.TouchSignIn(t.Context(), "unknown", storetest.Now); err != nil {
			t.Errorf("unknown: %v", err)
		}
	})
}

func TestSignIns_ListedByPage(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		u, first := storetest.Registered(t, s, "maria@example.com")
		storetest.Registered(t, s, "otto@example.com")
		var sids []string
		for i := range 5 {
			in := storetest.SignIn(u)
			in.SID = fmt.Sprintf("sid-%d", i)
			in.LastSeenAt = storetest.Now.Add(time.Duration(i+1) * time.Minute)
			if err := s.SignIn(ctx, in, u.PasswordHash); err != nil {
				t.Fatal(err)
			}
			sids = append([]string{in.SID}, sids...)
		}
		if _, err := s.EndSignIns(ctx, store.EndRequest{SID: "sid-4", Reason: "sign_out", Client: "portal", Scope: "session", Now: storetest.Now, RetryFrom: storetest.Now}); err != nil {
			t.Fatal(err)
		}
		for i, client := range []string{"shop", "forum", "analytics"} {
			if _, err := d.ExecContext(ctx, d.Rebind(`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at) VALUES (?, ?, ?, ?)`),
				"sid-3", client, db.Millis(storetest.Now)+int64(i), db.Millis(storetest.Now)); err != nil {
				t.Fatal(err)
			}
		}
		since := storetest.Now.Add(-time.Hour)
		var got []string
		for offset := 0; offset < 6; offset += 2 {
			page, total, err := s.SignInsOf(ctx, u.ID, first.SID, since, 2, offset)
			if err != nil || total != 5 {
				t.Fatalf("total %d, %v", total, err)
			}
			for _, in := range page {
				got = append(got, in.SID)
				if in.SID == "sid-3" && !reflect.DeepEqual(in.Clients, []string{"shop", "forum", "analytics"}) {
					t.Errorf("clients %q", in.Clients)
				}
			}
		}
		if want := append([]string{first.SID}, sids[1:]...); !reflect.DeepEqual(got, want) {
			t.Errorf("listed %q, want %q", got, want)
		}
		if page, total, err := s.SignInsOf(ctx, u.ID, first.SID, storetest.Now.Add(90*time.Second), 10, 0); err != nil || total != 3 || len(page) != 3 {
			t.Errorf("since later: %d of %d, %v", len(page), total, err)
		}
		if page, total, err := s.SignInsOf(ctx, "nobody", "", since, 10, 0); err != nil || total != 0 || len(page) != 0 {
			t.Errorf("nobody's: %d of %d, %v", len(page), total, err)
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
		endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.SID = in.SID }))
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
