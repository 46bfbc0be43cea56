package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse.example/sso/token"
)

// keys are known by their kid.
type keys map[string]crypto.PublicKey

func (k keys) Key(_ context.Context, kid string) (crypto.PublicKey, error) {
	if key, ok := k[kid]; ok {
		return key, nil
	}
	return nil, token.ErrUnknownKey
}

var b64 = base64.RawURLEncoding.EncodeToString

func jwkOf(t *testing.T, kid string, key crypto.PublicKey) token.JWK {
	t.Helper()
	switch key := key.(type) {
	case *rsa.PublicKey:
		return token.JWK{Kty: "RSA", Kid: kid, N: b64(key.N.Bytes()), E: "AQAB"}
	case *ecdsa.PublicKey:
		raw, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return token.JWK{Kty: "EC", Crv: "P-256", Kid: kid, X: b64(raw[1:33]), Y: b64(raw[33:])}
	case ed25519.PublicKey:
		return token.JWK{Kty: "OKP", Crv: "Ed25519", Kid: kid, X: b64(key)}
	}
	t.Fatalf("%T", key)
	return token.JWK{}
}

// Each algorithm that we accept, from the JWKS to the verified claims.
func TestVerifier_EveryAlgorithmFromTheJWKS(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPub, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := token.JWKS{Keys: []token.JWK{
		jwkOf(t, "r", &rsaKey.PublicKey), jwkOf(t, "e", &ecKey.PublicKey), jwkOf(t, "d", edPub),
		{Kty: "EC", Crv: "P-521", Kid: "unsupported"}, {Kty: "oct", Kid: "secret"},
	}}
	var fetched atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(srv.Close)
	remote := token.NewRemoteKeys(srv.Client(), func(context.Context) (string, error) { return srv.URL, nil })
	v, err := token.NewVerifier("https://issuer.example", "api", remote, nil)
	if err != nil {
		t.Fatal(err)
	}
	for kid, sign := range map[string]struct {
		method jwt.SigningMethod
		key    any
	}{"r": {jwt.SigningMethodRS256, rsaKey}, "e": {jwt.SigningMethodES256, ecKey}, "d": {jwt.SigningMethodEdDSA, edKey}} {
		raw := signed(t, sign.method, sign.key, kid, access())
		if c, err := v.Access(t.Context(), raw); err != nil || c.Subject != "alice" || !c.HasScope("b") || c.HasScope("a b") {
			t.Errorf("%s: %+v, %v", sign.method.Alg(), c, err)
		}
	}
	for range 50 { // made-up kids must not make us fetch without end
		if _, err := v.Access(t.Context(), signed(t, jwt.SigningMethodES256, ecKey, "made-up", access())); !errors.Is(err, token.ErrInvalid) {
			t.Fatalf("an unknown kid: %v", err)
		}
	}
	if n := fetched.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestRemoteKeys_KnownKeysOutliveTheProvider(t *testing.T) {
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(token.JWKS{Keys: []token.JWK{jwkOf(t, "e", &ecKey.PublicKey)}})
	}))
	remote := token.NewRemoteKeys(srv.Client(), func(context.Context) (string, error) { return srv.URL, nil })
	if _, err := remote.Key(t.Context(), "e"); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	if _, err := remote.Key(t.Context(), "e"); err != nil {
		t.Errorf("with the provider away: %v", err)
	}
}

func TestRemoteKeys_ProviderAwayIsNotAnInvalidToken(t *testing.T) {
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	remote := token.NewRemoteKeys(http.DefaultClient, func(context.Context) (string, error) { return "http://127.0.0.1:1/jwks", nil })
	v, err := token.NewVerifier("https://issuer.example", "api", remote, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Access(t.Context(), signed(t, jwt.SigningMethodES256, ecKey, "e", access()))
	if err == nil || errors.Is(err, token.ErrInvalid) {
		t.Errorf("a token that can't be checked: %v", err)
	}
}

func TestJWK_RefusesWeakAndBrokenKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]token.JWK{
		"RSA 1024":    {Kty: "RSA", N: b64(small.N.Bytes()), E: "AQAB"},
		"RSA no e":    {Kty: "RSA", N: b64(make([]byte, 256))},
		"RSA huge e":  {Kty: "RSA", N: b64(make([]byte, 256)), E: b64(make([]byte, 64))},
		"EC no point": {Kty: "EC", Crv: "P-256", X: b64(make([]byte, 32)), Y: b64(make([]byte, 32))},
		"EC short":    {Kty: "EC", Crv: "P-256", X: "AQ", Y: "AQ"},
		"OKP X25519":  {Kty: "OKP", Crv: "X25519", X: b64(make([]byte, 32))},
		"nothing":     {},
	} {
		if key, err := k.Public(); err == nil {
			t.Errorf("%s became %v", name, key)
		}
	}
}

func access() jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": "https://issuer.example", "aud": "api", "sub": "alice", "client_id": "c", "jti": "j", "scope": "a b",
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
}

func signed(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	tok := jwt.NewWithClaims(method, claims)
	tok.Header["kid"], tok.Header["typ"] = kid, token.TypeAccess
	raw, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Whatever comes in, only the token that was signed is believed.
func FuzzAccess(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	tok := jwt.NewWithClaims(jwt.SigningMethodES256, access())
	tok.Header["kid"], tok.Header["typ"] = "e", token.TypeAccess
	good, err := tok.SignedString(key)
	if err != nil {
		f.Fatal(err)
	}
	v, err := token.NewVerifier("https://issuer.example", "api", keys{"e": &key.PublicKey}, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{good, "", "..", "a.b.c", good + "x", strings.Repeat(".", 1000), good[:len(good)/2]} {
		f.Add(s)
	}
	prefix := good[:strings.LastIndex(good, ".")]
	f.Fuzz(func(t *testing.T, raw string) {
		_, err := v.Access(t.Context(), raw)
		if err == nil && !strings.HasPrefix(raw, prefix+".") {
			t.Fatalf("believed %q", raw)
		}
		if err != nil && !errors.Is(err, token.ErrInvalid) {
			t.Fatalf("%q: %v", raw, err)
		}
	})
}
