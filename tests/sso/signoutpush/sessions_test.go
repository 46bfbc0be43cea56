package signoutpush_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/tests/env"
)

// An app with a Redis of its own hears of sign-outs by back channel only, which ends its sessions.
func TestSessions_TellWhenNoneIsLeft(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		a := newApp(t, rdb, setup{})
		told, left, other := a.listen(t, a.signIn(t, "alice", "told")), a.listen(t, a.signIn(t, "alice", "left")), a.listen(t, a.signIn(t, "alice", "other"))
		if _, err := a.sessions.EndSignIns(t.Context(), "told"); err != nil {
			t.Fatal(err)
		}
		told.hears(t, "hello")
		if out := told.hears(t, "out", "beat"); out.text() != "Your identity provider signed you out" {
			t.Errorf("by the provider: %v", out.data)
		}
		if _, err := a.sessions.SignOutLocally(t.Context(), "left"); err != nil {
			t.Fatal(err)
		}
		left.hears(t, "hello")
		if out := left.hears(t, "out", "beat"); out.text() != "You signed out in another tab" {
			t.Errorf("here: %v", out.data)
		}
		other.hears(t, "hello")
		watcher := &signoutpush.Sessions{Store: a.sessions, Client: "shop"}
		for sid, want := range map[string]error{"told": denylist.ErrDenied, "left": denylist.ErrDenied, "other": nil, "": nil} {
			if err := watcher.Check("alice", sid, "", time.Now()); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%q: %v, want %v", sid, err, want)
			}
		}
		until(t, func() bool { return a.Streams() == 1 })
		a.clock.Add(time.Second)
		if _, err := a.sessions.EndSubject(t.Context(), "alice"); err != nil { // a logout token without a sid
			t.Fatal(err)
		}
		if out := other.hears(t, "out", "beat"); out.text() != "Your identity provider signed you out" {
			t.Errorf("all of the person: %v", out.data)
		}
		a.clock.Add(time.Second)
		again := a.listen(t, a.signIn(t, "alice", "again"))
		again.hears(t, "hello")
	})
}

func TestSessions_AwayIsNotOver(t *testing.T) {
	a := newApp(t, nowhere(t), setup{})
	watcher := &signoutpush.Sessions{Store: a.sessions, Client: "shop", Interval: time.Millisecond}
	if err := watcher.Check("alice", "sid", "", time.Now()); err == nil || errors.Is(err, denylist.ErrDenied) {
		t.Errorf("Check: %v", err)
	}
	if e, over := watcher.Why(t.Context(), "alice", "sid", "", time.Now()); over {
		t.Errorf("Why: %v", e)
	}
}
