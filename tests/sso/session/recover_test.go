package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
)

// elsewhere keeps sessions beside Redis, as a database would.
type elsewhere struct {
	records map[string]session.Record
	asked   int
	fails   error
}

func (e *elsewhere) recover(_ context.Context, key string) (*session.Record, error) {
	e.asked++
	rec, ok := e.records[key]
	if !ok || e.fails != nil {
		return nil, e.fails
	}
	return &rec, nil
}

func (e *elsewhere) seen(_ context.Context, key string, now time.Time) {
	rec := e.records[key]
	rec.SeenAt = now
	e.records[key] = rec
}

// begin signs in and keeps the session elsewhere, too.
func (e *elsewhere) begin(t *testing.T, s *session.Store, c *clock) (b browser, key string) {
	t.Helper()
	w := httptest.NewRecorder()
	key, err := s.Start(t.Context(), w, b.request(t), alice)
	if err != nil {
		t.Fatal(err)
	}
	b.take(w)
	rec := alice
	rec.CreatedAt, rec.SeenAt = c.Now(), c.Now()
	e.records[key] = rec
	return b, key
}

func eachRecovering(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient, s *session.Store, e *elsewhere, c *clock)) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		c, e := newClock(), &elsewhere{records: map[string]session.Record{}}
		s := open(t, rdb, session.Options{Now: c.Now, Recover: e.recover, Seen: e.seen, Idle: 8 * time.Hour, Absolute: 24 * time.Hour})
		test(t, rdb, s, e, c)
	})
}

func flush(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	if err := rdb.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestRecover_RedisThatLostItsMemorySignsNobodyOut(t *testing.T) {
	eachRecovering(t, func(t *testing.T, rdb redis.UniversalClient, s *session.Store, e *elsewhere, c *clock) {
		b, key := e.begin(t, s, c)
		if b.cookie.Value == key || len(key) < 40 {
			t.Fatalf("the key %q must not be the cookie", key)
		}
		for range 3 {
			if b.who(t, s) != "alice" {
				t.Fatal("not signed in")
			}
		}
		var guest browser
		guest.who(t, s)
		if e.asked != 0 {
			t.Errorf("asked %d times for what Redis has, or for a guest", e.asked)
		}
		flush(t, rdb)
		guest.who(t, s)
		for range 3 {
			if b.who(t, s) != "alice" {
				t.Fatal("signed out by a Redis that lost its memory")
			}
		}
		if e.asked != 1 {
			t.Errorf("asked %d times for one session", e.asked)
		}
		// The lists are back, too: its end finds it.
		delete(e.records, key)
		if n, err := s.EndSignIns(t.Context(), alice.SID); n != 1 || err != nil {
			t.Errorf("EndSignIns = %d, %v", n, err)
		}
		if b.who(t, s) != "" {
			t.Error("signed in after the end")
		}
	})
}

func TestRecover_EndedStaysEnded(t *testing.T) {
	eachRecovering(t, func(t *testing.T, rdb redis.UniversalClient, s *session.Store, e *elsewhere, c *clock) {
		b, _ := e.begin(t, s, c)
		if _, err := s.EndSignIns(t.Context(), alice.SID); err != nil {
			t.Fatal(err)
		}
		// Whoever keeps it elsewhere has not heard of the end yet.
		if b.who(t, s) != "" {
			t.Error("an ended session came back")
		}
		if b.who(t, s) != "" {
			t.Error("an ended session came back at the second try")
		}
	})
}

func TestRecover_ExpiredStaysExpired(t *testing.T) {
	eachRecovering(t, func(t *testing.T, rdb redis.UniversalClient, s *session.Store, e *elsewhere, c *clock) {
		idle, _ := e.begin(t, s, c)
		used, key := e.begin(t, s, c)
		c.Forward(7 * time.Hour)
		if used.who(t, s) != "alice" { // which is noted elsewhere, too
			t.Fatal("not signed in")
		}
		if !e.records[key].SeenAt.Equal(c.Now()) {
			t.Errorf("seen at %v", e.records[key].SeenAt)
		}
		c.Forward(2 * time.Hour)
		flush(t, rdb)
		if idle.who(t, s) != "" {
			t.Error("an idle session came back")
		}
		if used.who(t, s) != "alice" {
			t.Error("a session in use did not come back")
		}
		for range 4 {
			c.Forward(4 * time.Hour)
			used.who(t, s)
		}
		flush(t, rdb)
		if used.who(t, s) != "" {
			t.Error("a session came back that was too old")
		}
	})
}

func TestRecover_AStoreThatFailsIsNoAnswer(t *testing.T) {
	eachRecovering(t, func(t *testing.T, rdb redis.UniversalClient, s *session.Store, e *elsewhere, c *clock) {
		b, _ := e.begin(t, s, c)
		flush(t, rdb)
		e.fails = errors.New("the database is away")
		if _, err := s.Load(b.request(t)); !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, e.fails) {
			t.Errorf("Load fails with %v", err)
		}
		e.fails = nil
		if b.who(t, s) != "alice" {
			t.Error("signed out by a database that was away")
		}
	})
}

func TestRecover_MadeUpCookies(t *testing.T) {
	eachRecovering(t, func(t *testing.T, rdb redis.UniversalClient, s *session.Store, e *elsewhere, c *clock) {
		_, key := e.begin(t, s, c)
		flush(t, rdb)
		for _, value := range []string{"", "x", key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
			b := browser{cookie: &http.Cookie{Name: "shop_session", Value: value}}
			if got := b.who(t, s); got != "" {
				t.Errorf("cookie %q is %s", value, got)
			}
		}
		if e.asked != 1 {
			t.Errorf("asked %d times; only one of them could be a session's", e.asked)
		}
	})
}
