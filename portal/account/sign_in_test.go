package account_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"gatehouse.example/portal/account"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

func TestSignIn_OpensTheHouse(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		b := h.browser()
		b.get("/").want(h.t, 200, "Sign in once", "Shop")
		b.get("/sign-in?return_to=%2Fprofile&login_hint=maria%40example.com").want(h.t, 200,
			`value="maria@example.com"`, `name="return_to" value="/profile"`, `autocomplete="current-password"`, "gatehouse-demo")
		a := b.post("/sign-in", url.Values{"email": {" Maria@EXAMPLE.com "}, "password": {secret}, "return_to": {"/oauth/authorize?x=1&y=2"}})
		a.wantTo(h.t, "/oauth/authorize?x=1&y=2")
		for _, c := range a.Header.Values("Set-Cookie") {
			if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") {
				h.t.Errorf("cookie %q", c)
			}
		}
		b.get("/").want(h.t, 200, "Welcome, Maria Keller")
		b.get("/sign-in?return_to=%2Fsessions").wantTo(h.t, "/sessions")
		b.get("/register").wantTo(h.t, "/")
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE user_id = ? AND ip = '203.0.113.7'", u.ID); n != 1 {
			h.t.Errorf("%d sign-ins stored", n)
		}
		if n := h.count("SELECT COUNT(*) FROM event_outbox WHERE type = 'sign_in' AND subject = ? AND data LIKE '%password%' AND data LIKE '%portal%'", u.ID); n != 1 {
			h.t.Errorf("%d events", n)
		}
	})
}

func TestSignIn_NewIdEachTime(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		first := b.cookie("portal_session")
		// The form was left open in another tab.
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		if second := b.cookie("portal_session"); second == first || second == "" {
			h.t.Error("the session kept its id")
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 {
			h.t.Errorf("%d living sign-ins of one browser", n)
		}
		// An id chosen by somebody else is not taken.
		other := h.browser()
		other.headers["Cookie"] = "portal_session=AAAAAAAAAAAAAAAAAAAAAAAAAA"
		a := other.signIn("maria@example.com", secret)
		if a.Status != 303 || strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), " "), "AAAAAAAAAAAAAAAAAAAAAAAAAA") {
			h.t.Errorf("%d, %q", a.Status, a.Header.Values("Set-Cookie"))
		}
	})
}

func TestSignIn_StaleTabHurtsNobody(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		session := b.cookie("portal_session")
		type row struct {
			SID     string `db:"sid"`
			Created int64  `db:"created_at"`
		}
		one := func() (r row) {
			h.t.Helper()
			check(h.t, h.db.GetContext(h.t.Context(), &r, "SELECT sid, created_at FROM sign_ins")) // fails if there are two
			return r
		}
		first := one()
		refresh := store.RefreshToken{
			Hash: "hash", Family: "family", UserID: u.ID, SID: first.SID, ClientID: "shop", CreatedAt: h.clock.Now(), ExpiresAt: h.clock.Now().Add(30 * 24 * time.Hour),
		}
		_, err := h.store.RecordClientSignIn(h.t.Context(), store.SignInIdentity{UserID: u.ID, SID: first.SID}, "shop", &refresh, h.clock.Now())
		check(h.t, err)

		// Hours pass, in which she comes by; then she uses the form of the other tab.
		for range 3 {
			h.clock.Add(6 * time.Hour)
			b.get("/profile").want(h.t, 200)
		}
		b.signIn("maria@example.com", "not her password").want(h.t, http.StatusUnprocessableEntity)
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		again := one()
		if again.SID != first.SID || again.Created != h.clock.Now().UTC().UnixMilli() {
			h.t.Errorf("the sign-in is %+v, was %+v: want the same with auth_time now", again, first)
		}
		if id := b.cookie("portal_session"); id == session || id == "" {
			h.t.Error("the session kept its id")
		}
		stolen := h.browser()
		stolen.headers["Cookie"] = "portal_session=" + session
		if stolen.isIn() {
			h.t.Error("the old session id still opens")
		}
		if n := h.count("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_at IS NULL AND sid = ?", first.SID); n != 1 {
			h.t.Errorf("%d refresh tokens live, want 1", n)
		}
		if n := h.count("SELECT COUNT(*) FROM revocations"); n != 0 {
			h.t.Errorf("%d revocations", n)
		}
		// The absolute end stays: a day after the first sign-in, in Redis and in the database.
		h.clock.Add(5 * time.Hour)
		key := ""
		check(h.t, h.db.GetContext(h.t.Context(), &key, "SELECT session_key FROM sign_ins"))
		kept, err := h.store.Session(h.t.Context(), key)
		check(h.t, err)
		if kept.Began.UnixMilli() != first.Created || !b.isIn() {
			h.t.Errorf("the session began at %s, want %s", kept.Began, time.UnixMilli(first.Created))
		}
		h.clock.Add(90 * time.Minute)
		if b.isIn() {
			h.t.Error("the absolute end moved")
		}
	})
}

func TestSignIn_StaleTabRevivesNothing(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		ended := ""
		check(h.t, h.db.GetContext(h.t.Context(), &ended, "SELECT sid FROM sign_ins"))
		check(h.t, revoke.Confirmed(h.revoker.Revoke(h.t.Context(), revoke.Request{SID: ended, Reason: revoke.ByPerson})))
		b.signIn("maria@example.com", secret).wantTo(h.t, "/")
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE sid = ? AND ended_at IS NOT NULL", ended); n != 1 {
			h.t.Error("the sign-in that had ended lives again")
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE ended_at IS NULL"); n != 1 || !b.isIn() {
			h.t.Errorf("%d living sign-ins, want a new one", n)
		}
	})
}

func TestSignIn_UnknownEmailIsAnsweredLikeAWrongPassword(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		off := storetest.User("disabled@example.com")
		off.PasswordHash, off.DisabledAt = h.add("otto@example.com").PasswordHash, storetest.Now
		check(h.t, h.store.SeedUsers(h.t.Context(), []store.User{off}))
		type seen struct {
			status int
			header string
			body   string
			hashes int64
		}
		var all []seen
		for i, email := range []string{"maria@example.com", "never@example.com", "disabled@example.com"} {
			before := h.hasher.Count()
			a := h.browser().from(fmt.Sprintf("198.51.100.%d", i)).signIn(email, "not the password")
			id := a.Header.Get("X-Request-Id")
			for _, k := range []string{"X-Request-Id", "Date"} {
				a.Header.Del(k)
			}
			body := strings.ReplaceAll(strings.ReplaceAll(a.Body, email, "EMAIL"), id, "ID")
			all = append(all, seen{a.Status, fmt.Sprint(len(a.Header), a.Header["Set-Cookie"], a.Header["Content-Type"], a.Header["Cache-Control"], a.Header["Content-Security-Policy"]), body, h.hasher.Count() - before})
			if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Wrong email or password") || !strings.Contains(a.Body, email) {
				h.t.Errorf("%s: %d\n%s", email, a.Status, a.Body)
			}
			if strings.Contains(a.Body, "not the password") {
				h.t.Error("the password is in the page")
			}
		}
		for i, s := range all[1:] {
			if s != all[0] {
				h.t.Errorf("answer %d differs: %+v\n%+v", i+1, s, all[0])
			}
		}
		if all[0].hashes != 1 {
			h.t.Errorf("%d hashes, want 1", all[0].hashes)
		}
		h.browser().signIn("disabled@example.com", secret).want(h.t, http.StatusForbidden, "disabled")
		if n := h.count("SELECT COUNT(*) FROM sign_ins"); n != 0 {
			h.t.Errorf("%d sign-ins", n)
		}
	})
}

func TestSignIn_TooManyAttempts(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		owner := h.signedIn("maria@example.com") // at the same address, so the browser is known
		owner.post("/sign-out", nil).wantTo(h.t, "/signed-out")
		thief := h.browser()
		var last answer
		for range 20 {
			if last = thief.signIn("maria@example.com", "a guess that is wrong"); last.Status != http.StatusUnprocessableEntity {
				break
			}
		}
		last.want(h.t, http.StatusTooManyRequests, "Too many attempts", "minutes", "maria@example.com")
		if s := last.Header.Get("Retry-After"); s == "" || s == "0" {
			h.t.Errorf("Retry-After %q", s)
		}
		before := h.hasher.Count()
		thief.signIn("maria@example.com", secret).want(h.t, http.StatusTooManyRequests)
		if h.hasher.Count() != before {
			h.t.Error("a refused attempt was hashed")
		}
		owner.signIn("maria@example.com", secret).wantTo(h.t, "/")
		h.browser().from("198.51.100.9").signIn("maria@example.com", secret).wantTo(h.t, "/")
		thief.signIn("maria@example.com", secret).want(h.t, http.StatusTooManyRequests)
	})
}

func TestSignIn_DeviceCookieEndsWithItsGeneration(t *testing.T) {
	const next = "five quiet grey herons"
	eachHouse(t, func(h *house) {
		for i, c := range []struct {
			what  string
			do    func(u store.User, owner *browser)
			known bool // still
			pass  string
		}{
			{"nothing", func(store.User, *browser) {}, true, secret},
			{"a new email", func(_ store.User, owner *browser) {
				owner.post("/profile/email", url.Values{"email": {"1@new.example.com"}, "email_password": {secret}}).wantTo(h.t, "/profile")
			}, true, secret},
			{"a new password", func(_ store.User, owner *browser) {
				owner.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {next}}).wantTo(h.t, "/profile")
			}, false, next},
			{"signing out everywhere", func(_ store.User, owner *browser) {
				owner.post("/sign-out/everywhere", nil).wantTo(h.t, "/signed-out")
			}, false, secret},
			{"a ban", func(u store.User, _ *browser) {
				check(h.t, h.store.Apply(h.t.Context(), store.BanUser(u.ID, "spam", time.Time{}, h.clock.Now())))
				check(h.t, h.store.Apply(h.t.Context(), store.UnbanUser(u.ID, h.clock.Now())))
			}, false, secret},
		} {
			u := h.add(fmt.Sprintf("%d@example.com", i))
			owner, other := h.signedIn(u.Email), h.signedIn(u.Email)
			c.do(u, owner)
			u, err := h.store.UserByID(h.t.Context(), u.ID)
			check(h.t, err)
			thief := h.browser()
			for range 7 {
				thief.signIn(u.Email, "a guess that is wrong")
			}
			thief.signIn(u.Email, c.pass).want(h.t, http.StatusTooManyRequests)
			if a := other.signIn(u.Email, c.pass); (a.Status == http.StatusSeeOther) != c.known {
				h.t.Errorf("after %s the other browser's sign-in answered %d", c.what, a.Status)
			}
			if c.what == "a new password" { // the browser that changed it is known
				owner.signIn(u.Email, c.pass).wantTo(h.t, "/")
			}
		}
	})
}

func TestSignIn_ClassroomIsNotLockedOut(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		thief := h.browser()
		for i := range 61 {
			thief.signIn(fmt.Sprintf("invented%d@example.com", i), "a guess that is wrong").want(h.t, http.StatusUnprocessableEntity)
		}
		learner, began := h.browser(), time.Now()
		for {
			a := learner.signIn("maria@example.com", secret)
			if a.Status == http.StatusSeeOther {
				break
			}
			a.want(h.t, http.StatusTooManyRequests, "Too many attempts", "second")
			seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
			check(h.t, err)
			if seconds < 1 || time.Since(began) > 10*time.Second {
				h.t.Fatalf("told to wait %d s after %s", seconds, time.Since(began))
			}
			time.Sleep(time.Duration(seconds) * time.Second)
		}
	})
}

func TestSignIn_SuccessesAreLimited(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		in := 0
		var last answer
		for range 30 {
			if last = h.browser().signIn("maria@example.com", secret); last.Status != http.StatusSeeOther {
				break
			}
			in++
		}
		last.want(h.t, http.StatusTooManyRequests, "Too many attempts", "minutes")
		if in != 20 || last.Header.Get("Retry-After") == "" {
			h.t.Errorf("%d sign-ins, want 20; Retry-After %q", in, last.Header.Get("Retry-After"))
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins"); n != 20 {
			h.t.Errorf("%d sign-ins stored, want 20", n)
		}
		// A sign-in that is refused costs a hash only as often as a wrong try does.
		before := h.hasher.Count()
		for range 20 {
			h.browser().signIn("maria@example.com", secret).want(h.t, http.StatusTooManyRequests)
		}
		if n := h.hasher.Count() - before; n > 6 {
			h.t.Errorf("%d hashes for refused sign-ins", n)
		}
	})
}

func TestSignIn_Reauthentication(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		session := b.cookie("portal_session")
		h.clock.Add(2 * time.Hour)
		b.get("/sign-in?reauth=1&return_to=%2Fprofile").want(h.t, 200, "Confirm it&#39;s you", "Maria Keller", `name="reauth" value="1"`)
		b.post("/sign-in", url.Values{"reauth": {"1"}, "password": {""}}).want(h.t, 422, "Please check your password", "Enter your password.")
		b.post("/sign-in", url.Values{"reauth": {"1"}, "password": {"wrong"}}).want(h.t, 422, "Wrong password")
		// Whatever email is sent, it is the person who is signed in who confirms.
		b.post("/sign-in", url.Values{"reauth": {"1"}, "email": {"other@example.com"}, "password": {secret}, "return_to": {"/profile"}}).wantTo(h.t, "/profile")
		if b.cookie("portal_session") == session {
			h.t.Error("the session kept its id")
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins"); n != 1 {
			h.t.Errorf("%d sign-ins, want the same one", n)
		}
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE user_id = ? AND created_at >= ?", u.ID, h.clock.Now().Add(-time.Second).UnixMilli()); n != 1 {
			h.t.Error("auth_time did not move")
		}
		// A guest is asked for everything; one whose sign-in ended meanwhile is told so, instead of what is wrong with a form
		// that is new to them.
		again := h.browser().post("/sign-in", url.Values{"reauth": {"1"}, "username": {"maria@example.com"}, "password": {secret}, "return_to": {"/profile"}})
		again.want(h.t, 422, "been signed out in the meantime", `value="maria@example.com"`, `name="return_to" value="/profile"`)
		if strings.Contains(again.Body, "Enter an email address") || strings.Contains(again.Body, secret) {
			h.t.Error("the form complains of what it did not ask for, or shows the password")
		}
		h.browser().get("/sign-in?reauth=1").want(h.t, 200, `name="email"`)
		h.browser().post("/sign-in", url.Values{"reauth": {"1"}, "email": {"maria@example.com"}, "password": {secret}}).wantTo(h.t, "/")
	})
}

func TestSignIn_AnotherPersonOnTheSameBrowser(t *testing.T) {
	eachHouse(t, func(h *house) {
		maria := h.add("maria@example.com")
		h.add("otto@example.com")
		b := h.signedIn("maria@example.com")
		b.signIn("otto@example.com", secret).wantTo(h.t, "/")
		b.get("/profile").want(h.t, 200, "otto@example.com")
		if n := h.count("SELECT COUNT(*) FROM sign_ins WHERE user_id = ? AND ended_at IS NULL", maria.ID); n != 0 {
			h.t.Error("the first person is still signed in")
		}
	})
}

func TestSignIn_EndedElsewhereIsAGuest(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		// The row ended, the session in Redis was not reached: nothing may stay open, and no loop begin.
		if _, err := h.db.Exec("UPDATE sign_ins SET ended_at = 1"); err != nil {
			h.t.Fatal(err)
		}
		b.get("/sign-in?return_to=%2Fprofile").want(h.t, 200, `name="email"`)
		if b.isIn() {
			h.t.Error("still signed in")
		}
	})
}

func TestSignIn_RehashesAnOldHash(t *testing.T) {
	eachHouse(t, func(h *house) {
		u := h.add("maria@example.com")
		older := light
		older.Iterations = 2
		old, err := argon2id.CreateHash(secret, &older)
		check(h.t, err)
		check(h.t, h.store.Apply(h.t.Context(), store.ChangePassword(u.ID, u.PasswordHash, old, storetest.Now)))
		b := h.signedIn("maria@example.com")
		got, err := h.store.UserByID(h.t.Context(), u.ID)
		check(h.t, err)
		if got.PasswordHash == old || !strings.Contains(got.PasswordHash, "t=1,p=1") || !b.isIn() {
			h.t.Errorf("hash %q", got.PasswordHash)
		}
		h.signedIn("maria@example.com")
	})
}

// Two sign-ins verified the old hash, and the other one stores its new one first. (The trigger stands for the other.)
func TestSignIn_RehashedTwiceAtOnce(t *testing.T) {
	for name, password := range map[string]string{"by the other sign-in": secret, "a changed password": "seven tall blue storks"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, env.DB(t, "portal"), env.MiniRedis(t), nil)
			u := h.add("maria@example.com")
			older := light
			older.Iterations = 2
			old, err := argon2id.CreateHash(secret, &older)
			check(t, err)
			check(t, h.store.Apply(t.Context(), store.ChangePassword(u.ID, u.PasswordHash, old, storetest.Now)))
			first, err := h.hasher.Hash(t.Context(), password)
			check(t, err)
			_, err = h.db.ExecContext(t.Context(), `CREATE TRIGGER first BEFORE UPDATE OF password_hash ON users WHEN NEW.password_hash <> '`+first+`'
				BEGIN UPDATE users SET password_hash = '`+first+`' WHERE id = NEW.id; SELECT RAISE(IGNORE); END`)
			check(t, err)
			want := http.StatusSeeOther
			if password != secret {
				want = http.StatusUnprocessableEntity
			}
			h.browser().signIn("maria@example.com", secret).want(t, want)
			if got, err := h.store.UserByID(t.Context(), u.ID); err != nil || got.PasswordHash != first {
				t.Errorf("hash %q, %v", got.PasswordHash, err)
			}
		})
	}
}

func TestSignIn_QueueFull(t *testing.T) {
	d := env.DB(t, "portal")
	heavy := argon2id.Params{Memory: 64 * 1024, Iterations: 3, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	h := newHouse(t, d, env.MiniRedis(t), func(deps *account.Deps) {
		var err error
		deps.Hasher, err = password.NewHasher(password.Options{Params: heavy, Slots: 1, Queue: 1})
		check(t, err)
	})
	const flood = 12
	status := make(chan answer, flood)
	for i := range flood {
		b := h.browser().from(fmt.Sprintf("198.51.100.%d", i))
		go func() { status <- b.signIn("never@example.com", "a password") }()
	}
	counts := map[int]int{}
	for range flood {
		a := <-status
		counts[a.Status]++
		if a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if counts[422] < 2 || counts[503] == 0 || counts[422]+counts[503] != flood {
		t.Errorf("answers %v", counts)
	}
}

func TestSignIn_RedisAwayDoesNothing(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *dbDB) {
		server, err := env.StartRedis(t.TempDir())
		check(t, err)
		t.Cleanup(server.Stop)
		h := newHouse(t, d, redisAt(t, server.URL()), nil)
		h.add("maria@example.com")
		b := h.signedIn("maria@example.com")
		cookie := b.cookie("portal_session")
		server.Stop()
		guest := h.browser()
		for name, a := range map[string]answer{
			"sign-in":  guest.signIn("maria@example.com", secret),
			"register": guest.post("/register", url.Values{"name": {"Otto"}, "email": {"otto@example.com"}, "password": {secret}}),
			"profile":  b.get("/profile"),
			"sessions": b.get("/sessions"),
			"sign-out": b.post("/sign-out", nil),
			"password": b.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {"five quiet grey herons"}}),
		} {
			if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || len(a.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s: %d, Retry-After %q, cookies %q", name, a.Status, a.Header.Get("Retry-After"), a.Header.Values("Set-Cookie"))
			}
		}
		b.get("/").want(t, 200, "Sign-in is temporarily unavailable")
		if n := h.count("SELECT COUNT(*) FROM users") + h.count("SELECT COUNT(*) FROM sign_ins") + h.count("SELECT COUNT(*) FROM event_outbox"); n != 3 {
			t.Errorf("%d rows, want the 3 of before", n)
		}
		check(t, server.Start())
		for h.rdb.Ping(t.Context()).Err() != nil { // until the client tries again
			time.Sleep(10 * time.Millisecond)
		}
		if b.cookie("portal_session") != cookie || !b.isIn() {
			t.Error("signed out by an outage")
		}
	})
}

func TestSignIn_NoPasswordInLogs(t *testing.T) {
	h := newHouse(t, env.DB(t, "portal"), env.MiniRedis(t), nil)
	h.add("maria@example.com")
	b := h.signedIn("maria@example.com")
	b.signIn("maria@example.com", "a wrong one of mine")
	b.post("/profile/password", url.Values{"current_password": {secret}, "new_password": {"five quiet grey herons"}})
	b.get("/sign-in?password=" + url.QueryEscape(secret))
	text := h.logs.String()
	for _, s := range []string{"herons", "a wrong one", b.cookie("portal_session"), "argon2id"} {
		if strings.Contains(text, s) {
			t.Errorf("the log holds %q", s)
		}
	}
	if !strings.Contains(text, `"sid"`) {
		t.Error("the log lacks the sid")
	}
}
