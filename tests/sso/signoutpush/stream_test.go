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

func TestStream_TellsWhatEndedTheSignIn(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		log, mirror := newDenylist(t, rdb)
		a := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: mirror}})
		alice, bob := a.listen(t, a.signIn(t, "alice", "sid-1")), a.listen(t, a.signIn(t, "bob", "sid-2"))
		hello := alice.hears(t, "hello")
		if hello.data["person"] == "" || hello.data["person"] == bob.hears(t, "hello").data["person"] {
			t.Errorf("hello %v", hello.data)
		}
		entries := []denylist.Entry{
			{Kind: denylist.Subject, Value: "alice", Before: a.clock.Now().Add(time.Minute), Until: a.clock.Now().Add(time.Hour), Reason: denylist.Banned, At: a.clock.Now()},
			{Kind: denylist.SignIn, Value: "sid-2", Until: a.clock.Now().Add(time.Hour), Reason: denylist.SignedOut, Client: "forum", At: a.clock.Now()},
		}
		for i, want := range []struct {
			tab   *tab
			text  string
			again bool
		}{{alice, "Your account was banned by an administrator", false}, {bob, "You signed out in Forum", true}} {
			_, err := log.Write(t.Context(), entries[i])
			check(t, err)
			out := want.tab.hears(t, "out", "beat")
			if out.text() != want.text || out.data["again"] != want.again {
				t.Errorf("out: %v", out.data)
			}
			if i == 0 && out.data["sign_in"] != hello.data["sign_in"] {
				t.Errorf("out of %v after hello of %v", out.data["sign_in"], hello.data["sign_in"])
			}
			want.tab.hears(t, "")
		}
		until(t, func() bool { return a.Streams() == 0 })
	})
}

func TestStream_OverBeforeItBegan(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		log, mirror := newDenylist(t, rdb)
		a := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: mirror}})
		cookie := a.signIn(t, "alice", "sid-1")
		_, err := log.Write(t.Context(), denylist.Entry{
			Kind: denylist.SignIn, Value: "sid-1", Until: time.Now().Add(time.Hour), Reason: denylist.EndedByAdmin, At: time.Now(),
		})
		check(t, err)
		until(t, func() bool { return mirror.Check("alice", "sid-1", "", time.Now()) != nil })
		if out := a.listen(t, cookie).hears(t, "out"); out.text() != "An administrator signed you out" {
			t.Errorf("out: %v", out.data)
		}
	})
}

func TestStream_WhoMayListen(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{})
	alice := a.signIn(t, "alice", "sid-1")
	for name, c := range map[string]struct {
		cookie *http.Cookie
		site   string
		want   int
	}{
		"a guest":          {nil, "same-origin", http.StatusNoContent},
		"an unknown id":    {&http.Cookie{Name: alice.Name, Value: strings.Repeat("A", len(alice.Value))}, "same-origin", http.StatusNoContent},
		"another site":     {alice, "cross-site", http.StatusForbidden},
		"a sibling's page": {alice, "same-site", http.StatusForbidden},
	} {
		for _, path := range []string{signoutpush.StreamPath, signoutpush.StatePath} {
			want := c.want
			if path == signoutpush.StatePath && want == http.StatusNoContent {
				want = http.StatusOK
			}
			if res := a.ask(t, http.MethodGet, path, c.cookie, "Sec-Fetch-Site", c.site); res.StatusCode != want {
				t.Errorf("%s, %s: %s, want %d", path, name, res.Status, want)
			}
		}
	}
}

func TestStream_NobodyKnows(t *testing.T) {
	rdb := env.MiniRedis(t)
	stale := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: fixed{denylist.ErrStale}}})
	away := newApp(t, nowhere(t), setup{})
	cookie := stale.signIn(t, "alice", "sid-1")
	for name, a := range map[string]*app{"stale": stale, "Redis away": away} {
		for _, path := range []string{signoutpush.StreamPath, signoutpush.StatePath} {
			res := a.ask(t, http.MethodGet, path, cookie)
			if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || len(res.Cookies()) != 0 {
				t.Errorf("%s, %s: %s, Retry-After %q, cookies %v", name, path, res.Status, res.Header.Get("Retry-After"), res.Cookies())
			}
		}
	}
}

func TestStream_IsBounded(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{Options: signoutpush.Options{MaxPerUser: 2, MaxPerReplica: 3}})
	alice, bob := a.signIn(t, "alice", "sid-1"), a.signIn(t, "bob", "sid-2")
	first := a.listen(t, alice)
	a.listen(t, alice)
	refused := func(who *http.Cookie) {
		t.Helper()
		if res := a.ask(t, http.MethodGet, signoutpush.StreamPath, who); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("one too many: %s", res.Status)
		}
	}
	refused(alice)
	a.listen(t, bob)
	refused(bob)
	if n := a.Streams(); n != 3 {
		t.Errorf("%d streams", n)
	}
	_ = first.Body.Close()
	until(t, func() bool { return a.Streams() == 2 })
	a.listen(t, bob)
}

func TestStream_OutlivesTheServersDeadlines(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{
		Options: signoutpush.Options{BeatInterval: 20 * time.Millisecond},
		server:  func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond },
	})
	l := a.listen(t, a.signIn(t, "alice", "sid-1"))
	l.hears(t, "hello")
	for range 15 { // about 300 ms
		l.hears(t, "beat")
	}
}

func TestStream_EndsAfterAWhileAndComesBack(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{Options: signoutpush.Options{StreamTimeout: 30 * time.Millisecond}})
	cookie := a.signIn(t, "alice", "sid-1")
	for range 3 {
		l := a.listen(t, cookie)
		l.hears(t, "hello")
		bye := l.hears(t, "bye")
		if pause, ok := bye.data["pause"].(float64); !ok || pause <= 0 || pause > 10_000 {
			t.Errorf("bye: %v", bye.data)
		}
		l.hears(t, "")
	}
}

func TestStream_PausesDiffer(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{Options: signoutpush.Options{MaxPerUser: 50}})
	cookie := a.signIn(t, "alice", "sid-1")
	pauses := map[any]bool{}
	for range 50 {
		pauses[a.listen(t, cookie).hears(t, "hello").data["pause"]] = true
	}
	if len(pauses) < 10 {
		t.Errorf("fifty tabs would come back after only %d different pauses", len(pauses))
	}
}

// A server that shuts down waits for requests under way, and streams do not keep it.
func TestStream_EndsWithTheServer(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{})
	l := a.listen(t, a.signIn(t, "alice", "sid-1"))
	l.hears(t, "hello")
	done := make(chan error, 1)
	go func() { done <- a.Config.Shutdown(t.Context()) }() // no deadline but the test's
	l.hears(t, "bye")
	l.hears(t, "")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStream_IsNoSignOfLife(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		a := newApp(t, rdb, setup{Options: signoutpush.Options{Watcher: fixed{}, BeatInterval: 10 * time.Millisecond}})
		cookie := a.signIn(t, "alice", "sid-1")
		for range 3 { // a session is idle after an hour
			l := a.listen(t, cookie)
			l.hears(t, "hello")
			l.hears(t, "beat")
			_ = l.Body.Close()
			a.ask(t, http.MethodGet, signoutpush.StatePath, cookie)
			a.clock.Add(19 * time.Minute)
		}
		l := a.listen(t, cookie)
		l.hears(t, "hello")
		a.clock.Add(4 * time.Minute)
		if out := l.hears(t, "out", "beat"); out.text() != "Your session has expired" || out.data["again"] != true {
			t.Errorf("out: %v", out.data)
		}
	})
}

// Sessions that went with a Redis which lost everything are not told as a sign-out: the person may still be signed in.
func TestStream_ALostSessionIsNoSignOut(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		a := newApp(t, rdb, setup{Options: signoutpush.Options{BeatInterval: 10 * time.Millisecond}})
		cookie, ticket := a.signIn(t, "alice", "sid-1"), a.Page("alice", "sid-1", a.clock.Now()).Ticket
		l := a.listen(t, cookie)
		l.hears(t, "hello")
		keys, err := rdb.Keys(t.Context(), "*").Result()
		check(t, err)
		for _, key := range keys {
			check(t, rdb.Del(t.Context(), key).Err())
		}
		l.hears(t, "bye", "beat")
		l.hears(t, "")
		got := body(t, a.ask(t, http.MethodGet, signoutpush.StatePath, cookie, "Live-Ticket", ticket))
		if got["signed_in"] != false || got["reason"] != nil || got["text"] != nil {
			t.Errorf("%v", got)
		}
	})
}

func TestStream_HeadEnds(t *testing.T) {
	a := newApp(t, env.MiniRedis(t), setup{})
	res := a.ask(t, http.MethodHead, signoutpush.StreamPath, a.signIn(t, "alice", "sid-1"))
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s, %v", res.Status, res.Header)
	}
	until(t, func() bool { return a.Streams() == 0 })
}
