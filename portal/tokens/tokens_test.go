package tokens_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/tests/env"
)

const issuer = "http://portal.test"

func newIssuer(t testing.TB, now func() time.Time) (*tokens.Issuer, *keys.Manager) {
	t.Helper()
	s, err := store.New(env.DB(t, "portal"))
	if err != nil {
		t.Fatal(err)
	}
	manager, err := keys.Open(t.Context(), keys.Deps{
		Records: s, Secret: bytes.Repeat([]byte{1}, 32), TokenLife: tokens.Lifetimes{}.Longest(), HintLife: 7 * 24 * time.Hour,
		Now: now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	i, err := tokens.NewIssuer(manager, issuer, tokens.Lifetimes{}, now)
	if err != nil {
		t.Fatal(err)
	}
	return i, manager
}

var alice = tokens.Person{Subject: "alice", SID: "sid-1", AuthTime: time.Unix(1_700_000_000, 0), Name: "Alice", Email: "a@example.com", Roles: []string{"customer"}}

func TestTokens_AreNotEachOther(t *testing.T) {
	i, ring := newIssuer(t, time.Now)
	access, err := i.Access(alice, "one", issuer, "grant.1", []string{"openid", "roles"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := i.ID(alice, "one", "n", access, []string{"openid"})
	if err != nil {
		t.Fatal(err)
	}
	logout, err := i.Logout("alice", "sid-1", "one")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := i.ReadAccess(access); err != nil || c.Subject != "alice" || c.SID != "sid-1" || !c.HasScope("roles") || len(c.Roles) != 1 {
		t.Errorf("access token: %+v, %v", c, err)
	}
	if c, err := i.ReadHint(id); err != nil || c.SID != "sid-1" || c.Audience[0] != "one" || c.Name != "" {
		t.Errorf("hint: %+v, %v", c, err)
	}
	es, err := ring.Active(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	none := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": issuer, "sub": "alice", "aud": "one"})
	none.Header["kid"] = es.KID
	unsigned, err := none.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{"access": access, "logout": logout, "none": unsigned, "empty": "", "dots": "..", "huge": strings.Repeat("x", 1<<20)} {
		if _, err := i.ReadHint(raw); !errors.Is(err, tokens.ErrInvalid) {
			t.Errorf("%s passes for an ID token: %v", name, err)
		}
	}
	for name, raw := range map[string]string{"id": id, "logout": logout, "none": unsigned, "empty": ""} {
		if _, err := i.ReadAccess(raw); !errors.Is(err, tokens.ErrInvalid) {
			t.Errorf("%s passes for an access token: %v", name, err)
		}
	}
}

func TestTokens_Expire(t *testing.T) {
	now := time.Now()
	i, _ := newIssuer(t, func() time.Time { return now })
	access, err := i.Access(alice, "one", issuer, "j", []string{"openid"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := i.ID(alice, "one", "", access, nil)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(6 * time.Minute)
	if _, err := i.ReadAccess(access); !errors.Is(err, tokens.ErrInvalid) {
		t.Errorf("an expired access token: %v", err)
	}
	if _, err := i.ReadHint(id); err != nil {
		t.Errorf("an expired hint: %v", err)
	}
}

// What was issued before a rotation is good until it expires; as a hint, an ID token is good for as long as a sign-in.
func TestTokens_OutliveTheirKey(t *testing.T) {
	now := time.Now()
	i, manager := newIssuer(t, func() time.Time { return now })
	rotate := func() {
		for _, alg := range keys.Algorithms {
			if _, err := manager.Rotate(t.Context(), alg, nil); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(keys.PublishAhead)
		if err := manager.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the first keys, and keys that were rotated to
		now = now.Add(keys.PublishAhead)
		id, err := i.ID(alice, "one", "", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, alg := range keys.Algorithms {
			if _, err := manager.Rotate(t.Context(), alg, nil); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(keys.PublishAhead - time.Second)
		access, err := i.Access(alice, "one", issuer, "j", nil)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		if err := manager.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := i.ReadAccess(access); err != nil {
			t.Errorf("right after the rotation: %v", err)
		}
		rotate()
		if _, err := i.ReadHint(id); err != nil {
			t.Errorf("a hint whose key is published no longer: %v", err)
		}
		now = now.Add(8 * 24 * time.Hour)
		if err := manager.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := i.ReadHint(id); !errors.Is(err, tokens.ErrInvalid) {
			t.Errorf("a hint older than any sign-in: %v", err)
		}
	}
}

func TestSuccessor_OnlyForItsHolder(t *testing.T) {
	old, next := tokens.NewOpaque(), tokens.NewOpaque()
	sealed, err := tokens.SealSuccessor(old, next)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tokens.OpenSuccessor(old, sealed); err != nil || got != next {
		t.Errorf("%q, %v", got, err)
	}
	for _, other := range []string{tokens.NewOpaque(), "", tokens.Hash(old)} {
		if _, err := tokens.OpenSuccessor(other, sealed); err == nil {
			t.Error("another token opens it")
		}
	}
	if _, err := tokens.OpenSuccessor(old, "!"); err == nil {
		t.Error("what is broken opens")
	}
}

func BenchmarkID(b *testing.B) {
	i, _ := newIssuer(b, time.Now)
	for b.Loop() {
		if _, err := i.ID(alice, "one", "n", "access", []string{"openid", "profile", "email", "roles"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccess(b *testing.B) {
	i, _ := newIssuer(b, time.Now)
	for b.Loop() {
		if _, err := i.Access(alice, "one", issuer, "j", []string{"openid", "roles"}); err != nil {
			b.Fatal(err)
		}
	}
}
