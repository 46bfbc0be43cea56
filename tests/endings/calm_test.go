//go:build unix

package endings_test

import (
	"net/http"
	"testing"
	"time"
)

// TestHouse_SignOutCountsOnEveryReplica: the bank hears of sign-outs by the denylist alone.
func TestHouse_SignOutCountsOnEveryReplica(t *testing.T) {
	t.Parallel()
	h := newHouse(t, time.Second, 2, 3)
	alice, bob := h.browser(), h.browser()
	alice.mustSignIn("alice")
	bob.mustSignIn("bob")
	var token string
	h.eventually("there is an access token", func() bool {
		token, _ = alice.token(h.banks[0])
		return token != ""
	})
	for _, bank := range h.banks {
		if r := h.settled(func() result { return alice.vault(bank) }, "bank"); r.status != http.StatusOK || r.body != "demo-alice" {
			t.Fatalf("%s: %s", bank.name, r)
		}
		if r := h.settled(func() result { return h.api(bank, token) }, "bank"); r.status != http.StatusOK || r.body != "demo-alice" {
			t.Fatalf("%s: %s", bank.name, r)
		}
	}
	stolen := alice.steal()
	if r := h.settled(func() result { return alice.signOut(h.banks[1]) }, "bank"); r.status != http.StatusOK {
		t.Fatalf("sign-out: %s", r)
	}
	for _, bank := range h.banks {
		if r := h.settled(func() result { return stolen.vault(bank) }, "bank"); r.status != http.StatusFound {
			t.Errorf("%s lets the old cookie in: %s", bank.name, r)
		}
		if r := h.settled(func() result { return h.api(bank, token) }, "bank"); r.status != http.StatusUnauthorized {
			t.Errorf("%s lets the old token in: %s", bank.name, r)
		}
		if r := h.settled(func() result { return bob.vault(bank) }, "bank"); r.status != http.StatusOK {
			t.Errorf("%s: somebody else: %s", bank.name, r)
		}
	}
}
