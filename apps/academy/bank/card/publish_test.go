package card_test

import (
	"crypto"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/sso/token"
)

func TestIssuer_PublishesTheNextKeyBeforeItSigns(t *testing.T) {
	bank := issuer(t, "bank", nil)
	next, err := bank.Prepare()
	if err != nil || next != "key-2" {
		t.Fatal(next, err)
	}
	if again, err := bank.Prepare(); again != next || err != nil {
		t.Errorf("prepared again: %s, %v", again, err)
	}
	if got := published(t, bank); got != "key-1 key-2" {
		t.Errorf("published: %s", got)
	}
	if _, err := bank.Key(t.Context(), next); err != nil {
		t.Error(err)
	}
	if got := bank.KIDs(); len(got) != 1 || got[0] != "key-1" {
		t.Errorf("it signs with %v", got)
	}
	if kid, err := bank.Rotate(); kid != next || err != nil {
		t.Errorf("rotated to %s, %v", kid, err)
	}
	if err := bank.Withdraw("key-1"); err != nil {
		t.Fatal(err)
	}
	if got := published(t, bank); got != "key-2" {
		t.Errorf("published: %s", got)
	}
}

func published(t *testing.T, i *card.Issuer) string {
	t.Helper()
	set, err := i.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range set.Keys {
		public, err := k.Public()
		if err != nil {
			t.Fatal(err)
		}
		own, err := i.Key(t.Context(), k.Kid)
		if err != nil {
			t.Fatal(err)
		}
		if !own.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
			t.Errorf("%s is published as another key", k.Kid)
		}
		ids = append(ids, k.Kid)
	}
	return strings.Join(ids, " ")
}

func TestBecause_RepeatsWhatStandsOnTheCard(t *testing.T) {
	clock := time.Now()
	now := func() time.Time { return clock }
	bank, other := issuer(t, "bank", now), issuer(t, "bank", now)
	v, err := token.NewVerifier("bank", "counter", bank, now)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(i *card.Issuer, audience string) string {
		raw, err := i.Sign(card.Card{Subject: "Ada", Audience: audience, Life: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	good := sign(bank, "counter")
	parts := strings.Split(good, ".")
	header := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	for name, c := range map[string]struct{ raw, why string }{
		"none":            {header(`{"alg":"none","kid":"key-1"}`) + "." + parts[1] + ".", `alg "none"`},
		"hs256":           {header(`{"alg":"HS256","kid":"key-1"}`) + "." + parts[1] + ".c2ln", `alg "HS256"`},
		"another key":     {sign(other, "counter"), "the signature does not fit"},
		"no such key":     {header(`{"alg":"ES256","kid":"key-9"}`) + "." + parts[1] + "." + parts[2], `"key-9"`},
		"another service": {sign(bank, "vault"), "vault"},
		"nothing":         {"hello", "can't be read"},
		"two parts":       {"a.b", "can't be read"},
	} {
		_, err := v.Access(t.Context(), c.raw)
		if got := card.Because(c.raw, err); !strings.Contains(got, c.why) {
			t.Errorf("%s: %q; want something with %q", name, got, c.why)
		}
	}
	clock = clock.Add(time.Hour)
	_, err = v.Access(t.Context(), good)
	if got := card.Because(good, err); !strings.HasPrefix(got, "it expired at ") {
		t.Errorf("expired: %q", got)
	}
	if got := card.Because(good, nil); got != "" {
		t.Errorf("a good one: %q", got)
	}
}
