package account_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/portal/account"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

func registration(email string) url.Values {
	return url.Values{"name": {"  Otto   Grün "}, "email": {email}, "password": {secret}, "return_to": {"/sessions"}}
}

func TestRegister_MakesACustomerWhoIsSignedIn(t *testing.T) {
	eachHouse(t, func(h *house) {
		b := h.browser()
		b.get("/register?return_to=%2Fsessions").want(h.t, 200, `autocomplete="new-password"`, `value="/sessions"`)
		b.post("/register", registration("Otto@Example.com")).wantTo(h.t, "/sessions")
		b.get("/profile").want(h.t, 200, "Otto Grün", "Otto@Example.com", "customer")
		u, err := h.store.UserByEmail(h.t.Context(), "otto@example.com")
		if err != nil || fmt.Sprint(u.Roles) != "[customer]" || strings.Contains(u.PasswordHash, secret) {
			h.t.Errorf("%+v, %v", u, err)
		}
		for _, typ := range []string{"registered", "sign_in"} {
			if n := h.count("SELECT COUNT(*) FROM event_outbox WHERE type = ? AND subject = ?", typ, u.ID); n != 1 {
				h.t.Errorf("%d events %s", n, typ)
			}
		}
		h.browser().signIn("OTTO@example.COM", secret).wantTo(h.t, "/")
	})
}

func TestRegister_EmailIsTakenOnce(t *testing.T) {
	eachHouse(t, func(h *house) {
		const people = 8
		var wg sync.WaitGroup
		answers := make(chan answer, people)
		for i := range people {
			b := h.browser().from(fmt.Sprintf("198.51.100.%d", i))
			wg.Go(func() { answers <- b.post("/register", registration("otto@example.com")) })
		}
		wg.Wait()
		close(answers)
		made := 0
		for a := range answers {
			switch a.Status {
			case http.StatusSeeOther:
				made++
			case http.StatusConflict:
				if !strings.Contains(a.Body, "account with this email already") || len(a.Header.Values("Set-Cookie")) > 0 {
					h.t.Errorf("cookies %q\n%s", a.Header.Values("Set-Cookie"), a.Body)
				}
			default:
				h.t.Errorf("status %d\n%s", a.Status, a.Body)
			}
		}
		if made != 1 || h.count("SELECT COUNT(*) FROM users") != 1 || h.count("SELECT COUNT(*) FROM sign_ins") != 1 {
			h.t.Errorf("made %d", made)
		}
		a := h.browser().post("/register", registration(" ｏｔｔｏ@EXAMPLE.com"))
		a.want(h.t, http.StatusConflict)
	})
}

func TestRegister_LimitedPerAddress(t *testing.T) {
	eachHouse(t, func(h *house) {
		for i := range 100 {
			a := h.browser().post("/register", registration(fmt.Sprintf("user%d@example.com", i)))
			if a.Status == http.StatusSeeOther {
				continue
			}
			a.want(h.t, http.StatusTooManyRequests, "Too many attempts")
			if a.Header.Get("Retry-After") == "" {
				h.t.Error("no Retry-After")
			}
			h.browser().from("198.51.100.1").post("/register", registration("other@example.com")).wantTo(h.t, "/sessions")
			return
		}
		h.t.Error("never refused")
	})
}

func TestRegister_ClassBehindOneAddress(t *testing.T) {
	eachHouse(t, func(h *house) {
		const learners = 40
		began := time.Now()
		each := func(do func(b *browser, email string) answer) {
			var wg sync.WaitGroup
			for i := range learners {
				wg.Go(func() {
					if a := do(h.browser(), fmt.Sprintf("learner%d@example.com", i)); a.Status != http.StatusSeeOther {
						h.t.Errorf("learner %d: %d\n%s", i, a.Status, a.Body)
					}
				})
			}
			wg.Wait()
		}
		each(func(b *browser, email string) answer { return b.post("/register", registration(email)) })
		each(func(b *browser, email string) answer { return b.signIn(email, secret) })
		if n := h.count("SELECT COUNT(*) FROM sign_ins"); n != 2*learners {
			h.t.Errorf("%d sign-ins, want %d", n, 2*learners)
		}
		if took := time.Since(began); took > time.Minute {
			h.t.Errorf("the class took %s", took)
		}
	})
}

func TestRegister_EmailsThatAreTakenAreToldOnlySoOften(t *testing.T) {
	eachHouse(t, func(h *house) {
		h.add("maria@example.com")
		told := 0
		for range 40 {
			switch a := h.browser().post("/register", registration("maria@example.com")); a.Status {
			case http.StatusConflict:
				told++
			default:
				a.want(h.t, http.StatusTooManyRequests, "Too many attempts")
			}
		}
		if told != 30 {
			h.t.Errorf("told %d times, want 30", told)
		}
		h.browser().post("/register", registration("free@example.com")).want(h.t, http.StatusTooManyRequests)
	})
}

func TestRegister_DemoPasswordOnlyInTheDemo(t *testing.T) {
	form := registration("otto@example.com")
	form.Set("password", account.DemoPassword)
	real := newHouse(t, env.DB(t, "portal"), env.MiniRedis(t), func(d *account.Deps) { d.Demo = false })
	real.browser().post("/register", form).want(t, 422, "Too many people use this password")
	if a := real.browser().get("/sign-in"); strings.Contains(a.Body, "emo account") {
		t.Error("demo accounts are shown")
	}
}

func TestSeedDemo_OnceHoweverManyStart(t *testing.T) {
	eachHouse(t, func(h *house) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := account.SeedDemo(h.t.Context(), h.store, h.hasher, storetest.Now); err != nil {
					h.t.Error(err)
				}
			})
		}
		wg.Wait()
		before := h.hasher.Count()
		check(h.t, account.SeedDemo(h.t.Context(), h.store, h.hasher, storetest.Now))
		if n := h.hasher.Count() - before; n != 0 {
			h.t.Errorf("%d hashes when all are there", n)
		}
		if n := h.count("SELECT COUNT(*) FROM users"); n != 4 {
			h.t.Errorf("%d users", n)
		}
		for _, d := range account.DemoAccounts() {
			b := h.browser()
			b.signIn(d.Email, account.DemoPassword).wantTo(h.t, "/")
			home := b.get("/")
			home.want(h.t, 200, "Welcome, "+d.Name, "Shop", "Forum")
			if sees := strings.Contains(home.Body, `href="http://analytics.localhost:8080"`); sees != (d.Role == "analyst" || d.Role == "admin") {
				h.t.Errorf("%s sees Analytics: %v", d.Role, sees)
			}
		}
	})
}
