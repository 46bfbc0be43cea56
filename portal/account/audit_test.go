package account_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/store"
)

func TestAudit_FailedSignInsAndChanges(t *testing.T) {
	const next = "five quiet grey herons"
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		h.add("otto@example.com")
		thief := h.browser().from("198.51.100.7")
		thief.signIn("maria@example.com", "a guess that is wrong").want(h.t, http.StatusUnprocessableEntity)
		thief.signIn(" Never@Example.com ", "a guess that is wrong").want(h.t, http.StatusUnprocessableEntity)
		b := h.signedIn("maria@example.com")
		b.post("/sign-in", url.Values{"reauth": {"1"}, "password": {"wrong"}}).want(h.t, http.StatusUnprocessableEntity)
		b.post("/profile/password", url.Values{"current_password": {"wrong"}, "new_password": {next}}).want(h.t, http.StatusUnprocessableEntity)
		b.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {next}}).wantTo(h.t, "/profile")
		b.post("/profile/email", url.Values{"email": {"otto@example.com"}, "email_password": {next}}).want(h.t, http.StatusConflict)
		b.post("/profile/email", url.Values{"email": {"m@example.com"}, "email_password": {next}}).wantTo(h.t, "/profile")
		check(h.t, h.store.Apply(h.t.Context(), store.BanUser(u.ID, "a secret reason", time.Time{}, h.clock.Now())))
		thief.signIn("m@example.com", next).want(h.t, http.StatusForbidden)
		check(h.t, h.store.Apply(h.t.Context(), store.UnbanUser(u.ID, h.clock.Now())))

		rows, more, err := h.store.AuditRows(h.t.Context(), store.AuditQuery{Limit: 100})
		check(h.t, err)
		want := []store.Audit{ // the newest first
			{Action: store.SignInFailed, TargetKind: "user", TargetID: u.ID, Target: "m@example.com", IP: "198.51.100.7", Detail: map[string]any{"reason": "the account is disabled"}},
			{Action: store.EmailChanged, ActorID: u.ID, Actor: "maria@example.com", TargetKind: "user", TargetID: u.ID, Target: "maria@example.com", IP: "203.0.113.7"},
			{Action: store.PasswordChanged, ActorID: u.ID, Actor: "maria@example.com", TargetKind: "user", TargetID: u.ID, Target: "maria@example.com", IP: "203.0.113.7"},
			{Action: store.SignInFailed, ActorID: u.ID, Actor: "maria@example.com", TargetKind: "user", TargetID: u.ID, Target: "maria@example.com", IP: "203.0.113.7", Detail: map[string]any{"reason": "wrong password, while signed in"}},
			{Action: store.SignInFailed, ActorID: u.ID, Actor: "maria@example.com", TargetKind: "user", TargetID: u.ID, Target: "maria@example.com", IP: "203.0.113.7", Detail: map[string]any{"reason": "wrong password, while signed in"}},
			{Action: store.SignInFailed, TargetKind: "email", Target: "never@example.com", IP: "198.51.100.7", Detail: map[string]any{"reason": "no account has this email"}},
			{Action: store.SignInFailed, TargetKind: "user", TargetID: u.ID, Target: "maria@example.com", IP: "198.51.100.7", Detail: map[string]any{"reason": "wrong password"}},
		}
		if len(rows) != len(want) || more {
			h.t.Fatalf("%d rows, want %d: %+v", len(rows), len(want), rows)
		}
		for i, w := range want {
			r := rows[i]
			if r.Action != w.Action || r.ActorID != w.ActorID || r.Actor != w.Actor || r.TargetKind != w.TargetKind || r.TargetID != w.TargetID ||
				r.Target != w.Target || r.IP != w.IP || r.RequestID == "" || w.Detail != nil && r.Detail["reason"] != w.Detail["reason"] {
				h.t.Errorf("row %d: %+v\nwant %+v", i, r, w)
			}
		}

		// People see their own, and nobody else's.
		check(h.t, h.store.Apply(h.t.Context(), store.Audited(store.Audit{
			At: h.clock.Now(), Action: "person.banned", TargetKind: "user", TargetID: u.ID, Detail: map[string]any{"reason": "a secret reason"},
		})))
		mine := h.browser()
		mine.signIn("m@example.com", next).wantTo(h.t, "/")
		page := mine.get("/sessions")
		page.want(h.t, 200, "Sign-in failed", "198.51.100.7", "wrong password", "Password changed", "Email changed", "from maria@example.com to m@example.com")
		for _, hidden := range []string{"a secret reason", "never@example.com", "person."} {
			if strings.Contains(page.Body, hidden) {
				h.t.Errorf("the page shows %q", hidden)
			}
		}
		h.signedIn("otto@example.com").get("/sessions").want(h.t, 200, "No activity yet.")
	})
}

func TestAudit_ActivityHasPages(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		for i := range 25 {
			check(h.t, h.store.Apply(h.t.Context(), store.Audited(store.Audit{
				At: h.clock.Now(), Action: store.SignInFailed, TargetKind: "user", TargetID: u.ID, IP: "192.0.2.1",
				Detail: map[string]any{"reason": "try " + string(rune('a'+i))},
			})))
		}
		b := h.signedIn("maria@example.com")
		first := b.get("/sessions")
		if n := strings.Count(first.Body, "Sign-in failed"); n != 20 {
			h.t.Errorf("%d lines on the first page, want 20", n)
		}
		at := strings.Index(first.Body, "/sessions?before=")
		if at < 0 {
			h.t.Fatal("there is no way to the second page")
		}
		path, _, _ := strings.Cut(first.Body[at:], "#")
		second := b.get(path)
		second.want(h.t, 200, "try a", "try e", "Newest")
		if n := strings.Count(second.Body, "Sign-in failed"); n != 5 || strings.Contains(second.Body, "Older") {
			h.t.Errorf("%d lines on the second page, want 5", n)
		}
	})
}
