package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/account"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

// hanging is a revoker whose clients do not answer until they may.
type hanging struct {
	account.Revoker
	t   *testing.T
	may chan struct{}
}

func (r *hanging) Revoke(ctx context.Context, q revoke.Request) (revoke.Receipt, error) {
	if q.Reason == revoke.TooMany {
		select {
		case <-r.may:
		case <-time.After(20 * time.Second):
			r.t.Error("the sign-in waits for the clients of another one")
		}
	}
	return r.Revoker.Revoke(ctx, q)
}

func TestSignIn_DoesNotWaitForTheSurplus(t *testing.T) {
	may := make(chan struct{})
	h := newHouse(t, env.DB(t, "portal"), env.MiniRedis(t), func(d *account.Deps) { d.Revoker = &hanging{d.Revoker, t, may} })
	u := h.add("maria@example.com")
	for range 105 {
		check(t, h.store.SignIn(t.Context(), storetest.SignIn(u), u.PasswordHash))
	}
	b := h.signedIn("maria@example.com")
	if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NOT NULL"); !b.isIn() || n != 0 {
		t.Errorf("%d have ended already", n)
	}
	close(may)
	for until := time.Now().Add(20 * time.Second); h.count("SELECT COUNT(*) FROM sign_ins WHERE end_reason = ?", revoke.TooMany) != 5; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("they have not ended")
		}
	}
}

// An account has at most 100 active sign-ins: the one used least recently ends when there is another, and the person is
// told of it at most once a day.
func TestSignIn_TheHundredAndFirstEndsTheOneUsedLeastRecently(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		var sids []string
		for i := range 100 {
			in := storetest.SignIn(u)
			in.CreatedAt = h.clock.Now().Add(time.Duration(i-200) * time.Minute)
			in.LastSeenAt = in.CreatedAt
			check(h.t, h.store.SignIn(h.t.Context(), in, u.PasswordHash))
			sids = append(sids, in.SID)
		}
		check(h.t, h.store.TouchSignIn(h.t.Context(), sids[0], h.clock.Now())) // the oldest is in use
		ended := func() []string {
			var found []string
			check(h.t, h.db.SelectContext(h.t.Context(), &found, h.db.Rebind(`SELECT sid FROM sign_ins WHERE end_reason = ? ORDER BY created_at`), revoke.TooMany))
			return found
		}
		ends := func(n int) []string {
			h.t.Helper()
			for until := time.Now().Add(20 * time.Second); len(ended()) < n; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(until) {
					h.t.Fatalf("ended %q, want %d", ended(), n)
				}
			}
			return ended()
		}
		b := h.signedIn("maria@example.com")
		if got := ends(1); len(got) != 1 || got[0] != sids[1] {
			h.t.Errorf("ended %q, want %q", got, sids[1])
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 100 {
			h.t.Errorf("%d are active", n)
		}
		const notice = "You were signed out on your oldest devices"
		b.get("/").want(h.t, 200, notice)
		h.clock.Add(time.Second)
		b.post("/sessions/told", nil).wantTo(h.t, "/")
		b = h.signedIn("maria@example.com")
		if got := ends(2); len(got) != 2 {
			h.t.Errorf("ended %q", got)
		}
		if a := b.get("/"); strings.Contains(a.Body, notice) {
			h.t.Error("told twice in a day")
		}
		h.clock.Add(25 * time.Hour)
		b = h.signedIn("maria@example.com")
		ends(3)
		b.get("/").want(h.t, 200, notice)
	})
}
