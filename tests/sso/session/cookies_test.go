package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
)

// trips counts round trips to Redis.
type trips struct{ made []string }

func (l *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		l.made = append(l.made, cmd.Name())
		return next(ctx, cmd)
	}
}

func (l *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		l.made = append(l.made, "pipeline")
		return next(ctx, cmds)
	}
}

// sending is a request with these session cookies, in this order.
func sending(t *testing.T, values ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for _, v := range values {
		r.AddCookie(&http.Cookie{Name: "shop_session", Value: v})
	}
	return r
}

func TestLoad_FindsTheSessionBehindOtherCookies(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		own := redis.NewClient(rdb.(*redis.Client).Options())
		t.Cleanup(func() { _ = own.Close() })
		var l trips
		own.AddHook(&l)
		s := open(t, own, session.Options{})
		var b browser
		b.signIn(t, s, alice)
		valid, one, two, three := b.cookie.Value, strings.Repeat("A", 26), strings.Repeat("B", 26), strings.Repeat("C", 26)
		for name, c := range map[string]struct {
			sent []string
			want string
			made []string
		}{
			"alone":                       {[]string{valid}, "alice", []string{"get"}},
			"twice":                       {[]string{valid, valid}, "alice", []string{"get"}},
			"behind an unknown one":       {[]string{one, valid}, "alice", []string{"pipeline"}},
			"before an unknown one":       {[]string{valid, one}, "alice", []string{"pipeline"}},
			"behind two unknown ones":     {[]string{one, two, valid}, "alice", []string{"pipeline"}},
			"behind a repeated one":       {[]string{one, one, one, one, valid}, "alice", []string{"pipeline"}},
			"behind malformed ones":       {[]string{"", "x", strings.Repeat("a", 26), strings.Repeat("A", 27), valid}, "alice", []string{"get"}},
			"behind three unknown ones":   {[]string{one, two, three, valid}, "", []string{"pipeline"}},
			"nothing but malformed ones":  {[]string{"x", strings.Repeat("1", 26)}, "", nil},
			"nothing but an unknown one":  {[]string{one}, "", []string{"get"}},
			"thousands of malformed ones": {append(slices.Repeat([]string{"x"}, 2000), valid), "alice", []string{"get"}},
		} {
			l.made = nil
			rec, err := s.Load(sending(t, c.sent...))
			who := ""
			if rec != nil {
				who = rec.Subject
			}
			if err != nil || who != c.want || !slices.Equal(l.made, c.made) {
				t.Errorf("%s: %q, %v, Redis was asked %q; want %q, %q", name, who, err, l.made, c.want, c.made)
			}
		}
	})
}

func TestLoad_UsesNeitherOfTwoPeoplesSessions(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := open(t, rdb, session.Options{})
		var hers, his browser
		hers.signIn(t, s, alice)
		his.signIn(t, s, session.Record{Subject: "mallory", SID: "sid-2"})
		a, m := hers.cookie.Value, his.cookie.Value
		for _, sent := range [][]string{{a, m}, {m, a}, {m, strings.Repeat("A", 26), a}} {
			if rec, err := s.Load(sending(t, sent...)); rec != nil || !errors.Is(err, session.ErrConflict) {
				t.Errorf("Load = %v, %v", rec, err)
			}
			if rec, err := s.Peek(sending(t, sent...)); rec != nil || err != nil {
				t.Errorf("Peek = %v, %v", rec, err)
			}
		}
		// A new sign-in ends both, so that it is the only one.
		w := httptest.NewRecorder()
		if _, err := s.Start(t.Context(), w, sending(t, m, a), session.Record{Subject: "alice", SID: "sid-3"}); err != nil {
			t.Fatal(err)
		}
		rec, err := s.Load(sending(t, m, a, w.Result().Cookies()[0].Value))
		if err != nil || rec == nil || rec.SID != "sid-3" {
			t.Errorf("after signing in again: %v, %v", rec, err)
		}
	})
}

func TestLoad_UsesTheNewestOfOnePersonsSessions(t *testing.T) {
	c := newClock()
	s := open(t, env.MiniRedis(t), session.Options{Now: c.Now})
	var first, second browser
	first.signIn(t, s, alice)
	c.Forward(time.Minute)
	second.signIn(t, s, session.Record{Subject: "alice", SID: "sid-2"})
	for _, sent := range [][]string{{first.cookie.Value, second.cookie.Value}, {second.cookie.Value, first.cookie.Value}} {
		if rec, err := s.Load(sending(t, sent...)); err != nil || rec == nil || rec.SID != "sid-2" {
			t.Errorf("Load = %v, %v", rec, err)
		}
	}
	if all, err := s.All(sending(t, first.cookie.Value, second.cookie.Value)); err != nil || len(all) != 2 {
		t.Errorf("All = %v, %v", all, err)
	}
	if err := s.End(t.Context(), httptest.NewRecorder(), sending(t, first.cookie.Value, second.cookie.Value)); err != nil {
		t.Fatal(err)
	}
	if first.who(t, s)+second.who(t, s) != "" {
		t.Error("a sign-out left a session of this browser")
	}
}
