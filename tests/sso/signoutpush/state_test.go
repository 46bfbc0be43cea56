package signoutpush_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/tests/env"
)

func TestState_OfWhoIsSignedIn(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{})
	now := a.clock.Now()
	got := body(t, a.ask(t, http.MethodGet, signoutpush.StatePath, a.signIn(t, "alice", "sid-1")))
	page := a.Page("alice", "sid-1", now)
	if got["signed_in"] != true || got["person"] != page.Person || got["sign_in"] != page.SignIn || got["ticket"] == "" {
		t.Errorf("%v, and the page has %+v", got, page)
	}
	for _, other := range []signoutpush.Page{a.Page("bob", "sid-1", now), a.Page("alice", "sid-2", now), a.Page("alice", "", now), a.Page("bob", "", now)} {
		if other.Person == page.Person && other.SignIn == page.SignIn {
			t.Errorf("%+v is taken for %+v", other, page)
		}
	}
	for _, told := range []string{page.Ticket, page.Person, page.SignIn} {
		if strings.Contains(told, "alice") || strings.Contains(told, "sid-1") {
			t.Errorf("the page tells %q", told)
		}
	}
}

// A laptop slept while its person was banned: the session is gone, and the page's ticket still tells why.
func TestState_TicketTellsWhy(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		log, mirror := newDenylist(t, rdb)
		a := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: mirror}})
		sibling := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: mirror}}) // another replica
		cookie := a.signIn(t, "alice", "sid-1")
		ticket := a.Page("alice", "sid-1", a.clock.Now()).Ticket
		_, err := log.Write(t.Context(), denylist.Entry{
			Kind: denylist.SignIn, Value: "sid-1", Until: time.Now().Add(time.Hour), Reason: denylist.TokenReplay, At: time.Now(),
		})
		check(t, err)
		until(t, func() bool { return mirror.Check("alice", "sid-1", "", time.Now()) != nil })
		want := "A sign-in token was used twice, so we signed you out to protect your account"
		if got := body(t, a.ask(t, http.MethodGet, signoutpush.StatePath, cookie)); got["signed_in"] != false || got["text"] != want {
			t.Errorf("with the session: %v", got)
		}
		if _, err := a.sessions.EndSignIns(t.Context(), "sid-1"); err != nil {
			t.Fatal(err)
		}
		got := body(t, sibling.ask(t, http.MethodGet, signoutpush.StatePath, cookie, "Live-Ticket", ticket))
		if got["signed_in"] != false || got["text"] != want || got["again"] != true {
			t.Errorf("with the ticket: %v", got)
		}
		if _, told := got["person"]; told {
			t.Errorf("a ticket tells whose it is: %v", got)
		}
		// Signed in again, the page's old sign-in does not matter.
		if got := body(t, a.ask(t, http.MethodGet, signoutpush.StatePath, a.signIn(t, "alice", "sid-2"), "Live-Ticket", ticket)); got["signed_in"] != true {
			t.Errorf("signed in again: %v", got)
		}
	})
}

func TestState_TicketsOfOthersTellNothing(t *testing.T) {
	rdb := env.MiniRedis(t)
	log, mirror := newDenylist(t, rdb)
	a := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: mirror}})
	forged := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: mirror, Keys: [][]byte{[]byte("another secret of tickets")}}})
	_, err := log.Write(t.Context(), denylist.Entry{
		Kind: denylist.Subject, Value: "alice", Before: time.Now().Add(time.Hour), Until: time.Now().Add(time.Hour), Reason: denylist.Banned, At: time.Now(),
	})
	check(t, err)
	ours := a.Page("alice", "sid-1", time.Now()).Ticket
	for name, ticket := range map[string]string{
		"none": "", "forged": forged.Page("alice", "sid-1", time.Now()).Ticket, "cut": ours[:len(ours)-4], "longer": ours + "AAAA",
		"changed": "A" + ours[1:] + "B", "words": "not a ticket", "enormous": strings.Repeat("A", 100_000), "short": "AA", "html": "<b>",
	} {
		if len(ticket) > 8<<10 { // the server does not read such a header
			ticket = ticket[:8<<10]
		}
		got := body(t, a.ask(t, http.MethodGet, signoutpush.StatePath, nil, "Live-Ticket", ticket))
		if got["signed_in"] != false || got["text"] != nil || got["reason"] != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := body(t, a.ask(t, http.MethodGet, signoutpush.StatePath, nil, "Live-Ticket", ours)); got["reason"] != denylist.Banned {
		t.Errorf("ours: %v", got)
	}
}

func TestWords_OfEveryReason(t *testing.T) {
	for _, c := range []struct {
		reason, client, want string
		again                bool
	}{
		{denylist.SignedOut, "forum", "You signed out in Forum", true},
		{denylist.SignedOut, "shop", "You signed out in another tab", true},
		{denylist.SignedOut, "stranger", "You signed out in another app", true},
		{denylist.SignedOut, "", "You signed out in another app", true},
		{denylist.EndedElsewhere, "portal", "You signed out this browser from another device", true},
		{denylist.Everywhere, "portal", "You signed out everywhere", true},
		{denylist.PasswordChanged, "portal", "Your password was changed on another device", true},
		{denylist.RolesChanged, "portal", "Your roles were changed. Please sign in again.", true},
		{denylist.Banned, "portal", "Your account was banned by an administrator", false},
		{denylist.EndedByAdmin, "portal", "An administrator signed you out", true},
		{denylist.AccountDeleted, "portal", "Your account was deleted", false},
		{denylist.TokenReplay, "shop", "A sign-in token was used twice, so we signed you out to protect your account", true},
		{denylist.TooMany, "portal", "You were signed out because you're signed in on too many browsers", true},
		{denylist.Replaced, "portal", "You were signed out by another sign-in in this browser", true},
		{denylist.ProviderLogout, "", "Your identity provider signed you out", true},
		{denylist.TokenRevoked, "shop", "You have been signed out", true},
		{"something new", "shop", "You have been signed out", true},
		{"", "", "You have been signed out", true},
	} {
		rdb := env.MiniRedis(t)
		log, mirror := newDenylist(t, rdb)
		a := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: mirror}})
		_, err := log.Write(t.Context(), denylist.Entry{
			Kind: denylist.SignIn, Value: "sid", Until: time.Now().Add(time.Hour), Reason: c.reason, Client: c.client,
			Note: "what admins write is for admins", At: time.Now(),
		})
		check(t, err)
		res := a.ask(t, http.MethodGet, signoutpush.StatePath, nil, "Live-Ticket", a.Page("alice", "sid", time.Now()).Ticket)
		if got := body(t, res); got["text"] != c.want || got["again"] != c.again || strings.Contains(got["text"].(string), "admins write") {
			t.Errorf("%s in %q: %v", c.reason, c.client, got)
		}
	}
}
