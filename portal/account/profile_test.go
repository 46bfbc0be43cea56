package account_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestProfile_Name(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b, other := h.signedIn("maria@example.com"), h.signedIn("maria@example.com")
		b.post("/profile/name", url.Values{"name": {" Maria <b>K</b> "}}).wantTo(h.t, "/profile")
		b.get("/profile").want(h.t, 200, "Maria &lt;b&gt;K&lt;/b&gt;", "Your name has been changed")
		other.get("/").want(h.t, 200, "Maria &lt;b&gt;K&lt;/b&gt;")
		b.post("/profile/name", url.Values{"name": {"   "}}).want(h.t, 422, "Enter your name")
		b.post("/profile/name", url.Values{"name": {strings.Repeat("x", 81)}}).want(h.t, 422, "at most 80")
		b.post("/profile/name", url.Values{"name": {"evil\u202eeman"}}).want(h.t, 422)
		b.post("/profile/name", url.Values{"name": {"\u200d\u200d"}}).want(h.t, 422)
	})
}

func TestProfile_Email(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		h.add("otto@example.com")
		b := h.signedIn("maria@example.com")
		b.post("/profile/email", url.Values{"email": {"new@example.com"}, "email_password": {"wrong"}}).want(h.t, 422, "Wrong password. Enter your current", `value="new@example.com"`)
		b.post("/profile/email", url.Values{"email": {"new@example.com"}}).want(h.t, 422, "Enter your current password")
		b.post("/profile/email", url.Values{"email": {"no address"}, "email_password": {secret}}).want(h.t, 422, "Enter an email address")
		b.post("/profile/email", url.Values{"email": {"OTTO@example.com"}, "email_password": {secret}}).want(h.t, http.StatusConflict, "Another account")
		b.post("/profile/email", url.Values{"email": {"New@example.com"}, "email_password": {secret}}).wantTo(h.t, "/profile")
		b.get("/profile").want(h.t, 200, "New@example.com")
		h.browser().signIn("maria@example.com", secret).want(h.t, 422)
		h.browser().signIn("new@example.com", secret).wantTo(h.t, "/")
	})
}

func TestProfile_PasswordSignsOutTheOthers(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b, other := h.signedIn("maria@example.com"), h.signedIn("maria@example.com")
		id := b.cookie("portal_session")
		const next = "five quiet grey herons"
		b.post("/profile/password", url.Values{"current_password": {"wrong"}, "new_password": {next}}).want(h.t, 422, "Wrong password. Enter your current")
		b.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {"short"}}).want(h.t, 422, "at least 10")
		b.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {secret}}).want(h.t, 422, "Choose a new one")
		b.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {"maria@example.com"}}).want(h.t, 422, "too close")
		if !other.isIn() {
			h.t.Fatal("a refused change signed the other device out")
		}
		a := b.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {next}})
		a.wantTo(h.t, "/profile")
		if !b.isIn() || b.cookie("portal_session") == id {
			h.t.Error("this browser needs a new session id and stays signed in")
		}
		if other.isIn() {
			h.t.Error("the other device is still signed in")
		}
		stolen := h.browser()
		stolen.headers["Cookie"] = "portal_session=" + id
		if stolen.isIn() {
			h.t.Error("the old session id still opens")
		}
		h.browser().signIn("maria@example.com", secret).want(h.t, 422)
		h.browser().signIn("maria@example.com", next).wantTo(h.t, "/")
	})
}

func TestProfile_GuessingTheCurrentPasswordIsLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		for range 20 {
			a := b.post("/profile/password", url.Values{"current_password": {"a guess"}, "new_password": {"five quiet grey herons"}})
			if a.Status == http.StatusTooManyRequests {
				a.want(h.t, 429, "Too many attempts")
				return
			}
		}
		h.t.Error("never refused")
	})
}

func TestProfile_AskingForOthersEmailsIsLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		h.add("otto@example.com")
		b := h.signedIn("maria@example.com")
		for range 100 {
			a := b.post("/profile/email", url.Values{"email": {"otto@example.com"}, "email_password": {secret}})
			if a.Status == http.StatusConflict {
				continue
			}
			a.want(h.t, http.StatusTooManyRequests, "Too many attempts")
			return
		}
		h.t.Error("never refused")
	})
}

func TestSignOut_EndsThisBrowserOnly(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b, other := h.signedIn("maria@example.com"), h.signedIn("maria@example.com")
		b.get("/sign-out").want(h.t, 200, "Sign out?", `action="/sign-out"`)
		if !b.isIn() {
			h.t.Fatal("a link signed out")
		}
		b.post("/sign-out", nil).wantTo(h.t, "/signed-out")
		b.get("/signed-out").want(h.t, 200, "You&#39;re signed out")
		if b.isIn() || !other.isIn() {
			h.t.Error("it must end this browser's sign-in and no other")
		}
		b.post("/sign-out", nil).wantTo(h.t, "/signed-out")
		if n := h.count("SELECT COUNT(*) FROM event_outbox WHERE type = 'sign_out'"); n != 1 {
			h.t.Errorf("%d events", n)
		}
		third := h.signedIn("maria@example.com")
		other.post("/sign-out/everywhere", nil).wantTo(h.t, "/signed-out")
		if other.isIn() || third.isIn() {
			h.t.Error("somebody is still signed in")
		}
	})
}

func TestSessions_ListAndEnd(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		h.add("otto@example.com")
		phone := h.browser().from("198.51.100.9")
		phone.headers["User-Agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
		phone.signIn("maria@example.com", secret).wantTo(h.t, "/")
		desk := h.browser()
		desk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
		desk.signIn("maria@example.com", secret).wantTo(h.t, "/")
		page := desk.get("/sessions")
		page.want(h.t, 200, "Firefox on Linux", "Safari on iOS", "198.51.100.9", "203.0.113.7", "This device")
		ends := page.ends()
		if len(ends) != 1 {
			h.t.Fatalf("ends %q", ends)
		}
		otto := h.signedIn("otto@example.com")
		otto.post(ends[0], nil).want(h.t, http.StatusNotFound)
		h.browser().post(ends[0], nil).wantTo(h.t, "/sign-in?return_to=%2Fsessions")
		otto.post("/sessions/unknown/end", nil).want(h.t, http.StatusNotFound)
		if !phone.isIn() {
			h.t.Fatal("somebody else ended it")
		}
		a := desk.post(ends[0], nil, "HX-Request", "true")
		a.want(h.t, 200, `id="sessions"`, "That device has been signed out")
		if strings.Contains(a.Body, "<html") || strings.Contains(a.Body, "Safari") {
			h.t.Error("htmx wants the list without what was ended")
		}
		if phone.isIn() || !desk.isIn() {
			h.t.Error("the phone must be out and the desk in")
		}
		desk.post(ends[0], nil).wantTo(h.t, "/sessions")
	})
}

func TestSessions_PagesAndLastSeen(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		for range 12 {
			h.signedIn("maria@example.com")
		}
		b := h.signedIn("maria@example.com")
		first, second := b.get("/sessions"), b.get("/sessions?page=2")
		if n, m := len(first.ends()), len(second.ends()); n != 9 || m != 3 {
			h.t.Errorf("%d and %d others listed, want 9 (and this one) and 3", n, m)
		}
		for _, page := range []string{"0", "-1", "99", "99999999999999999999", "x", "%00", "1&page=2"} {
			b.get("/sessions?page="+page).want(h.t, 200)
		}
		h.clock.Add(30 * time.Second)
		b.get("/")
		h.clock.Add(5 * time.Minute)
		b.get("/")
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE user_id = ? AND last_seen_at = ?", u.ID, h.clock.Now().UnixMilli()); n != 1 {
			h.t.Errorf("%d sign-ins seen now", n)
		}
	})
}
