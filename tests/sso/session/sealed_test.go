package session_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/session"
	"gatehouse.example/tests/env"
)

var oldKey, newKey = []byte("an older key of thirty-two bytes"), []byte("a newer key, of thirty-two bytes")

func newStore(t *testing.T, rdb redis.UniversalClient, service string, keys ...[]byte) *session.Store {
	t.Helper()
	s, err := session.New(rdb, session.Options{Service: service, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// onlyKey is the one key in Redis that matches.
func onlyKey(t *testing.T, rdb redis.UniversalClient, pattern string) string {
	t.Helper()
	keys := rdb.Keys(t.Context(), pattern).Val()
	if len(keys) != 1 {
		t.Fatalf("keys %q", keys)
	}
	return keys[0]
}

// Who can write to Redis can neither make a session nor move one to another id or service.
func TestSealed_WritingToRedisOpensNothing(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		shop, forum := newStore(t, rdb, "shop", newKey), newStore(t, rdb, "forum", newKey)
		var hers, his, his2 browser
		hers.signIn(t, shop, alice)
		ctx := t.Context()
		herKey := onlyKey(t, rdb, "gatehouse:shop:session:*")
		herRecord := rdb.Get(ctx, herKey).Val()
		his.signIn(t, shop, session.Record{Subject: "mallory", SID: "sid-2"})
		his2.signIn(t, forum, session.Record{Subject: "mallory", SID: "sid-2"})
		forumKey := onlyKey(t, rdb, "gatehouse:forum:session:*")
		forumRecord := rdb.Get(ctx, forumKey).Val()
		for _, key := range rdb.Keys(ctx, "gatehouse:shop:session:*").Val() {
			if key == herKey {
				continue
			}
			own := rdb.Get(ctx, key).Val()
			for name, record := range map[string]string{
				"hers": herRecord, "one of another service": forumRecord, "a changed one": own[:len(own)-1] + "x", "nothing": "",
				"unsealed": "\xa3\x01\x65alice\x06\x1a\x6a\x00\x00\x00\x07\x1a\x6a\x00\x00\x00",
			} {
				rdb.Set(ctx, key, record, 0)
				if got := his.who(t, shop); got != "" {
					t.Errorf("with %s in its place, mallory is %q", name, got)
				}
			}
			rdb.Set(ctx, key, own, 0)
		}
		rdb.Set(ctx, forumKey, herRecord, 0)
		if got := his2.who(t, forum); got != "" {
			t.Errorf("with the shop's record in its place, mallory is %q at the forum", got)
		}
		if hers.who(t, shop) != "alice" || his.who(t, shop) != "mallory" {
			t.Error("the records as they were do not open")
		}
	})
}

func TestSealed_RotationSignsNobodyOut(t *testing.T) {
	rdb := env.MiniRedis(t)
	before, both, after := newStore(t, rdb, "shop", oldKey), newStore(t, rdb, "shop", newKey, oldKey), newStore(t, rdb, "shop", newKey)
	var first, second browser
	first.signIn(t, before, alice)
	if first.who(t, both) != "alice" {
		t.Error("the rotation signed out")
	}
	second.signIn(t, both, session.Record{Subject: "bob", SID: "sid-2"})
	if second.who(t, after) != "bob" || first.who(t, after) != "" {
		t.Error("without the old key, what the new one sealed opens, and nothing else")
	}
	if err := both.Update(first.request(t), func(r *session.Record) { r.Name = "Alice B." }); err != nil {
		t.Fatal(err)
	}
	if first.who(t, after) != "alice" {
		t.Error("a change did not seal the record with the new key")
	}
}

func TestNew_RefusesNoKey(t *testing.T) {
	for _, keys := range [][][]byte{nil, {}, {[]byte("short")}} {
		if _, err := session.New(env.MiniRedis(t), session.Options{Service: "shop", Keys: keys}); err == nil {
			t.Errorf("%q are accepted", keys)
		}
	}
}
