package codes_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/portal/codes"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/tests/env"
)

var (
	oldSecret = []byte("an older secret of thirty-two b.")
	newSecret = []byte("a newer secret, of thirty-two b.")
	bound     = codes.Binding{ClientID: "shop", RedirectURI: "https://shop.example.com/cb", Challenge: "c"}
)

func open(t *testing.T, rdb redis.UniversalClient, secrets ...[]byte) *codes.Store {
	t.Helper()
	s, err := codes.New(rdb, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func save(t *testing.T, s *codes.Store, subject string) (code, key string) {
	t.Helper()
	code, err := s.Save(t.Context(), codes.Code{ClientID: bound.ClientID, RedirectURI: bound.RedirectURI, Challenge: bound.Challenge, Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	return code, "gatehouse:portal:code:" + tokens.Hash(code)
}

func TestCodes_WritingToRedisMakesNone(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s, ctx := open(t, rdb, newSecret), t.Context()
		_, herKey := save(t, s, "alice")
		hers := rdb.Get(ctx, herKey).Val()
		for name, record := range map[string]string{
			"hers": hers, "unsealed": `{"c":"shop","r":"https://shop.example.com/cb","p":"c","u":"alice","i":"sid","s":["openid"]}`,
			"a tombstone": `{"c":"shop","r":"https://shop.example.com/cb","p":"c","spent":"somebody's grant"}`,
			"for another": strings.Replace(hers, `"c":"shop"`, `"c":"bank"`, 1),
		} {
			code, key := save(t, s, "mallory")
			rdb.Set(ctx, key, record, 0)
			b := bound
			if name == "for another" {
				b.ClientID = "bank"
			}
			if c, err := s.Take(ctx, code, "grant", b); !errors.Is(err, codes.ErrNoCode) {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
		}
	})
}

func TestCodes_PutBack(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s, ctx := open(t, rdb, newSecret), t.Context()
		code, key := save(t, s, "alice")
		for range 2 {
			c, err := s.Take(ctx, code, "grant", bound)
			if err != nil || c.Subject != "alice" {
				t.Fatalf("%+v, %v", c, err)
			}
			if err := s.PutBack(ctx, code, c); err != nil {
				t.Fatal(err)
			}
			if life := rdb.PTTL(ctx, key).Val(); life <= 0 || life > time.Minute {
				t.Errorf("it lives for %v", life)
			}
			if err := s.PutBack(ctx, code, c); !errors.Is(err, codes.ErrNoCode) {
				t.Errorf("one that is not used: %v", err)
			}
		}
		c, err := s.Take(ctx, code, "grant", bound)
		if err != nil {
			t.Fatal(err)
		}
		spent := (*codes.Spent)(nil)
		if _, err := s.Take(ctx, code, "another", bound); !errors.As(err, &spent) {
			t.Errorf("the second time: %v", err)
		}
		if err := s.PutBack(ctx, code, c); !errors.Is(err, codes.ErrNoCode) {
			t.Errorf("one that was presented again: %v", err)
		}
		if again, err := s.PresentedAgain(ctx, code); err != nil || !again {
			t.Errorf("presented again: %v, %v", again, err)
		}
	})
}

func TestCodes_RotationLosesNone(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		code, _ := save(t, open(t, rdb, oldSecret), "alice")
		s := open(t, rdb, newSecret, oldSecret)
		if c, err := s.Take(t.Context(), code, "grant", bound); err != nil || c.Subject != "alice" {
			t.Errorf("%+v, %v", c, err)
		}
		_, err := s.Take(t.Context(), code, "another", bound)
		if spent := (*codes.Spent)(nil); !errors.As(err, &spent) || spent.Grant != "grant" {
			t.Errorf("the second time: %v", err)
		}
	})
}
