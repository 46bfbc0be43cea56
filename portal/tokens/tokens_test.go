package tokens_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/portal/keys"
	"gatehouse/portal/store"
	"gatehouse/portal/tokens"
	"gatehouse/tests/env"
)

const issuer = "http://portal.test"

func newIssuer(t testing.TB, now func() time.Time) (*tokens.Issuer, *keys.Ring) {
	t.Helper()
	s, err := store.New(env.DB(t, "portal"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(t.Context(), s, bytes.Repeat([]byte{1}, 32), now())
	if err != nil {
		t.Fatal(err)
	}
	i, err := tokens.NewIssuer(ring, issuer, tokens.Lifetimes{}, now)
	if err != nil {
		t.Fatal(err)
	}
	return i, ring
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
	if c, err := i.Hint(id); err != nil || c.SID != "sid-1" || c.Audience[0] != "one" || c.Name != "" {
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
		if _, err := i.Hint(raw); !errors.Is(err, tokens.ErrInvalid) {
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
	if _, err := i.Hint(id); err != nil {
		t.Errorf("an expired hint: %v", err)
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
