//go:build unix

package endings_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The model of who may get in is small: a sign-in lives until something ends it. What
// the real house answers, on every replica and with every cookie and token that was
// ever given out, is held against it after each step.

// signIn is one sign-in, and everything that came of it.
type signIn struct {
	number  int
	person  string
	living  bool
	ended   string // by what
	browser *browser
	cookies *browser // a copy that nobody can take the cookies from
	grant   *grant
	tokens  []string // all access tokens that it was ever given
}

func (s *signIn) String() string { return fmt.Sprintf("sign-in %d of %s", s.number, s.person) }

// GoString keeps the account of a failing sequence short.
func (s *signIn) GoString() string { return s.String() }

// model is what should be.
type model struct {
	house  *house
	admin  *admin
	all    []*signIn
	banned map[string]bool
	cut    map[*replica]bool
	steps  *atomic.Int64
}

var persons = []string{"alice", "bob", "carol"}

const (
	// mostLiving bounds how many sign-ins live, mostDead how many that are over are tried.
	mostLiving = 4
	mostDead   = 5
)

func (m *model) living() []*signIn {
	var living []*signIn
	for _, s := range m.all {
		if s.living {
			living = append(living, s)
		}
	}
	return living
}

// pick is somebody who is signed in. When nobody is, somebody signs in instead, and
// the step is done.
func (m *model) pick(t *rapid.T) *signIn {
	living := m.living()
	if len(living) == 0 {
		m.signIn(t)
		return nil
	}
	return rapid.SampledFrom(living).Draw(t, "who")
}

func (m *model) end(by string, which func(*signIn) bool) {
	for _, s := range m.living() {
		if which(s) {
			s.living, s.ended = false, by
		}
	}
}

// ending repeats what ends the sign-ins of which while it is answered 503, and returns the first other answer. On a
// busy machine the portal stores an ending that is not confirmed in time: it says so, and that it follows by itself.
func (m *model) ending(which func(*signIn) bool, act func() result, services ...string) result {
	answers := 0
	r := m.house.settled(func() result { answers++; return act() }, services...)
	if answers == 1 {
		return r
	}
	m.house.eventually("the ending takes effect", func() bool {
		return !slices.ContainsFunc(m.living(), func(s *signIn) bool {
			return which(s) && slices.ContainsFunc(m.house.banks, func(bank *replica) bool {
				return bank.serve("/vault", s.cookies.header(), "").status == http.StatusOK
			})
		})
	})
	return r
}

// well is a replica of the bank whose network is whole.
func (m *model) well() *replica {
	for _, bank := range m.house.banks {
		if !m.cut[bank] {
			return bank
		}
	}
	return nil
}

func (m *model) signIn(t *rapid.T) {
	person := rapid.SampledFrom(persons).Draw(t, "person")
	if len(m.living()) >= mostLiving {
		m.signOut(t)
		return
	}
	b := m.house.browser()
	r := m.house.settled(func() result { return b.signIn(person) }, "portal")
	if m.banned[person] {
		if r.status == http.StatusSeeOther {
			t.Fatalf("%s is banned, and may sign in: %s", person, r)
		}
		return
	}
	if r.status != http.StatusSeeOther {
		t.Fatalf("%s may not sign in: %s", person, r)
	}
	s := &signIn{number: len(m.all) + 1, person: person, living: true, browser: b}
	bank := m.well()
	r = m.house.settled(func() result { return b.open(bank) }, "bank", "portal")
	if r.status != http.StatusOK {
		t.Fatalf("%s can't open the bank: %s", s, r)
	}
	// An authorization that was answered 503 left nothing behind: the next one has a code of its own.
	r = m.house.settled(func() result { s.grant, r = b.grant(); return r }, "portal")
	if s.grant == nil || r.status != http.StatusOK {
		t.Fatalf("%s gets no tokens: %s", s, r)
	}
	s.tokens, s.cookies = []string{s.grant.access}, b.steal()
	m.all = append(m.all, s)
}

func (m *model) refresh(t *rapid.T) {
	s := m.pick(t)
	if s == nil {
		return
	}
	m.refreshOf(t, s)
}

func (m *model) refreshOf(t *rapid.T, s *signIn) {
	if r := m.house.refreshed(s.grant); r.status != http.StatusOK {
		t.Fatalf("%s can't refresh: %s", s, r)
	}
	s.tokens = append(s.tokens, s.grant.access)
	if len(s.tokens) > 3 {
		s.tokens = slices.Delete(s.tokens, 1, 2)
	}
}

// replay uses a refresh token again, late: a thief's, or its owner's after a thief's.
func (m *model) replay(t *rapid.T) {
	s := m.pick(t)
	if s == nil {
		return
	}
	if len(s.grant.spent) == 0 {
		m.refreshOf(t, s)
	}
	time.Sleep(2 * time.Millisecond) // longer than a replay is taken for the same request
	stolen := grant{refresh: rapid.SampledFrom(s.grant.spent).Draw(t, "spent")}
	itself := func(o *signIn) bool { return o == s }
	r := m.ending(itself, func() result { return m.house.refreshed(&stolen) }, "portal")
	if r.status != http.StatusBadRequest {
		t.Fatalf("%s: a refresh token was used twice: %s", s, r)
	}
	m.end("theft", itself)
}

func (m *model) signOut(t *rapid.T) {
	s := m.pick(t)
	if s == nil {
		return
	}
	itself := func(o *signIn) bool { return o == s }
	var portal string // the page of the portal that asks to come back
	r := m.ending(itself, func() (r result) {
		if portal == "" {
			r = s.browser.signOut(m.well())
		} else {
			r = get(m.house.t, s.browser.at(m.well(), true), portal)
		}
		if strings.HasPrefix(r.url.Host, "portal.") {
			portal = r.url.String()
		}
		return r
	}, "bank", "portal")
	if r.status != http.StatusOK {
		t.Fatalf("%s can't sign out: %s", s, r)
	}
	m.end("sign-out", itself)
}

func (m *model) everywhere(t *rapid.T) {
	s := m.pick(t)
	if s == nil {
		return
	}
	theirs := func(o *signIn) bool { return o.person == s.person }
	if r := m.ending(theirs, s.browser.everywhere, "portal"); r.status != http.StatusSeeOther {
		t.Fatalf("%s can't sign out everywhere: %s", s, r)
	}
	m.end("sign-out everywhere", theirs)
}

func (m *model) ban(t *rapid.T) {
	person := rapid.SampledFrom(persons).Draw(t, "person")
	if m.banned[person] {
		m.unbanOf(t, person)
		return
	}
	m.banOf(t, person)
}

func (m *model) banOf(t *rapid.T, person string) {
	var o outcome
	m.house.settled(func() result { o = m.admin.ban(person); return o.result }, "portal")
	if o.status != http.StatusSeeOther {
		t.Fatalf("%s can't be banned: %s", person, o)
	}
	// On a busy machine Redis may take longer than a ban waits: then the console says so, and it is confirmed afterwards.
	m.house.eventually("the ban is confirmed", func() bool { _, confirmed := m.admin.receipt(o.ending); return confirmed })
	m.banned[person] = true
	m.end("ban", func(o *signIn) bool { return o.person == person })
}

func (m *model) unban(t *rapid.T) {
	person := rapid.SampledFrom(persons).Draw(t, "person")
	if !m.banned[person] {
		m.banOf(t, person)
		return
	}
	m.unbanOf(t, person)
}

func (m *model) unbanOf(t *rapid.T, person string) {
	if r := m.admin.unban(person); r.status != http.StatusSeeOther {
		t.Fatalf("the ban of %s can't be lifted: %s", person, r)
	}
	m.banned[person] = false
}

func (m *model) restartBank(t *rapid.T) {
	i := rapid.IntRange(0, len(m.house.banks)-1).Draw(t, "bank")
	delete(m.cut, m.house.banks[i])
	m.house.restart(m.house.banks, i)
	m.house.eventually("the new process is ready", m.house.banks[i].ready)
}

func (m *model) restartPortal(t *rapid.T) {
	i := rapid.IntRange(0, len(m.house.portals)-1).Draw(t, "portal")
	m.house.restart(m.house.portals, i)
	m.house.eventually("the new process is ready", m.house.portals[i].ready)
}

func (m *model) cutBank(t *rapid.T) {
	i := rapid.IntRange(0, len(m.house.banks)-1).Draw(t, "bank")
	if len(m.cut) == len(m.house.banks)-1 { // one has to be left
		m.healBank(t)
		return
	}
	if !m.cut[m.house.banks[i]] {
		m.house.banks[i].cut()
		m.cut[m.house.banks[i]] = true
	}
}

func (m *model) healBank(t *rapid.T) {
	for _, bank := range m.house.banks {
		if m.cut[bank] {
			bank.heal()
			delete(m.cut, bank)
			return
		}
	}
	m.cutBank(t)
}

// check asks every replica with everything that was ever given out. It calls the handlers of the replicas, for it may
// ask a hundred times after a step, and the way over the network is not what the model is about.
func (m *model) check(t *rapid.T) {
	m.steps.Add(1)
	dead := 0
	for _, s := range slices.Backward(m.all) {
		if !s.living {
			if dead++; dead > mostDead {
				continue
			}
		}
		for _, bank := range m.house.banks {
			m.compare(t, s, bank, "the cookie", func() result { return bank.serve("/vault", s.cookies.header(), "") })
			for i, token := range s.tokens {
				m.compare(t, s, bank, fmt.Sprintf("token %d", i+1), func() result { return bank.serve("/api/vault", "", token) })
			}
		}
	}
}

func (m *model) compare(t *rapid.T, s *signIn, bank *replica, what string, ask func() result) {
	r := ask()
	if !s.living {
		if r.status == http.StatusOK {
			t.Fatalf("%s was ended by %s, and %s lets %s in", s, s.ended, bank.name, what)
		}
		return
	}
	// Who lives is let in, or asked to wait by a replica that can't know.
	for deadline := time.Now().Add(30 * time.Second); r.status == http.StatusServiceUnavailable && !m.cut[bank] && time.Now().Before(deadline); r = ask() {
		time.Sleep(5 * time.Millisecond)
	}
	if r.status != http.StatusOK && !(m.cut[bank] && r.status == http.StatusServiceUnavailable) {
		t.Fatalf("%s lives, and %s (cut: %v) answers %s: %s", s, bank.name, m.cut[bank], what, r)
	}
}

// reset mends everything and lets everybody in, for the next sequence.
func (m *model) reset() {
	for _, bank := range m.house.banks {
		if m.cut[bank] {
			bank.heal()
		}
	}
	for person := range m.banned {
		if m.banned[person] {
			if r := m.admin.unban(person); r.status != http.StatusSeeOther {
				m.house.t.Fatalf("the ban of %s can't be lifted: %s", person, r)
			}
		}
	}
	m.house.allReady()
	m.all, m.banned, m.cut = nil, map[string]bool{}, map[*replica]bool{}
}

const (
	// crowd is the number of houses among which the sequences are divided. They run side by side, because a sequence
	// mostly waits: for the bound of a replica that is cut off, and for one that connects again.
	crowd = 25
	// modelBound is the time without news from Redis after which the replicas of these houses refuse. It is shorter than
	// the default to save time, and long enough for a replica that has to wait for a processor.
	modelBound = 400 * time.Millisecond
)

// TestWhoMayGetIn_AsTheModelSays runs random sequences of what people, administrators,
// machines and networks do. A failure is shrunk to a short sequence, and its seed is
// printed with the name of its house: go test ./tests/endings -run 'WhoMayGetIn/house_3$' -rapid.seed=…
func TestWhoMayGetIn_AsTheModelSays(t *testing.T) {
	t.Parallel()
	var steps atomic.Int64
	t.Cleanup(func() { t.Logf("%d steps were held against the model", steps.Load()) })
	for n := range crowd {
		t.Run(fmt.Sprintf("house %d", n+1), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, modelBound, 2, 3)
			m := &model{house: h, admin: h.admin(), banned: map[string]bool{}, cut: map[*replica]bool{}, steps: &steps}
			rapid.Check(t, func(t *rapid.T) {
				m.reset()
				t.Repeat(map[string]func(*rapid.T){
					"sign in": m.signIn, "sign in again": m.signIn, "refresh": m.refresh, "replay": m.replay, "sign out": m.signOut,
					"sign out everywhere": m.everywhere, "ban": m.ban, "unban": m.unban, "restart a bank": m.restartBank,
					"restart a portal": m.restartPortal, "cut a bank off": m.cutBank, "mend the network": m.healBank,
					"": m.check,
				})
			})
		})
	}
}
