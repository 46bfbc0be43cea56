//go:build unix

package endings_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"gatehouse.example/sso/denylist"
)

// scene is a house with two people in it and an administrator.
type scene struct {
	*house
	alice, bob           *browser
	aliceToken, bobToken string
	admin                *admin
}

func newScene(t *testing.T, portals, banks int) *scene {
	t.Helper()
	s := &scene{house: newHouse(t, denylist.DefaultBound, portals, banks)}
	s.admin, s.alice, s.bob = s.house.admin(), s.browser(), s.browser()
	s.alice.mustSignIn("alice")
	s.bob.mustSignIn("bob")
	s.aliceToken, s.bobToken = s.mustToken(s.alice), s.mustToken(s.bob)
	for _, bank := range s.banks {
		s.mustLetIn(bank, s.alice, s.aliceToken)
		s.mustLetIn(bank, s.bob, s.bobToken)
	}
	return s
}

// mustToken returns an access token for the person who is signed in with b.
func (s *scene) mustToken(b *browser) (token string) {
	s.t.Helper()
	s.eventually("there is an access token", func() bool {
		token, _ = b.token(s.banks[0])
		return token != ""
	})
	return token
}

// mustLetIn checks that a replica lets both in, as soon as it knows whether it may.
func (s *scene) mustLetIn(bank *replica, b *browser, token string) {
	s.t.Helper()
	for what, ask := range map[string]func() result{
		"a cookie": func() result { return b.vault(bank) },
		"a token":  func() result { return s.api(bank, token) },
	} {
		var r result
		s.eventually(bank.name+" knows whom to let in", func() bool {
			r = ask()
			return r.status != http.StatusServiceUnavailable
		})
		if r.status != http.StatusOK {
			s.t.Fatalf("%s, with %s: %s", bank.name, what, r)
		}
	}
}

// refuses checks that a replica lets neither in; which says whether it knows, or does
// not know and says so.
func (s *scene) refuses(when string, bank *replica, b *browser, token string) {
	s.t.Helper()
	if r := b.steal().vault(bank); r.status == http.StatusOK {
		s.t.Errorf("%s: %s lets the cookie in: %s", when, bank.name, r)
	}
	if r := s.api(bank, token); r.status != http.StatusUnauthorized && r.status != http.StatusServiceUnavailable {
		s.t.Errorf("%s: %s answers the token: %s", when, bank.name, r)
	}
}

// putsOff checks that somebody innocent is asked to come back, and keeps the cookie.
func (s *scene) putsOff(bank *replica, b *browser, token string) {
	s.t.Helper()
	for _, r := range []result{b.vault(bank), s.api(bank, token)} {
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || r.header.Get("Set-Cookie") != "" {
			s.t.Errorf("%s, which does not hear from Redis, answers %s (Retry-After %q, Set-Cookie %q)", bank.name, r, r.header.Get("Retry-After"), r.header.Get("Set-Cookie"))
		}
	}
	if r := get(s.t, bank.client(), s.bankURL("/public")); r.status != http.StatusOK {
		s.t.Errorf("%s: a public page: %s", bank.name, r)
	}
}

// innocent checks that all is well for somebody on a replica, in the end, and that
// nobody asked for a new sign-in on the way.
func (s *scene) innocent(bank *replica, b *browser, token string) {
	s.t.Helper()
	s.eventually(bank.name+" lets the innocent in", func() bool {
		page, api := b.vault(bank), s.api(bank, token)
		for _, r := range []result{page, api} {
			if r.status != http.StatusOK && r.status != http.StatusServiceUnavailable && r.status != 0 {
				s.t.Fatalf("%s signs an innocent one out: %s", bank.name, r)
			}
		}
		return page.status == http.StatusOK && api.status == http.StatusOK
	})
}

func names(missing []denylist.Confirmation) (all []string) {
	for _, c := range missing {
		all = append(all, c.Replica)
	}
	return all
}

// TestCutOff_RefusesAfterTheBound: whatever way a replica loses Redis, one who was
// banned meanwhile gets in nowhere once the portal has said "done"; the receipt names
// the replica; and it recovers by itself.
func TestCutOff_RefusesAfterTheBound(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ hurt, mend func(*replica) }{
		"cut":         {(*replica).cut, (*replica).heal},
		"swallowed":   {(*replica).swallow, (*replica).well},
		"five s late": {func(r *replica) { r.slow(5 * time.Second) }, (*replica).well},
		"starved":     {func(r *replica) { r.narrow(0) }, (*replica).well},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 1, 3)
			lost := s.banks[1]
			fault.hurt(lost)
			o := s.admin.mustBan("alice")
			if !o.confirmed || !slices.Contains(names(o.receipt.Missing()), lost.name) || len(o.receipt.Missing()) != 1 {
				t.Errorf("the receipt: confirmed %v, missing %v", o.confirmed, o.receipt.Missing())
			}
			for _, c := range o.receipt.Missing() {
				if c.WrongUntil.Sub(o.receipt.At) > denylist.DefaultBound {
					t.Errorf("%s may be wrong for %s", c.Replica, c.WrongUntil.Sub(o.receipt.At))
				}
			}
			for _, bank := range s.banks {
				s.refuses("after the ban", bank, s.alice, s.aliceToken)
			}
			s.putsOff(lost, s.bob, s.bobToken)
			s.innocent(s.banks[0], s.bob, s.bobToken)
			s.innocent(s.banks[2], s.bob, s.bobToken)
			fault.mend(lost)
			s.innocent(lost, s.bob, s.bobToken)
			for _, bank := range s.banks {
				s.refuses("afterwards", bank, s.alice, s.aliceToken)
			}
			if r := s.api(lost, s.aliceToken); r.status != http.StatusUnauthorized {
				t.Errorf("the replica that is back knows: %s", r)
			}
			// And the next ban is confirmed by all again.
			if o := s.admin.mustBan("carol"); o.receipt.Confirmed() != 4 || len(o.receipt.Missing()) != 0 {
				t.Errorf("the next receipt: %d confirmed, missing %v", o.receipt.Confirmed(), o.receipt.Missing())
			}
		})
	}
}

// TestRedisRestartedEmpty_TheDenylistComesBackFirst: Redis loses everything. Nobody
// who was banned or signed out gets in, nobody else has to sign in again.
func TestRedisRestartedEmpty_TheDenylistComesBackFirst(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2, 2)
	s.admin.mustBan("alice")
	carol := s.browser()
	carol.mustSignIn("carol")
	carolToken := s.mustToken(carol)
	carolThief := carol.steal()
	if r := carol.signOut(s.banks[0]); r.status != http.StatusOK {
		t.Fatal(r)
	}
	s.redis.Stop()
	if err := s.redis.Start(); err != nil { // without its file: empty
		t.Fatal(err)
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // all the time while it comes back
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, bank := range s.banks {
				if r := s.api(bank, s.aliceToken); r.status == http.StatusOK {
					t.Errorf("the banned one's token is let in by %s", bank.name)
				}
				if r := s.api(bank, carolToken); r.status == http.StatusOK {
					t.Errorf("the token of who signed out is let in by %s", bank.name)
				}
				if r := s.api(bank, s.bobToken); r.status != http.StatusOK && r.status != http.StatusServiceUnavailable {
					t.Errorf("%s refuses an innocent token: %s", bank.name, r)
				}
			}
		}
	}()
	s.allReady()
	for _, bank := range s.banks {
		s.refuses("afterwards", bank, s.alice, s.aliceToken)
		s.refuses("afterwards", bank, carolThief, carolToken)
		// His session at the bank is lost, and he does not notice: the portal knows him.
		s.eventually("bob is in again without a password", func() bool { return s.bob.open(bank).status == http.StatusOK })
		if r := s.bob.open(bank); r.status != http.StatusOK || r.body != "demo-bob" {
			t.Errorf("bob is asked to sign in: %s", r)
		}
		if r := s.alice.open(bank); r.body == "demo-alice" {
			t.Errorf("the banned one is let in: %s", r)
		}
	}
	close(stop)
	<-done
}

// TestReplicaKilledInTheMiddleOfABan: it is named as missing or has confirmed before,
// and the one that takes its place knows.
func TestReplicaKilledInTheMiddleOfABan(t *testing.T) {
	t.Parallel()
	s := newScene(t, 1, 3)
	victim := s.banks[2]
	killed := make(chan struct{})
	go func() { victim.stop(); close(killed) }()
	o := s.admin.mustBan("alice")
	<-killed
	if n := o.receipt.Confirmed() + len(o.receipt.Missing()); n != 4 || !o.confirmed {
		t.Errorf("the receipt counts %d: %+v", n, o.receipt)
	}
	s.restart(s.banks, 2)
	s.eventually("the new one is ready", s.banks[2].ready)
	for _, bank := range s.banks {
		s.refuses("afterwards", bank, s.alice, s.aliceToken)
		s.innocent(bank, s.bob, s.bobToken)
	}
	if o := s.admin.mustBan("carol"); o.receipt.Confirmed() != 4 {
		t.Errorf("the next receipt: %d of 4, missing %v", o.receipt.Confirmed(), o.receipt.Missing())
	}
}

// TestPortalKilledBetweenTheWrites: the ban is in the database and not in Redis, and
// the portal that was to write it is gone. Another replica does it, or the next one.
func TestPortalKilledBetweenTheWrites(t *testing.T) {
	t.Parallel()
	for _, portals := range []int{2, 1} {
		t.Run(map[int]string{2: "another replica", 1: "the next one"}[portals], func(t *testing.T) {
			t.Parallel()
			s := newScene(t, portals, 2)
			dying := s.portals[0]
			dying.gate.shut()
			answered := make(chan outcome, 1)
			go func() { answered <- s.admin.banAt(s.admin.portalAt(dying), "alice") }()
			select {
			case <-dying.gate.reached: // the transaction is committed, and Redis has not heard of it
			case o := <-answered:
				t.Fatalf("the ban did not get that far: %s", o)
			}
			s.mustLetIn(s.banks[0], s.alice, s.aliceToken)
			if portals == 1 {
				s.restart(s.portals, 0)
			} else {
				dying.stop()
			}
			<-answered
			for _, bank := range s.banks {
				s.eventually("the ban is known at "+bank.name, func() bool { return s.api(bank, s.aliceToken).status == http.StatusUnauthorized })
				s.refuses("afterwards", bank, s.alice, s.aliceToken)
				s.innocent(bank, s.bob, s.bobToken)
			}
		})
	}
}
