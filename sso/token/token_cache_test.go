package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/sso/token"
)

const issuer = "https://issuer.example"

// published are keys that can be withdrawn and replaced.
type published struct {
	mu   sync.RWMutex
	keys map[string]crypto.PublicKey
	err  error
}

func (p *published) Key(_ context.Context, kid string) (crypto.PublicKey, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	key, ok := p.keys[kid]
	switch {
	case p.err != nil:
		return nil, p.err
	case !ok:
		return nil, token.ErrUnknownKey
	}
	return key, nil
}

func (p *published) set(kid string, key crypto.PublicKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if delete(p.keys, kid); key != nil {
		p.keys[kid] = key
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signedBy(t testing.TB, key *ecdsa.PrivateKey, claims jwt.MapClaims) string {
	t.Helper()
	tok := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	tok.Header["kid"], tok.Header["typ"] = "e", token.TypeAccess
	raw, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// remembering is a verifier with a clock that can be moved and keys that can be withdrawn.
func remembering(t testing.TB) (v *token.Verifier, key *ecdsa.PrivateKey, keys *published, later func(time.Duration)) {
	t.Helper()
	key = newKey(t)
	keys = &published{keys: map[string]crypto.PublicKey{"e": &key.PublicKey}}
	var ahead atomic.Int64
	v, err := token.NewVerifier(issuer, "api", keys, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	if err != nil {
		t.Fatal(err)
	}
	return v, key, keys, func(d time.Duration) { ahead.Add(int64(d)) }
}

// Whether a signature was checked does not show in the answer. So no signature is good any more when the token comes
// again: the key is the same object, but has become another point.
func TestAccess_ARepeatedTokenCostsNoSignatureCheck(t *testing.T) {
	v, key, keys, _ := remembering(t)
	raw := signedBy(t, key, access())
	public := key.PublicKey
	keys.set("e", &public)
	first, err := v.Access(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	public = newKey(t).PublicKey
	again, err := v.Access(t.Context(), raw)
	if err != nil {
		t.Fatalf("the signature of a remembered token was checked: %v", err)
	}
	if written(t, again) != written(t, first) || again.Subject != "alice" || !again.HasScope("b") {
		t.Errorf("remembered as %+v, was %+v", again, first)
	}
	if _, err := v.Access(t.Context(), signedBy(t, key, access())); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a token that is new is believed without a check: %v", err)
	}
}

func TestAccess_RememberedTokenExpires(t *testing.T) {
	v, key, _, later := remembering(t)
	raw := signedBy(t, key, access()) // for a minute
	for range 2 {
		if _, err := v.Access(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	later(75 * time.Second) // clocks may be half a minute apart
	if _, err := v.Access(t.Context(), raw); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	later(16 * time.Second)
	if _, err := v.Access(t.Context(), raw); !errors.Is(err, token.ErrInvalid) || !errors.Is(err, jwt.ErrTokenExpired) {
		t.Errorf("an expired token that is remembered: %v", err)
	}
}

// A clock that was set back makes a token one of the future, remembered or not.
func TestAccess_RememberedTokenOfTheFuture(t *testing.T) {
	v, key, _, later := remembering(t)
	raw := signedBy(t, key, access())
	if _, err := v.Access(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	later(-time.Hour)
	if _, err := v.Access(t.Context(), raw); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a token of the future that is remembered: %v", err)
	}
}

func TestAccess_RememberedTokenOfAKeyThatWasWithdrawn(t *testing.T) {
	v, key, keys, _ := remembering(t)
	raw := signedBy(t, key, access())
	check := func(want bool, when string) {
		t.Helper()
		if _, err := v.Access(t.Context(), raw); (err == nil) != want || (err != nil && !errors.Is(err, token.ErrInvalid)) {
			t.Errorf("%s: %v", when, err)
		}
	}
	check(true, "at first")
	keys.set("e", nil)
	check(false, "with its key withdrawn")
	keys.set("e", &newKey(t).PublicKey)
	check(false, "with another key of that name")
	keys.set("e", &key.PublicKey)
	check(true, "with its key published again")
	same := key.PublicKey // what a new fetch of the same key set makes
	keys.set("e", &same)
	check(true, "with its key fetched anew")
	keys.err = errors.New("the provider is away")
	if _, err := v.Access(t.Context(), raw); err == nil || errors.Is(err, token.ErrInvalid) {
		t.Errorf("a remembered token whose key can't be found out about: %v", err)
	}
}

func TestAccess_NothingOfARememberedTokenCanBeChanged(t *testing.T) {
	v, key, _, _ := remembering(t)
	claims := access()
	claims["roles"], claims["auth_time"], claims["nbf"] = []string{"customer"}, time.Now().Unix(), time.Now().Unix()
	raw := signedBy(t, key, claims)
	var want string
	for range 3 {
		c, err := v.Access(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		got := written(t, c)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("a caller changed what the next one is told: %s, was %s", got, want)
		}
		c.Roles[0], c.Audience[0], c.Subject, c.Scope = "admin", "other", "mallory", "everything"
		for _, at := range []*jwt.NumericDate{c.ExpiresAt, c.AuthTime, c.NotBefore, c.IssuedAt} {
			at.Time = time.Time{}
		}
	}
}

// A refused token is never remembered, so nobody can fill the memory with rubbish; and the memory is bounded.
func TestAccess_RemembersABoundedNumber(t *testing.T) {
	v, key, keys, _ := remembering(t)
	raw := signedBy(t, key, access())
	forged := raw[:len(raw)-4] + "AAAA"
	if _, err := v.Access(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := v.Access(t.Context(), forged); !errors.Is(err, token.ErrInvalid) {
			t.Fatalf("a forged token that resembles a remembered one: %v", err)
		}
	}
	long := access()
	long["scope"] = strings.Repeat("scope ", 1000) // too long to be remembered, not to be believed
	for range 2 {
		if _, err := v.Access(t.Context(), signedBy(t, key, long)); err != nil {
			t.Error(err)
		}
	}
	if n := v.CachedTokens(); n != 1 {
		t.Errorf("%d tokens are remembered, want 1", n)
	}
	keys.set("e", nil)
	if _, err := v.Access(t.Context(), raw); err == nil || v.CachedTokens() != 0 {
		t.Errorf("a refused token is still remembered (%v)", err)
	}
}

func written(t *testing.T, c *token.AccessClaims) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAccess_ManyAtOnce(t *testing.T) {
	v, key, keys, _ := remembering(t)
	var raws []string
	for i := range 20 {
		claims := access()
		claims["sub"] = fmt.Sprint("person-", i)
		raws = append(raws, signedBy(t, key, claims))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				n := (i + g) % len(raws)
				c, err := v.Access(t.Context(), raws[n])
				switch {
				case err != nil && !errors.Is(err, token.ErrInvalid):
					t.Error(err)
				case err == nil && c.Subject != fmt.Sprint("person-", n):
					t.Errorf("the token of person-%d is taken for one of %s", n, c.Subject)
				case err == nil:
					c.Audience[0] = "changed"
				}
				if g == 0 && i%50 == 25 { // keys come and go meanwhile
					keys.set("e", nil)
					same := key.PublicKey
					keys.set("e", &same)
				}
			}
		})
	}
	wg.Wait()
	for n, raw := range raws {
		if c, err := v.Access(t.Context(), raw); err != nil || c.Subject != fmt.Sprint("person-", n) {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// A token that comes again, beside one whose signature is checked.
func BenchmarkAccess(b *testing.B) {
	v, key, _, _ := remembering(b)
	claims := access()
	claims["roles"], claims["auth_time"], claims["sid"] = []string{"customer"}, time.Now().Unix(), rand.Text()
	claims["exp"] = time.Now().Add(time.Hour).Unix()
	raw := signedBy(b, key, claims)
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Access(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered, from all cores", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := v.Access(b.Context(), raw); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("signature check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.ClearCache()
			if _, err := v.Access(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
