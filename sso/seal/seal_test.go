package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"gatehouse.example/sso/seal"
)

func newSealer(t *testing.T, purpose string, secrets ...[]byte) *seal.Sealer {
	t.Helper()
	s, err := seal.New(purpose, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	oldSecret = bytes.Repeat([]byte("o"), seal.MinSecretSize)
	newSecret = bytes.Repeat([]byte("n"), 32)
)

func TestSealer_OpensOnlyItsOwnRecord(t *testing.T) {
	s := newSealer(t, "shop: session", oldSecret)
	sealed := s.SealText([]byte("alice"), "id-1")
	if plain, err := s.OpenText(sealed, "id-1"); err != nil || string(plain) != "alice" {
		t.Errorf("OpenText = %q, %v", plain, err)
	}
	changed := []byte(sealed)
	changed[20] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another name":    func() ([]byte, error) { return s.OpenText(sealed, "id-2") },
		"another purpose": func() ([]byte, error) { return newSealer(t, "forum: session", oldSecret).OpenText(sealed, "id-1") },
		"another secret":  func() ([]byte, error) { return newSealer(t, "shop: session", newSecret).OpenText(sealed, "id-1") },
		"changed":         func() ([]byte, error) { return s.OpenText(string(changed), "id-1") },
		"cut off":         func() ([]byte, error) { return s.OpenText(sealed[:10], "id-1") },
		"no base64":       func() ([]byte, error) { return s.OpenText("!", "id-1") },
		"empty":           func() ([]byte, error) { return s.OpenText("", "id-1") },
	} {
		if plain, err := open(); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

func TestSealer_OpensWhatAnOlderSecretSealed(t *testing.T) {
	before := newSealer(t, "p", oldSecret).Seal([]byte("kept"), "n")
	rotated := newSealer(t, "p", newSecret, oldSecret)
	if plain, err := rotated.Open(before, "n"); err != nil || string(plain) != "kept" {
		t.Errorf("Open = %q, %v", plain, err)
	}
	if _, err := newSealer(t, "p", oldSecret).Open(rotated.Seal([]byte("new"), "n"), "n"); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("the old secret opens what the new one sealed: %v", err)
	}
}

func TestNew_RefusesMissingAndShortSecrets(t *testing.T) {
	if _, err := seal.New("p"); err == nil {
		t.Error("no secret is accepted")
	}
	if _, err := seal.New("p", newSecret, []byte("short")); err == nil {
		t.Error("a short secret is accepted")
	}
}
