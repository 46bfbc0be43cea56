package storetest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

// at is a moment some hundred milliseconds into a second.
var at = storetest.Now.Add(time.Hour + 700*time.Millisecond)

// endRequest is an ending at that moment.
func endRequest(change func(*store.EndRequest)) store.EndRequest {
	e := store.EndRequest{
		ID: "ending-1", Reason: "banned", Note: "spam", By: "admin-1", Client: "portal", Scope: "everywhere",
		Now: at, Until: at.Add(24 * time.Hour), RetryFrom: at,
	}
	change(&e)
	return e
}

// signsIn stores another sign-in of u, which began then.
func signsIn(t *testing.T, s *store.Store, u store.User, began time.Time) store.SignIn {
	t.Helper()
	in := storetest.SignIn(u)
	in.CreatedAt, in.LastSeenAt = began, began
	if err := s.SignIn(t.Context(), in, u.PasswordHash); err != nil {
		t.Fatal(err)
	}
	return in
}

func endSignIns(t *testing.T, s *store.Store, e store.EndRequest) store.Outcome {
	t.Helper()
	out, err := s.EndSignIns(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// finishDenial ends all that r denies, and returns how many sign-ins each batch ended.
func finishDenial(t *testing.T, s *store.Store, r store.Revocation, limit int) (batches []int) {
	t.Helper()
	for more := true; more; {
		var out store.Outcome
		var err error
		if out, more, err = s.EndDeniedSignIns(t.Context(), r, limit, at, at, at); err != nil {
			t.Fatal(err)
		}
		batches = append(batches, len(out.Ended))
	}
	return batches
}

// finishDenials ends all that any denial denies.
func finishDenials(t *testing.T, s *store.Store) {
	t.Helper()
	for {
		r, err := s.ClaimDenial(t.Context(), at.Add(time.Hour), at.Add(2*time.Hour))
		if errors.Is(err, store.ErrNotFound) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		finishDenial(t, s, r, 3)
	}
}

// names are kind:value of revocations, sorted.
func names(all []store.Revocation) []string {
	var found []string
	for _, r := range all {
		found = append(found, r.Kind+":"+r.Value)
	}
	slices.Sort(found)
	return found
}

func TestEndSignIns_OfAWholePerson(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, _ := storetest.Registered(t, s, "maria@example.com")
		other, _ := storetest.Registered(t, s, "otto@example.com")
		second := signsIn(t, s, u, at.Add(-400*time.Millisecond))         // in the very second of the ending
		ahead := signsIn(t, s, u, at.Add(30*time.Second))                 // at a replica whose clock is ahead
		before := ahead.LastSeenAt.Truncate(time.Second).Add(time.Second) // what all that have begun began before
		out := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.UserID = u.ID }))
		if len(out.Ended) != 0 || out.ID != "ending-1" {
			t.Errorf("%+v", out)
		}
		if got := names(out.Revocations); !slices.Equal(got, []string{"sub:" + u.ID}) {
			t.Errorf("revoked %q, want the person alone", got)
		}
		for _, sid := range []string{second.SID, ahead.SID} { // over at once, and marked afterwards
			if _, in, err := s.UserAndSignIn(t.Context(), sid); err != nil || in.EndedAt.IsZero() {
				t.Errorf("%+v, %v", in, err)
			}
		}
		if batch := finishDenial(t, s, out.Revocations[0], 2); len(batch) != 2 {
			t.Errorf("batches of %v", batch)
		}
		stored, err := s.RevocationsOf(t.Context(), "ending-1")
		if err != nil || !slices.Equal(stored, out.Revocations) {
			t.Errorf("stored %+v, %v; want %+v", stored, err, out.Revocations)
		}
		for _, r := range stored {
			if r.Reason != "banned" || r.Note != "spam" || r.By != "admin-1" || r.Client != "portal" || !r.At.Equal(at) ||
				!r.Until.Equal(at.Add(24*time.Hour)) || !r.PublishedAt.IsZero() {
				t.Errorf("%+v", r)
			}
			if !r.Before.Equal(before) {
				t.Errorf("before %v, want %v", r.Before, before)
			}
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL AND user_id = ?", other.ID); n != 1 {
			t.Error("another person's sign-in ended")
		}
		if got, err := s.SignedOutBefore(t.Context(), u.ID); err != nil || !got.Equal(before) {
			t.Errorf("signed out before %v, %v", got, err)
		}
		if got, err := s.SignedOutBefore(t.Context(), other.ID); err != nil || !got.IsZero() {
			t.Errorf("the other one before %v, %v", got, err)
		}
		late := storetest.SignIn(u)
		late.CreatedAt = at.Add(-2 * time.Second)
		if err := s.SignIn(t.Context(), late, u.PasswordHash); !errors.Is(err, store.ErrSuperseded) {
			t.Errorf("a sign-in that began before: %v", err)
		}
		signsIn(t, s, u, before) // at once afterwards, with the auth_time that SignedOutBefore demands: it counts
	})
}

func TestEndSignIns_OfOneOrOfTheOthers(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, first := storetest.Registered(t, s, "maria@example.com")
		second, third := signsIn(t, s, u, storetest.Now), signsIn(t, s, u, storetest.Now)
		out := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.UserID, e.Except = u.ID, first.SID }))
		if got := names(out.Revocations); !slices.Equal(got, []string{"sub:" + u.ID}) || out.Revocations[0].Except != first.SID {
			t.Errorf("revoked %q, %+v", got, out.Revocations)
		}
		for sid, over := range map[string]bool{first.SID: false, second.SID: true, third.SID: true} {
			if _, in, err := s.UserAndSignIn(t.Context(), sid); err != nil || in.EndedAt.IsZero() == over {
				t.Errorf("%s: %+v, %v", sid, in, err)
			}
		}
		if batches := finishDenial(t, s, out.Revocations[0], 9); !slices.Equal(batches, []int{2}) {
			t.Errorf("batches of %v", batches)
		}
		if err := s.Reauthenticate(t.Context(), u.ID, first.SID, u.PasswordHash, at); err != nil {
			t.Errorf("the one that stays: %v", err)
		}
		nothing := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.ID, e.UserID, e.Except = "ending-0", u.ID, first.SID }))
		if len(nothing.Revocations) != 0 {
			t.Errorf("there were no others: %+v", nothing)
		}
		out = endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.ID, e.SID = "ending-2", first.SID }))
		if got := names(out.Revocations); !slices.Equal(got, []string{"sid:" + first.SID}) || out.Revocations[0].ReceiptID != "ending-2" {
			t.Errorf("revoked %q", got)
		}
		// Again: what was revoked then comes back, and nothing is written.
		again := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.ID, e.SID, e.Now = "ending-3", first.SID, at.Add(time.Second) }))
		if again.ID != "ending-2" || len(again.Ended) != 0 || !slices.Equal(again.Revocations, out.Revocations) {
			t.Errorf("again: %+v, want %+v", again, out)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM revocations"); n != 2 {
			t.Errorf("%d revocations", n)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM event_outbox WHERE type = 'sign_out'"); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestEndSignIns_OfTheUnknownWriteNothing(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		for name, e := range map[string]store.EndRequest{
			"person":  endRequest(func(e *store.EndRequest) { e.UserID = "nobody" }),
			"sign-in": endRequest(func(e *store.EndRequest) { e.SID = "no sign-in" }),
		} {
			if out := endSignIns(t, s, e); len(out.Ended)+len(out.Revocations) != 0 {
				t.Errorf("%s: %+v", name, out)
			}
		}
		if n := count(t, d, "SELECT COUNT(*) FROM revocations"); n != 0 {
			t.Errorf("%d revocations", n)
		}
	})
}

func TestEndSignIns_OfTokens(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, in := storetest.Registered(t, s, "maria@example.com")
		g, err := s.SignInIdentity(t.Context(), in.SID, "shop", storetest.Now)
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range []string{"family", "another"} {
			token := store.RefreshToken{
				Hash: "hash of " + family, Family: family, UserID: u.ID, SID: in.SID, ClientID: "shop", Scope: "openid",
				CreatedAt: storetest.Now, ExpiresAt: storetest.Now.Add(24 * time.Hour),
			}
			if _, err := s.RecordClientSignIn(t.Context(), g, "shop", &token, storetest.Now); err != nil {
				t.Fatal(err)
			}
		}
		out := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.Token, e.Until = "family.one", at.Add(time.Minute) }))
		if got := names(out.Revocations); !slices.Equal(got, []string{"jti:family.one"}) {
			t.Errorf("one token: %q", got)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM refresh_tokens WHERE revoked_at IS NOT NULL"); n != 0 {
			t.Error("one access token took its grant along")
		}
		out = endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.Token, e.Until = "family", at.Add(time.Minute) }))
		if got := names(out.Revocations); !slices.Equal(got, []string{"jti:family"}) {
			t.Errorf("a grant: %q", got)
		}
		if got, err := s.RefreshToken(t.Context(), "hash of family"); err != nil || got.RevokedAt.IsZero() {
			t.Errorf("its refresh token: %+v, %v", got, err)
		}
		if got, err := s.RefreshToken(t.Context(), "hash of another"); err != nil || !got.RevokedAt.IsZero() {
			t.Errorf("another grant's refresh token: %+v, %v", got, err)
		}
		again := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.ID, e.Token, e.Until = "ending-2", "family", at.Add(time.Minute) }))
		if again.ID != "ending-1" || !slices.Equal(again.Revocations, out.Revocations) {
			t.Errorf("again: %+v", again)
		}
		// The end of a grant's revocation moves with the clock; all its tokens are older than the first one.
		later := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.ID, e.Token, e.Until = "ending-3", "family", at.Add(time.Hour) }))
		if later.ID != "ending-1" || !slices.Equal(later.Revocations, out.Revocations) {
			t.Errorf("a grant, later: %+v", later)
		}
		longer := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.ID, e.Token, e.Until = "ending-4", "family.one", at.Add(time.Hour) }))
		if longer.ID != "ending-4" || len(longer.Revocations) != 1 {
			t.Errorf("a token, for longer: %+v", longer)
		}
		if _, _, err := s.UserAndSignIn(t.Context(), in.SID); err != nil || count(t, d, "SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL") != 1 {
			t.Errorf("the sign-in ended, %v", err)
		}
	})
}

func TestEndSignIns_CarryChangesOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, _ := storetest.Registered(t, s, "maria@example.com")
		stale := endRequest(func(e *store.EndRequest) {
			e.UserID, e.With = u.ID, []store.Change{store.ChangePassword(u.ID, u.PasswordHash, "new", at), store.ChangePassword(u.ID, "old", "newer", at)}
		})
		if _, err := s.EndSignIns(t.Context(), stale); !errors.Is(err, store.ErrStale) {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 {
			t.Error("sign-ins ended without the change")
		}
		if got, err := s.UserByID(t.Context(), u.ID); err != nil || got.PasswordHash != u.PasswordHash {
			t.Errorf("half of the changes was made: %+v, %v", got, err)
		}
		good := endRequest(func(e *store.EndRequest) {
			e.UserID, e.With = u.ID, []store.Change{store.ChangePassword(u.ID, u.PasswordHash, "new", at)}
		})
		endSignIns(t, s, good)
		if got, err := s.UserByID(t.Context(), u.ID); err != nil || got.PasswordHash != "new" || !got.PasswordChangedAt.Equal(at) {
			t.Errorf("%+v, %v", got, err)
		}
		if err := s.Apply(t.Context(), store.ChangePassword("nobody", "x", "y", at)); !errors.Is(err, store.ErrStale) {
			t.Errorf("nobody's password: %v", err)
		}
	})
}

// Whatever the order, nobody is left with a sign-in that the denylist denies, nor with one that should have ended.
func TestEndSignIns_RaceWithSignIns(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, _ := storetest.Registered(t, s, "maria@example.com")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				in := storetest.SignIn(u)
				in.CreatedAt = at.Add(time.Duration(i-4) * time.Second)
				if err := s.SignIn(context.WithoutCancel(t.Context()), in, u.PasswordHash); err != nil && !errors.Is(err, store.ErrSuperseded) {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if _, err := s.EndSignIns(context.WithoutCancel(t.Context()), endRequest(func(e *store.EndRequest) { e.UserID = u.ID })); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		finishDenials(t, s)
		before, err := s.SignedOutBefore(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM sign_ins WHERE (ended_at IS NULL) <> (created_at >= ?)`, db.Millis(before)); n != 0 {
			t.Errorf("%d sign-ins live that the denylist denies, or ended and are denied by nothing", n)
		}
	})
}

func TestUsers_BansRunOut(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, in := storetest.Registered(t, s, "maria@example.com")
		until := at.Add(time.Hour)
		if err := s.Apply(t.Context(), store.BanUser(u.ID, "spam", until, at)); err != nil {
			t.Fatal(err)
		}
		got, err := s.UserByID(t.Context(), u.ID)
		if err != nil || got.BanReason != "spam" || !got.BannedUntil.Equal(until) || !got.DisabledAt.Equal(at) {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, c := range []struct {
			now    time.Time
			banned bool
		}{{at, true}, {until.Add(-time.Millisecond), true}, {until, false}} {
			if got.Disabled(c.now) != c.banned {
				t.Errorf("disabled at %v: %v", c.now, !c.banned)
			}
			later := storetest.SignIn(u)
			later.CreatedAt = c.now
			if err := s.SignIn(t.Context(), later, u.PasswordHash); errors.Is(err, store.ErrStale) != c.banned || err != nil && !c.banned {
				t.Errorf("sign-in at %v: %v", c.now, err)
			}
			if _, err := s.SignInIdentity(t.Context(), in.SID, "shop", c.now); errors.Is(err, store.ErrNotFound) != c.banned || err != nil && !c.banned {
				t.Errorf("tokens at %v: %v", c.now, err)
			}
		}
	})
}

func TestUsers_DeletedAccountsLeaveTheirID(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, in := storetest.Registered(t, s, "maria@example.com")
		if err := s.SetSessionKey(t.Context(), in.SID, "key", at); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), store.DeleteUser(u.ID, "not the hash", at)); !errors.Is(err, store.ErrStale) {
			t.Fatalf("with another password: %v", err)
		}
		out := endSignIns(t, s, endRequest(func(e *store.EndRequest) {
			e.UserID, e.Reason, e.With = u.ID, "account_deleted", []store.Change{store.DeleteUser(u.ID, u.PasswordHash, at)}
		}))
		if len(out.Revocations) != 1 {
			t.Errorf("%+v", out)
		}
		finishDenials(t, s)
		got, gone, err := s.UserAndSignIn(t.Context(), in.SID)
		if err != nil || got.ID != u.ID || !got.DeletedAt.Equal(at) || !got.Disabled(at.Add(1000*time.Hour)) || len(got.Roles) > 0 ||
			got.Name != store.DeletedName || got.Email != "" || got.PasswordHash != "" || got.EmailNormalised == u.EmailNormalised {
			t.Errorf("%+v, %v", got, err)
		}
		if gone.IP != "" || gone.UserAgent != "" || gone.EndedAt.IsZero() {
			t.Errorf("its sign-in: %+v", gone)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM user_words WHERE user_id = ?", u.ID); n != 0 {
			t.Errorf("%d words", n)
		}
		if _, err := s.UserByEmail(t.Context(), "maria@example.com"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("by email: %v", err)
		}
		if err := s.Apply(t.Context(), store.DeleteUser(u.ID, "", at)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("twice: %v", err)
		}
		// The address is free, for somebody else.
		again := storetest.User("maria@example.com")
		again.ID = "another-id"
		if err := s.Register(t.Context(), again, storetest.SignIn(again)); err != nil {
			t.Errorf("the email was not free again: %v", err)
		}
		admin := storetest.User("admin@example.com")
		admin.Roles = []string{"admin"}
		if err := s.Register(t.Context(), admin, storetest.SignIn(admin)); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), store.DeleteUser(admin.ID, "", at)); !errors.Is(err, store.ErrLastAdmin) {
			t.Errorf("the last administrator: %v", err)
		}
	})
}
