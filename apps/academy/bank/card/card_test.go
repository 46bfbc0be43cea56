package card_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/sso/token"
)

func TestIssuer_CardsAreVerifiedByTheRealVerifier(t *testing.T) {
	clock := time.Now()
	now := func() time.Time { return clock }
	bank, other := issuer(t, "bank", now), issuer(t, "bank", now)
	verify, err := token.NewVerifier("bank", "counter", bank, now)
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
	c, err := verify.Access(t.Context(), good)
	if err != nil || c.Subject != "Ada" || c.SID == "" || c.ID == "" {
		t.Fatal(c, err)
	}
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"key-1"}`))
	for name, bad := range map[string]struct{ raw, why string }{
		"a changed letter": {parts[0] + "." + rewritten(t, parts[1]) + "." + parts[2], "signature"},
		"no algorithm":     {none + "." + parts[1] + ".", "signature"},
		"another key":      {sign(other, "counter"), "signature"},
		"another audience": {sign(bank, "vault"), "audience"},
		"no card at all":   {"hello", "read"},
	} {
		_, err := verify.Access(t.Context(), bad.raw)
		if !errors.Is(err, token.ErrInvalid) || !strings.Contains(card.Why(err), bad.why) {
			t.Errorf("%s: %v, told as %q", name, err, card.Why(err))
		}
	}
	clock = clock.Add(time.Minute + 31*time.Second)
	if _, err := verify.Access(t.Context(), good); card.Why(err) != "it has expired" {
		t.Errorf("afterwards: %v", err)
	}
	if card.Why(errors.New("no connection")) != "" {
		t.Error("a fault was called a bad card")
	}
}

func TestIssuer_RotatesAndWithdraws(t *testing.T) {
	bank := issuer(t, "bank", nil)
	verify, err := token.NewVerifier("bank", "counter", bank, nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := bank.Sign(card.Card{Subject: "Ada", Audience: "counter", Life: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if kid, err := bank.Rotate(); kid != "key-2" || err != nil {
		t.Fatal(kid, err)
	}
	if _, err := verify.Access(t.Context(), old); err != nil {
		t.Errorf("an old card after the rotation: %v", err)
	}
	if err := bank.Withdraw("key-2"); err == nil {
		t.Error("the key that signs was withdrawn")
	}
	if err := bank.Withdraw("key-1"); err != nil {
		t.Fatal(err)
	}
	if err := bank.Withdraw("key-1"); err == nil {
		t.Error("withdrawn twice")
	}
	if _, err := verify.Access(t.Context(), old); !strings.Contains(card.Why(err), "does not publish") {
		t.Errorf("an old card after its key was withdrawn: %v", err)
	}
	if got := bank.KIDs(); len(got) != 1 || got[0] != "key-2" {
		t.Error(got)
	}
}

func TestIssuer_RefusesHalfACard(t *testing.T) {
	if _, err := card.New("", nil); err == nil {
		t.Error("an issuer without a name")
	}
	bank := issuer(t, "bank", nil)
	for _, c := range []card.Card{{}, {Subject: "a", Audience: "b"}, {Subject: "a", Life: 1}, {Audience: "b", Life: 1}} {
		if _, err := bank.Sign(c); err == nil {
			t.Errorf("%+v was signed", c)
		}
	}
}

func issuer(t *testing.T, name string, now func() time.Time) *card.Issuer {
	t.Helper()
	i, err := card.New(name, now)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// rewritten puts somebody else's name on a card.
func rewritten(t *testing.T, claims string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), "Ada", "Eve", 1)))
}
