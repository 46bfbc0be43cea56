package backchannel_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

func TestNew_RefusesMissingDependencies(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		for name, without := range map[string]func(*backchannel.Deps){
			"records": func(d *backchannel.Deps) { d.Records = nil },
			"tokens":  func(d *backchannel.Deps) { d.Tokens = nil },
			"client":  func(d *backchannel.Deps) { d.HTTPClient = nil },
			"clock":   func(d *backchannel.Deps) { d.Now = nil },
			"logger":  func(d *backchannel.Deps) { d.Logger = nil },
		} {
			d := backchannel.Deps{Records: e.store, Tokens: e, HTTPClient: http.DefaultClient, Now: e.clock, Logger: slog.New(slog.DiscardHandler)}
			without(&d)
			if _, err := backchannel.New(d); err == nil {
				t.Errorf("without %s it was made", name)
			}
		}
	})
}

func TestDeliver_SaysWhatBecameOfEachClient(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		s := e.sender()
		s.SetDeliveryTimeout(3 * time.Second)
		cases := []struct {
			id   string
			act  http.HandlerFunc
			says string
		}{
			{"good", nil, ""},
			{"empty", status(http.StatusNoContent), ""},
			{"endless", func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
			}, ""},
			{"broken", status(http.StatusInternalServerError), "The app answered 500 Internal Server Error."},
			{"refusing", status(http.StatusBadRequest), "The app answered 400 Bad Request."},
			{"created", status(http.StatusCreated), "The app answered 201 Created."},
			{"moved", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}, "The app answered with a redirect (307), which we don't follow."},
			{"hanging", e.hang, "The app didn't respond within 2s."},
			{"breaking off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "The app's server couldn't be reached."},
			{"shouting", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Long", strings.Repeat("x", 200_000))
			}, "The app's server couldn't be reached."},
		}
		var notices []store.Notice
		for _, c := range cases {
			storetest.Register(t, e.store, c.id, e.server.URL+"/"+url.PathEscape(c.id))
			e.behave(c.id, c.act)
			notices = append(notices, e.fresh(c.id, c.id)...)
			notices[len(notices)-1].URI = "http://127.0.0.1:1/of/the/notice" // never used: the registered one is
		}
		results := s.Deliver(t.Context(), notices)
		if len(results) != len(cases) {
			t.Fatalf("%d results: %+v", len(results), results)
		}
		for i, c := range cases {
			r := results[i]
			if r.ClientID != c.id || r.Name != "The "+c.id || r.Delivered != (c.says == "") || r.Err != c.says ||
				r.Retrying() != (c.says != "") || r.GivenUp || r.Took <= 0 {
				t.Errorf("%+v, want %q", r, c.says)
			}
			stored := e.count(`client_id = ? AND last_error = ? AND took_ms >= 0 AND tried_at = ? AND attempts = 1 AND given_up_at IS NULL
				AND (delivered_at IS NOT NULL) = (last_error = '')`, c.id, c.says, e.clock().UnixMilli())
			if stored != 1 {
				t.Errorf("%s: the outbox says something else", c.id)
			}
		}
		if got := e.tokens("elsewhere"); len(got) != 0 {
			t.Error("a redirect was followed")
		}
	})
}

func TestDeliver_NothingToTell(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		if got := e.sender().Deliver(t.Context(), nil); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// One result for a client that is owed several notices, and all of them heard though they are more than leave at once.
func TestDeliver_ManySignInsOfOneClient(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.PostFormValue("logout_token"), "s-3 ") {
				w.WriteHeader(http.StatusBadGateway)
			}
		})
		e.client("forum", nil)
		notices := append(e.fresh("shop", "s-0", "s-1", "s-2"), e.fresh("forum", sids("f", 3*backchannel.MaxPerClient)...)...)
		s := e.sender()
		got := s.Deliver(t.Context(), notices)
		if len(got) != 2 || !got[0].Delivered || !got[1].Delivered {
			t.Fatalf("%+v", got)
		}
		if n := len(e.tokens("forum")); n != 3*backchannel.MaxPerClient {
			t.Errorf("forum heard %d", n)
		}
		if _, most := e.underWay("forum"); most > backchannel.MaxPerClient {
			t.Errorf("%d at once", most)
		}
		got = s.Deliver(t.Context(), e.fresh("shop", "s-3"))
		if len(got) != 1 || got[0].Delivered || !got[0].Retrying() || got[0].Err != "The app answered 502 Bad Gateway." {
			t.Errorf("%+v", got)
		}
	})
}

// A client that hung the last time holds up no sign-out: nobody waits for it.
func TestDeliver_DoesNotWaitForOneThatFailed(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("bad", status(http.StatusInternalServerError))
		e.client("good", nil)
		s := e.sender()
		s.SetDeliveryTimeout(time.Hour) // whoever waits for it never comes back
		if got := s.Deliver(t.Context(), e.fresh("bad", "one")); got[0].Delivered {
			t.Fatalf("%+v", got)
		}
		e.behave("bad", e.hang)
		for i := range 3 {
			got := s.Deliver(t.Context(), append(e.fresh("bad", fmt.Sprintf("two-%d", i)), e.fresh("good", fmt.Sprintf("three-%d", i))...))
			if len(got) != 2 || !got[0].Retrying() || got[0].Err == "" || got[0].Took != 0 || !got[1].Delivered {
				t.Fatalf("%+v", got)
			}
		}
		if now, most := e.underWay("bad"); now != 1 || most != 1 {
			t.Errorf("%d under way, at most %d, to a client that fails; want one at a time", now, most)
		}
		// It comes to its senses, and is told of all that it is owed.
		e.behave("bad", nil)
		e.release()
		e.until("bad is well", func() bool { now, _ := e.underWay("bad"); return now == 0 })
		e.advance(backchannel.HandoverTimeout + time.Minute)
		e.until("bad has heard all", func() bool { e.flush(s); return e.count(`delivered_at IS NULL`) == 0 })
	})
}

// Of a client that failed, several notices go one by one, and all of them once it answers.
func TestDeliver_OneThatFailedIsTriedOnceForAll(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", status(http.StatusServiceUnavailable))
		s := e.sender()
		s.SetFailingTimeout(time.Minute)
		s.Deliver(t.Context(), e.fresh("shop", "first"))
		if got := s.Deliver(t.Context(), e.fresh("shop", sids("second", 5)...)); got[0].Delivered || len(e.tokens("shop")) != 2 {
			t.Errorf("%+v after %q", got, e.tokens("shop"))
		}
		e.behave("shop", nil)
		if got := s.Deliver(t.Context(), e.fresh("shop", sids("third", 5)...)); !got[0].Delivered || len(e.tokens("shop")) != 7 {
			t.Errorf("%+v after %q", got, e.tokens("shop"))
		}
	})
}

// The caller may go; what has begun is carried through and recorded.
func TestDeliver_EndsWithItsContextAndLeavesTheRest(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("slow", e.hang)
		s := e.sender()
		s.SetDeliveryTimeout(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			e.until("the client is asked", func() bool { now, _ := e.underWay("slow"); return now == backchannel.MaxPerClient })
			cancel()
		}()
		got := s.Deliver(ctx, e.fresh("slow", sids("s", backchannel.MaxPerClient+1)...))
		if len(got) != 1 || !got[0].Retrying() || got[0].Took != 0 {
			t.Fatalf("%+v", got)
		}
		e.release()
		e.until("what was under way is recorded", func() bool { return e.count(`delivered_at IS NOT NULL`) == backchannel.MaxPerClient })
		if n := len(e.tokens("slow")); n != backchannel.MaxPerClient {
			t.Errorf("%d were sent", n)
		}
		e.advance(backchannel.HandoverTimeout)
		e.flush(s)
		if n := e.count(`delivered_at IS NULL`); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

func TestDeliver_AddressesThatChangedOrVanished(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		ctx := t.Context()
		for _, id := range []string{"moved", "mute", "gone"} {
			e.client(id, nil)
		}
		notices := append(append(e.fresh("moved", "a"), e.fresh("mute", "b")...), e.fresh("gone", "c")...)
		claimed := append(append(e.owe("moved", "d"), e.owe("mute", "e")...), e.owe("gone", "f")...)
		storetest.Register(t, e.store, "moved", e.server.URL+"/new-address")
		storetest.Register(t, e.store, "mute", "")
		if _, err := e.db.ExecContext(ctx, `DELETE FROM clients WHERE id = 'gone'`); err != nil {
			t.Fatal(err)
		}
		s := e.sender()
		got := s.Deliver(ctx, notices)
		e.flush(s)
		if len(got) != 3 || !got[0].Delivered || got[1].Delivered || !got[1].GivenUp || got[2].Delivered || !got[2].GivenUp || got[2].Name != "gone" {
			t.Fatalf("%+v", got)
		}
		const why = "The app no longer has a back-channel logout address."
		if got[1].Err != why || got[2].Err != why || e.count(`given_up_at IS NOT NULL AND last_error = ?`, why) != 4 {
			t.Errorf("%+v", got)
		}
		if sent := e.tokens("new-address"); len(sent) != 2 {
			t.Errorf("the new address heard %q", sent)
		}
		for _, old := range []string{"moved", "mute", "gone"} {
			if sent := e.tokens(old); len(sent) != 0 {
				t.Errorf("%q went to the address of before, %s", sent, old)
			}
		}
		// Registered anew, an admin sends it again.
		storetest.Register(t, e.store, "mute", e.server.URL+"/mute")
		if err := e.store.Apply(ctx, store.ResendNotice(claimed[1].ID, e.clock())); err != nil {
			t.Fatal(err)
		}
		e.flush(s)
		if sent := e.tokens("mute"); len(sent) != 1 || sent[0] != "e" {
			t.Errorf("sent again: %q", sent)
		}
	})
}

func TestDeliver_NoTokenCanBeSigned(t *testing.T) {
	each(t, func(t *testing.T, e *estate) {
		e.client("shop", nil)
		e.refused = true
		got := e.sender().Deliver(t.Context(), e.fresh("shop", "a"))
		if len(got) != 1 || !got[0].Retrying() || got[0].Err != "The portal couldn't sign a logout token." || len(e.tokens("shop")) != 0 {
			t.Errorf("%+v", got)
		}
	})
}
