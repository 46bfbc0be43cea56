package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) Forward(d time.Duration) { c.now = c.now.Add(d) }

func open(t *testing.T, rdb redis.UniversalClient, o session.Options) *session.Store {
	t.Helper()
	o.Service = "shop"
	if o.Keys == nil {
		o.Keys = [][]byte{[]byte("a key of thirty-two random bytes")}
	}
	s, err := session.New(rdb, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var alice = session.Record{Subject: "alice", SID: "sid-1", Name: "Alice", Email: "alice@example.com", Roles: []string{"customer"}}

// browser keeps the one cookie that matters.
type browser struct{ cookie *http.Cookie }

func (b *browser) request(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	return r
}

func (b *browser) take(w *httptest.ResponseRecorder) {
	for _, k := range w.Result().Cookies() {
		b.cookie = k
	}
}

func (b *browser) signIn(t *testing.T, s *session.Store, rec session.Record) {
	t.Helper()
	w := httptest.NewRecorder()
	if _, err := s.Start(t.Context(), w, b.request(t), rec); err != nil {
		t.Fatal(err)
	}
	b.take(w)
}

func (b *browser) who(t *testing.T, s *session.Store) string {
	t.Helper()
	rec, err := s.Load(b.request(t))
	if err != nil {
		t.Fatal(err)
	}
	if rec == nil {
		return ""
	}
	return rec.Subject
}

func TestStore_AnyReplicaKnowsASession(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		one, two := open(t, rdb, session.Options{}), open(t, rdb, session.Options{})
		var b browser
		if got := b.who(t, one); got != "" {
			t.Fatalf("a guest is %q", got)
		}
		b.signIn(t, one, alice)
		rec, err := two.Load(b.request(t))
		if err != nil || rec == nil {
			t.Fatalf("Load = %v, %v", rec, err)
		}
		if rec.Subject != "alice" || rec.SID != "sid-1" || rec.Name != "Alice" || rec.Email != "alice@example.com" || len(rec.Roles) != 1 {
			t.Errorf("the record came back as %+v", rec)
		}
	})
}

func TestStore_CookiePolicy(t *testing.T) {
	for secure, name := range map[bool]string{false: "shop_session", true: "__Host-shop_session"} {
		s := open(t, env.MiniRedis(t), session.Options{Secure: secure})
		var b browser
		b.signIn(t, s, alice)
		k := b.cookie
		if k.Name != name || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Secure != secure || k.Path != "/" || k.Domain != "" || k.MaxAge != 0 {
			t.Errorf("secure=%v: the cookie is %v", secure, k)
		}
	}
}

func TestStore_NewIDAtEverySignIn(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := open(t, rdb, session.Options{})
		var b browser
		b.signIn(t, s, alice)
		old := browser{b.cookie}
		b.signIn(t, s, alice)
		if b.cookie.Value == old.cookie.Value {
			t.Error("the second sign-in kept the id")
		}
		if got := old.who(t, s); got != "" {
			t.Errorf("the first id still opens the session of %q", got)
		}
	})
}

func TestStore_UnknownIDIsRefusedAndNeverKept(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := open(t, rdb, session.Options{})
		planted := &http.Cookie{Name: "shop_session", Value: strings.Repeat("A", 26)}
		for _, value := range []string{planted.Value, "", "x", strings.Repeat("B", 10_000), "../../etc/passwd", "\x01"} {
			b := browser{&http.Cookie{Name: "shop_session", Value: value}}
			if got := b.who(t, s); got != "" {
				t.Errorf("the made-up id %.30q is %q", value, got)
			}
		}
		victim := browser{planted}
		victim.signIn(t, s, alice)
		if attacker := (browser{planted}); attacker.who(t, s) != "" {
			t.Error("session fixation: the planted id opens the session")
		}
	})
}

func TestStore_RedisNeverSeesAnID(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := open(t, rdb, session.Options{})
		var b browser
		b.signIn(t, s, alice)
		keys, err := rdb.Keys(t.Context(), "*").Result()
		if err != nil || len(keys) == 0 {
			t.Fatalf("Keys = %v, %v", keys, err)
		}
		for _, k := range keys {
			value := rdb.Dump(t.Context(), k).Val() + rdb.Get(t.Context(), k).Val() + strings.Join(rdb.ZRange(t.Context(), k, 0, -1).Val(), " ")
			if strings.Contains(k+value, b.cookie.Value) {
				t.Errorf("the id stands in clear in %s", k)
			}
		}
	})
}

func TestStore_Lifetimes(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		c := newClock()
		s := open(t, rdb, session.Options{Idle: time.Hour, Absolute: 3 * time.Hour, Now: c.Now})
		var used, unused browser
		used.signIn(t, s, alice)
		unused.signIn(t, s, session.Record{Subject: "bob", SID: "sid-2"})
		for range 5 {
			c.Forward(30 * time.Minute)
			if used.who(t, s) != "alice" {
				t.Fatal("a session in use ended before its absolute end")
			}
		}
		if unused.who(t, s) != "" {
			t.Error("a session lived on after its idle time")
		}
		c.Forward(30 * time.Minute)
		if used.who(t, s) != "" {
			t.Error("a session lived on after its absolute end")
		}
	})
}

func TestStore_ListsForgetSessionsThatAreOver(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		c := newClock()
		s := open(t, rdb, session.Options{Idle: time.Hour, Absolute: 24 * time.Hour, Now: c.Now})
		for range 100 { // somebody who closes the browser each evening
			var b browser
			b.signIn(t, s, alice)
			c.Forward(12 * time.Hour)
		}
		keys, err := rdb.Keys(t.Context(), "*:of-*").Result()
		if err != nil || len(keys) == 0 {
			t.Fatalf("Keys = %v, %v", keys, err)
		}
		for _, k := range keys {
			if n := rdb.ZCard(t.Context(), k).Val(); n > 3 {
				t.Errorf("%s lists %d sessions", k, n)
			}
		}
	})
}

func TestStore_EndSignInsReachesAllReplicasAndNoOther(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		one, two := open(t, rdb, session.Options{}), open(t, rdb, session.Options{})
		var laptop, tablet, phone browser
		laptop.signIn(t, one, alice)
		tablet.signIn(t, two, alice) // the same sid, say after the app's cookie was lost
		other := alice
		other.SID = "sid-other"
		phone.signIn(t, one, other)
		if n, err := two.EndSignIns(t.Context(), "sid-1"); n != 2 || err != nil {
			t.Errorf("EndSignIns = %d, %v, want 2", n, err)
		}
		if laptop.who(t, one) != "" || tablet.who(t, two) != "" {
			t.Error("a session of the ended sign-in lives on")
		}
		if phone.who(t, two) != "alice" {
			t.Error("another sign-in of the same person was ended, too")
		}
		if n, err := one.EndSubject(t.Context(), "alice"); n != 1 || err != nil {
			t.Errorf("EndSubject = %d, %v, want 1", n, err)
		}
		if phone.who(t, two) != "" {
			t.Error("EndSubject left a session")
		}
	})
}

func TestStore_EndedStaysEnded(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		c := newClock()
		s := open(t, rdb, session.Options{Idle: time.Hour, Now: c.Now})
		var b browser
		b.signIn(t, s, alice)

		// A request that is under way while the session ends must not bring it back.
		err := s.Update(b.request(t), func(r *session.Record) {
			if _, err := s.EndSignIns(t.Context(), "sid-1"); err != nil {
				t.Fatal(err)
			}
			r.Name = "Back again"
		})
		if err != nil {
			t.Fatal(err)
		}
		if b.who(t, s) != "" {
			t.Error("the session came back from the dead")
		}

		// Nor may one begin that belongs to a sign-in which is over.
		_, err = s.Start(t.Context(), httptest.NewRecorder(), (&browser{}).request(t), alice)
		if !errors.Is(err, session.ErrEnded) {
			t.Errorf("Start of an ended sign-in = %v, want ErrEnded", err)
		}
		if keys := rdb.Keys(t.Context(), "gatehouse:shop:session:*").Val(); len(keys) != 0 {
			t.Errorf("sessions are left: %v", keys)
		}
	})
}

func TestStore_SignOutLocallyLetsTheSignInComeBack(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := open(t, rdb, session.Options{})
		var b browser
		b.signIn(t, s, alice)
		if _, err := s.SignOutLocally(t.Context(), "sid-1"); err != nil {
			t.Fatal(err)
		}
		if b.who(t, s) != "" {
			t.Error("SignOutLocally left the session")
		}
		b.signIn(t, s, alice)
		if b.who(t, s) != "alice" {
			t.Error("the sign-in could not come back")
		}
	})
}

func TestStore_EndTakesTheCookieAway(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := open(t, rdb, session.Options{})
		var b browser
		b.signIn(t, s, alice)
		kept := browser{b.cookie}
		w := httptest.NewRecorder()
		if err := s.End(t.Context(), w, b.request(t)); err != nil {
			t.Fatal(err)
		}
		b.take(w)
		if b.cookie.Value != "" || b.cookie.MaxAge >= 0 {
			t.Errorf("the cookie stayed: %v", b.cookie)
		}
		if kept.who(t, s) != "" {
			t.Error("a kept cookie still opens the session")
		}
	})
}

func TestStore_ForeignDataUnderAKeyIsAGuest(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := open(t, rdb, session.Options{})
		for _, garbage := range []string{"", "hello", "\xff\xff", "{}", strings.Repeat("\x9f", 1000)} {
			var b browser
			b.signIn(t, s, alice)
			key := rdb.Keys(t.Context(), "gatehouse:shop:session:*").Val()[0]
			if err := rdb.Set(t.Context(), key, garbage, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			if got := b.who(t, s); got != "" {
				t.Errorf("%.10q under the key is %q", garbage, got)
			}
			rdb.Del(t.Context(), key)
		}
	})
}

func TestStore_RedisAwayIsNotAGuest(t *testing.T) {
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialTimeout: 100 * time.Millisecond})
	t.Cleanup(func() { _ = gone.Close() })
	s := open(t, gone, session.Options{})
	b := browser{&http.Cookie{Name: "shop_session", Value: strings.Repeat("A", 26)}}
	if _, err := s.Load(b.request(t)); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("Load = %v, want ErrUnavailable", err)
	}
	w := httptest.NewRecorder()
	if err := s.End(t.Context(), w, b.request(t)); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("End = %v, want ErrUnavailable", err)
	}
	if len(w.Result().Cookies()) != 0 {
		t.Error("the cookie was touched although Redis is away")
	}
}
