//go:build unix

package faults_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/tests/estate"
)

// Each replica of each service is killed with SIGKILL under load. No GET may fail, nobody may be signed out, and of
// the POSTs only one that was under way on the killed replica: whether it was carried out, nobody can know. What was
// answered with success is there at the end, once.
func TestKilledReplica_CostsNothing(t *testing.T) {
	e := estate.Start(t, estate.Options{Bound: time.Second})
	var people []*person
	for _, name := range []string{"alice", "bob", "carol", "admin"} {
		people = append(people, signedIn(t, e, name))
	}
	writers := 0
	var lost []result // POSTs without an answer, or with one of the balancer's own
	var kept []reply
	l := newLoad(func(r result) {
		switch {
		case r.method == http.MethodGet && (r.err != nil || r.status != http.StatusOK):
			t.Errorf("a GET failed: %s", r)
		case r.method == http.MethodGet && !strings.Contains(r.page, "Sign out"):
			t.Errorf("the page does not know the person: %s", r)
		case r.method == http.MethodPost && (r.status == http.StatusBadGateway || r.err != nil):
			lost = append(lost, r)
		case r.method == http.MethodPost && (r.status != http.StatusSeeOther || strings.Contains(r.header.Get("Location"), "/oauth/")):
			t.Errorf("a POST failed: %s", r)
		}
	})
	for _, p := range people {
		l.worker(func(n int) result {
			pages := [][2]string{{"shop", "/orders"}, {"forum", "/mine"}, {"shop", "/"}, {"portal", "/profile"}, {"forum", "/"}}
			if analyst(p.name) {
				pages = append(pages, [2]string{"analytics", "/"})
			}
			at := pages[n%len(pages)]
			return p.get(at[0], at[1])
		})
	}
	for _, p := range people[:2] {
		writers += 2
		if r := p.send(http.MethodPost, "shop", "/cart/items", url.Values{"product": {"enamel-kettle"}, "quantity": {"1"}}); r.status != http.StatusSeeOther {
			t.Fatalf("%s's cart: %d %v", p.name, r.status, r.err)
		}
		buy := func(n int) result {
			return p.send(http.MethodPost, "shop", "/cart/items/enamel-kettle", url.Values{"quantity": {strconv.Itoa(1 + n%5)}})
		}
		l.worker(buy)
		var written atomic.Int64
		l.worker(func(n int) result {
			if n%4 > 0 || written.Load() == maxReplies {
				return buy(n)
			}
			text := fmt.Sprintf("Reply number %d of %s.", written.Add(1), p.name)
			r := p.send(http.MethodPost, "forum", "/t/secateurs-clean/reply", url.Values{"body": {text}})
			if r.status == http.StatusSeeOther {
				l.mu.Lock()
				kept = append(kept, reply{text, r.header.Get("Location")})
				l.mu.Unlock()
			}
			return r
		})
	}

	for _, replica := range replicas {
		l.more(t, 50)
		victim := pidOf(t, e, replica, 0)
		l.mu.Lock()
		before := len(lost)
		l.mu.Unlock()
		killed := time.Now()
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			t.Fatalf("killing %s: %v", replica, err)
		}
		eventually(t, replica+" is dead", func() bool { return gone(victim) })
		dead := time.Now()
		pidOf(t, e, replica, victim)
		eventually(t, replica+" serves again", func() bool {
			service, _, _ := strings.Cut(replica, "-")
			return people[3].get(service, private[service]).header.Get("X-Served-By") == replica
		})
		l.more(t, 20)
		l.mu.Lock()
		underWay := 0
		for _, r := range lost[before:] {
			// While the process dies, its listener still takes connections, so that a writer may lose one request after another.
			if r.began.Before(killed) {
				underWay++
			}
			t.Logf("lost with %s: %s", replica, r)
			if r.began.After(dead) {
				t.Errorf("a POST was lost that began after %s was dead: %s", replica, r)
			}
		}
		if underWay > writers {
			t.Errorf("%d POSTs that began before %s was killed were lost; no more than %d can have been under way", underWay, replica, writers)
		}
		l.mu.Unlock()
	}
	l.end()
	t.Logf("%d requests, %d POSTs lost, %d replies written", l.count.Load(), len(lost), len(kept))
	findAll(t, people[0], kept)
}

// maxReplies is how many replies the forum takes from a person in ten minutes.
const maxReplies = 60

// reply is one that the forum said it has posted.
type reply struct{ text, at string }

// findAll looks every reply up where the forum said that it is.
func findAll(t *testing.T, p *person, kept []reply) {
	t.Helper()
	p.browser.CheckRedirect = nil
	pages := map[string]string{} // a page holds many of them
	for _, k := range kept {
		at, _, _ := strings.Cut(k.at, "#")
		page, known := pages[at]
		if !known {
			r := p.get("forum", at)
			if r.status != http.StatusOK {
				t.Fatalf("%s", r)
			}
			page = r.page
			pages[at] = page
		}
		if n := strings.Count(page, k.text); n != 1 {
			t.Errorf("%q is there %d times, want once (%s)", k.text, n, k.at)
		}
	}
}
