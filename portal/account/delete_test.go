package account_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
)

func TestDelete_TakesTheAccountAwayEverywhere(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		h.add("otto@example.com")
		b, other, otto := h.signedIn("maria@example.com"), h.signedIn("maria@example.com"), h.signedIn("otto@example.com")
		b.get("/profile").want(h.t, 200, `href="/profile/delete"`)
		b.get("/profile/delete").want(h.t, 200, "Delete your account?", "can&#39;t be undone")
		b.post("/profile/delete", url.Values{"password": {secret}}).want(h.t, 422, "Tick this")
		b.post("/profile/delete", url.Values{"sure": {"yes"}}).want(h.t, 422, "Enter your password")
		b.post("/profile/delete", url.Values{"password": {"wrong"}, "sure": {"yes"}}).want(h.t, 422, "Wrong password", "checked")
		if !b.isIn() || !other.isIn() {
			h.t.Fatal("a refused deletion signed somebody out")
		}
		b.post("/profile/delete", url.Values{"password": {secret}, "sure": {"yes"}}).wantTo(h.t, "/")
		b.get("/").want(h.t, 200, "Your account has been deleted")
		if b.isIn() || other.isIn() || !otto.isIn() {
			h.t.Error("it must sign this person out everywhere, and nobody else")
		}
		h.browser().signIn("maria@example.com", secret).want(h.t, 422, "Wrong email or password")
		got, err := h.store.UserByID(h.t.Context(), u.ID)
		check(h.t, err)
		if got.DeletedAt.IsZero() || got.Name != store.DeletedName {
			h.t.Errorf("%+v", got)
		}
		if n := h.count("SELECT COUNT(*) FROM revocations WHERE kind = 'sub' AND value = ? AND reason = 'account_deleted'", u.ID); n != 1 {
			h.t.Errorf("%d revocations of the person", n)
		}
		h.browser().get("/profile/delete").wantTo(h.t, "/sign-in?return_to=%2Fprofile%2Fdelete")
		h.browser().post("/profile/delete", url.Values{"password": {secret}, "sure": {"yes"}}).wantTo(h.t, "/sign-in?return_to=%2Fprofile")
		// Whoever comes next may have the address.
		again := h.browser()
		again.post("/register", url.Values{"name": {"Maria"}, "email": {"maria@example.com"}, "password": {"five quiet grey herons"}}).wantTo(h.t, "/")
		if !again.isIn() {
			h.t.Error("the new account is not signed in")
		}
	})
}

func TestDelete_NotTheLastAdministrator(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		check(h.t, h.store.Apply(h.t.Context(), store.SetRoles(u.ID, u.Roles, []string{"admin"}, h.clock.Now())))
		b := h.signedIn("maria@example.com")
		b.post("/profile/delete", url.Values{"password": {secret}, "sure": {"yes"}}).want(h.t, http.StatusConflict, "only administrator")
		if !b.isIn() {
			h.t.Error("the refusal signed the administrator out")
		}
	})
}

func TestDelete_GuessingThePasswordIsLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		for range 20 {
			a := b.post("/profile/delete", url.Values{"password": {"a guess"}, "sure": {"yes"}})
			if a.Status == http.StatusTooManyRequests {
				a.want(h.t, 429, "Too many attempts")
				return
			}
		}
		h.t.Error("never refused")
	})
}

func TestSignIn_DisabledIsToldToWhoeverKnowsThePassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		end := h.clock.Now().Add(2 * time.Hour)
		check(h.t, h.store.Apply(h.t.Context(), store.BanUser(u.ID, "wrote spam", end, h.clock.Now())))
		b := h.browser()
		b.signIn("maria@example.com", "wrong").want(h.t, 422, "Wrong email or password")
		a := b.signIn("maria@example.com", secret)
		a.want(h.t, http.StatusForbidden, "This account has been disabled", "You can sign in again", `datetime="`+end.UTC().Format("2006-01-02"))
		if b.isIn() {
			h.t.Error("a banned person is signed in")
		}
		h.clock.Add(2 * time.Hour) // nobody lifts it
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")

		otto := h.add("otto@example.com")
		check(h.t, h.store.Apply(h.t.Context(), store.BanUser(otto.ID, "wrote spam", time.Time{}, h.clock.Now())))
		a = h.browser().signIn("otto@example.com", secret)
		a.want(h.t, http.StatusForbidden, "This account has been disabled", "contact this site's administrators")
	})
}

func TestHome_TellsOfEndingsThatOthersMade(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		sid := func() (sid string) {
			check(h.t, h.db.GetContext(h.t.Context(), &sid, h.db.Rebind(`SELECT sid FROM sign_ins WHERE user_id = ? AND ended_at IS NULL ORDER BY created_at DESC LIMIT 1`), u.ID))
			return sid
		}
		for _, c := range []struct{ reason, says string }{
			{revoke.TokenReplay, "Someone may have used your session"},
			{revoke.EndedByAdmin, "An administrator signed you out"},
			{revoke.RolesChanged, "Your roles have changed"},
			{revoke.Banned, "Your account was disabled"},
		} {
			h.signedIn("maria@example.com")
			_, err := h.revoker.Revoke(h.t.Context(), revoke.Request{SID: sid(), Reason: c.reason})
			check(h.t, err)
			h.clock.Add(time.Second)
			b, elsewhere := h.signedIn("maria@example.com"), h.signedIn("maria@example.com")
			b.get("/").want(h.t, 200, c.says, `action="/sessions/told"`)
			elsewhere.get("/").want(h.t, 200, c.says)
			h.clock.Add(time.Second)
			b.post("/sessions/told", nil).wantTo(h.t, "/")
			if a := elsewhere.get("/"); strings.Contains(a.Body, c.says) {
				h.t.Errorf("%s: told again", c.reason)
			}
			b.post("/sign-out/everywhere", nil).wantTo(h.t, "/signed-out")
			h.clock.Add(time.Second)
		}
		b := h.signedIn("maria@example.com")
		if a := b.get("/"); strings.Contains(a.Body, `action="/sessions/told"`) {
			h.t.Error("told of what the person did")
		}
		h.browser().post("/sessions/told", nil).wantTo(h.t, "/sign-in?return_to=%2Fsessions")
	})
}

// Whoever is signed out everywhere can sign in again in the same second, also by a replica whose clock is behind.
func TestSignIn_RightAfterEverywhere(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		for range 3 {
			b := h.signedIn("maria@example.com")
			b.post("/sign-out/everywhere", nil).wantTo(h.t, "/signed-out")
		}
		before, err := h.store.SignedOutBefore(h.t.Context(), u.ID)
		check(h.t, err)
		h.clock.Add(-5 * time.Second)
		b := h.signedIn("maria@example.com")
		if !b.isIn() {
			h.t.Error("not signed in")
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL AND created_at >= ?", before.UnixMilli()); n != 1 {
			h.t.Errorf("%d sign-ins that the denylist lets in", n)
		}
	})
}
