package storetest_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

func admin(t *testing.T, s *store.Store, email string) store.User {
	t.Helper()
	u := storetest.User(email)
	u.Roles = []string{"customer", store.AdminRole}
	if err := s.Register(t.Context(), u, storetest.SignIn(u)); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestBanUser_KeepsOutUntilItEnds(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, in := storetest.Registered(t, s, "maria@example.com")
		until := storetest.Now.Add(time.Hour)
		if err := s.Apply(t.Context(), store.BanUser(u.ID, "spam", until, storetest.Now)); err != nil {
			t.Fatal(err)
		}
		got, err := s.UserByID(t.Context(), u.ID)
		if err != nil || !got.Disabled(storetest.Now) || !got.Disabled(until.Add(-time.Millisecond)) || got.Disabled(until) ||
			got.BanReason != "spam" || !got.BannedUntil.Equal(until) {
			t.Errorf("after the ban: %+v, %v", got, err)
		}
		if err := s.SignIn(t.Context(), storetest.SignIn(u), u.PasswordHash); !errors.Is(err, store.ErrStale) {
			t.Errorf("a sign-in during the ban: %v", err)
		}
		if err := s.Apply(t.Context(), store.BanUser(u.ID, "again", time.Time{}, storetest.Now)); !errors.Is(err, store.ErrBanned) {
			t.Errorf("a second ban: %v", err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM event_outbox WHERE type = 'user_banned' AND subject = '' AND data = ?`, `{"user_id":"`+u.ID+`"}`); n != 1 {
			t.Errorf("%d events of one ban", n)
		}
		if err := s.Apply(t.Context(), store.UnbanUser(u.ID, storetest.Now)); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), store.UnbanUser(u.ID, storetest.Now)); !errors.Is(err, store.ErrNotBanned) {
			t.Errorf("a second unban: %v", err)
		}
		if err := s.SignIn(t.Context(), storetest.SignIn(u), u.PasswordHash); err != nil {
			t.Errorf("a sign-in after the ban: %v", err)
		}
		// A ban that has run out needs nobody to lift it, and is no obstacle to the next one.
		if err := s.Apply(t.Context(), store.BanUser(u.ID, "short", until, storetest.Now)); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), store.UnbanUser(u.ID, until)); !errors.Is(err, store.ErrNotBanned) {
			t.Errorf("an unban after the ban ran out: %v", err)
		}
		if err := s.Apply(t.Context(), store.BanUser(u.ID, "for good", time.Time{}, until)); err != nil {
			t.Errorf("a ban after one that ran out: %v", err)
		}
		for name, change := range map[string]store.Change{
			"ban": store.BanUser("nobody", "x", time.Time{}, storetest.Now), "unban": store.UnbanUser("nobody", storetest.Now),
			"roles": store.SetRoles("nobody", nil, []string{"customer"}, storetest.Now),
		} {
			if err := s.Apply(t.Context(), change); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s of nobody: %v", name, err)
			}
		}
		if _, _, err := s.UserAndSignIn(t.Context(), in.SID); err != nil {
			t.Errorf("the sign-in is gone: %v", err)
		}
	})
}

func TestSetRoles_OnlyFromWhatWasSeen(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		u, _ := storetest.Registered(t, s, "maria@example.com") // customer, moderator
		set := func(had, roles []string) error {
			return s.Apply(t.Context(), store.SetRoles(u.ID, had, roles, storetest.Now))
		}
		if err := set(u.Roles, []string{"analyst"}); err != nil {
			t.Fatal(err)
		}
		if err := set(u.Roles, []string{"customer"}); !errors.Is(err, store.ErrStale) {
			t.Errorf("from roles of before: %v", err)
		}
		if err := set([]string{"analyst"}, []string{"analyst"}); !errors.Is(err, store.ErrSameRoles) {
			t.Errorf("the same roles: %v", err)
		}
		if err := set([]string{"analyst"}, nil); err != nil {
			t.Errorf("no roles: %v", err)
		}
		if got, err := s.UserByID(t.Context(), u.ID); err != nil || len(got.Roles) != 0 {
			t.Errorf("roles %v, %v", got.Roles, err)
		}
	})
}

// An administrator whom this portal never lets in, such as one of the demo, does not count.
func TestLastAdmin_StaysThoughALockedOneIsThere(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		last, demo := admin(t, s, "last@example.com"), admin(t, s, "demo@example.com")
		locking, err := store.New(d, demo.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := locking.Apply(t.Context(), store.BanUser(last.ID, "x", time.Time{}, storetest.Now)); !errors.Is(err, store.ErrLastAdmin) {
			t.Errorf("a ban of the last administrator: %v", err)
		}
		if err := locking.Apply(t.Context(), store.BanUser(demo.ID, "x", time.Time{}, storetest.Now)); err != nil {
			t.Errorf("a ban of the locked one: %v", err)
		}
	})
}

// Nothing that takes an administrator away takes the last one who may sign in, and a refusal changes nothing.
func TestLastAdmin_Stays(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		last := admin(t, s, "last@example.com")
		banned := admin(t, s, "banned@example.com")
		gone := admin(t, s, "gone@example.com")
		named(t, s, "administrator@example.com", "admin") // the name is no role
		for _, change := range []store.Change{
			store.BanUser(banned.ID, "x", time.Time{}, storetest.Now), store.DeleteUser(gone.ID, "", storetest.Now),
		} {
			if err := s.Apply(t.Context(), change); err != nil {
				t.Fatal(err)
			}
		}
		for name, change := range map[string]store.Change{
			"ban":           store.BanUser(last.ID, "x", storetest.Now.Add(time.Hour), storetest.Now),
			"deletion":      store.DeleteUser(last.ID, "", storetest.Now),
			"loss of roles": store.SetRoles(last.ID, last.Roles, []string{"customer"}, storetest.Now),
		} {
			written := count(t, d, `SELECT COUNT(*) FROM audit`)
			if err := s.Apply(t.Context(), store.Audited(store.Audit{At: storetest.Now, Action: name}), change); !errors.Is(err, store.ErrLastAdmin) {
				t.Errorf("%s of the last administrator: %v", name, err)
			}
			if n := count(t, d, `SELECT COUNT(*) FROM audit`); n != written {
				t.Errorf("%s was refused, and is in the audit", name)
			}
		}
		if got, err := s.UserByID(t.Context(), last.ID); err != nil || got.Disabled(storetest.Now) || !slices.Equal(got.Roles, last.Roles) {
			t.Errorf("the last administrator: %+v, %v", got, err)
		}
		// Other roles may change, and once the ban of the other one is lifted, one may go.
		if err := s.Apply(t.Context(), store.SetRoles(last.ID, last.Roles, []string{store.AdminRole}, storetest.Now)); err != nil {
			t.Errorf("other roles: %v", err)
		}
		if err := s.Apply(t.Context(), store.UnbanUser(banned.ID, storetest.Now)); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), store.BanUser(last.ID, "x", time.Time{}, storetest.Now)); err != nil {
			t.Errorf("one of two: %v", err)
		}
	})
}

// However many administrators take each other's place away in the same moment, one stays.
func TestLastAdmin_RaceOfAll(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		var admins []store.User
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com"} {
			admins = append(admins, admin(t, s, email))
		}
		for round := range 5 {
			var wg sync.WaitGroup
			start := make(chan struct{})
			errs := make([]error, len(admins))
			for i := range admins {
				u := admins[(i+1)%len(admins)] // each takes the next one's
				change := store.SetRoles(u.ID, u.Roles, []string{"customer"}, storetest.Now)
				if i%2 == 1 {
					change = store.BanUser(u.ID, "race", time.Time{}, storetest.Now)
				}
				wg.Go(func() {
					<-start
					errs[i] = s.Apply(t.Context(), change)
				})
			}
			close(start)
			wg.Wait()
			refused := 0
			for i, err := range errs {
				if errors.Is(err, store.ErrLastAdmin) {
					refused++
				} else if err != nil {
					t.Errorf("round %d, %d: %v", round, i, err)
				}
			}
			page, err := s.SearchPeople(t.Context(), store.PeopleQuery{Role: store.AdminRole, State: store.StateActive, Now: storetest.Now, Limit: 10})
			if err != nil || refused != 1 || len(page.Users) != 1 {
				t.Fatalf("round %d: %d refused, %d administrators left, %v; want 1 and 1", round, refused, len(page.Users), err)
			}
			for _, u := range admins {
				if _, err := d.ExecContext(t.Context(), d.Rebind(`UPDATE users SET roles = '["customer","admin"]', disabled_at = NULL WHERE id = ?`), u.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Two who end the same do it once.
func TestIfSignedIn_Once(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, in := storetest.Registered(t, s, "maria@example.com")
		for name, c := range map[string]struct{ ok, not store.Change }{
			"a person":  {store.IfSignedIn(u.ID, ""), store.IfSignedIn(u.ID, in.SID)},
			"a sign-in": {store.IfSignInActive(u.ID, in.SID), store.IfSignInActive("another", in.SID)},
		} {
			if err := s.Apply(t.Context(), c.ok); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := s.Apply(t.Context(), c.not); !errors.Is(err, store.ErrEnded) {
				t.Errorf("%s, nothing to end: %v", name, err)
			}
		}
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = s.EndSignIns(t.Context(), store.EndRequest{
					ID: "ending-" + string(rune('a'+i)), UserID: u.ID, Reason: "ended_by_admin", Client: "portal", Now: storetest.Now, Until: storetest.Now.Add(time.Hour),
					With: []store.Change{store.IfSignedIn(u.ID, ""), store.Audited(store.Audit{At: storetest.Now, Action: "once"})},
				})
			})
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else if !errors.Is(err, store.ErrEnded) {
				t.Error(err)
			}
		}
		if n := count(t, d, `SELECT COUNT(*) FROM audit WHERE action = 'once'`); done != 1 || n != 1 {
			t.Errorf("done %d times, %d in the audit; want once", done, n)
		}
	})
}
