package session_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
)

// auth_time counts whole seconds: who signs in again in the second in which everything of theirs was ended is not told
// that this sign-in is over, too.
func TestStore_EndReasonInTheSameSecond(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		c := newClock()
		c.Forward(400 * time.Millisecond)
		s := open(t, rdb, session.Options{Now: c.Now})
		if _, err := s.EndSubject(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		second := c.Now().Truncate(time.Second)
		for at, want := range map[time.Time]session.EndReason{second: session.Unknown, second.Add(-time.Second): session.Ended} {
			if reason, err := s.EndReason(t.Context(), nil, "alice", "", at); reason != want || err != nil {
				t.Errorf("authenticated at %v: %q, %v, want %q", at, reason, err, want)
			}
		}
	})
}
