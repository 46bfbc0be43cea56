package account_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/portal/revoke"
	"gatehouse/portal/store/storetest"
)

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
		check(h.t, h.store.Seen(h.t.Context(), sids[0], h.clock.Now())) // the oldest is in use
		ended := func() []string {
			var found []string
			check(h.t, h.db.SelectContext(h.t.Context(), &found, h.db.Rebind(`SELECT sid FROM sign_ins WHERE end_reason = ? ORDER BY created_at`), revoke.TooMany))
			return found
		}
		b := h.signedIn("maria@example.com")
		if got := ended(); len(got) != 1 || got[0] != sids[1] {
			h.t.Errorf("ended %q, want %q", got, sids[1])
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 100 {
			h.t.Errorf("%d are active", n)
		}
		const notice = "Your oldest sign-ins have ended"
		b.get("/").want(h.t, 200, notice)
		h.clock.Add(time.Second)
		b.post("/sessions/told", nil).wantTo(h.t, "/")
		b = h.signedIn("maria@example.com")
		if got := ended(); len(got) != 2 {
			h.t.Errorf("ended %q", got)
		}
		if a := b.get("/"); strings.Contains(a.Body, notice) {
			h.t.Error("told twice in a day")
		}
		h.clock.Add(25 * time.Hour)
		h.signedIn("maria@example.com").get("/").want(h.t, 200, notice)
	})
}
