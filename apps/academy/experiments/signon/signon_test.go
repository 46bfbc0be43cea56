package signon_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"gatehouse.example/apps/academy/experiments/signon"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/tests/provider"
)

func start(t *testing.T) *lab.Run {
	t.Helper()
	r, err := lab.Open(t.Context(), signon.Experiment(), lab.Options{
		Person: "Alice", Dir: t.TempDir(), Provider: provider.Open, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close("the test is over"), r.Failure()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// The guided path, to its end: each attack is refused, and by the check that is to stop it.
func TestSignon_GuidedPath(t *testing.T) {
	r := start(t)
	steps := signon.Experiment().Steps
	for i, s := range steps {
		guess := -1
		if s.Expect != nil {
			guess = s.Expect.Right
		}
		state, err := r.Step(t.Context(), s.ID, guess, s.ID)
		if err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
		if state.Step != i+1 {
			t.Fatalf("%s did not show what it should: %+v", s.ID, state.Findings)
		}
	}
	found := r.State().Findings
	for name, part := range map[string]string{
		"refused-state": "another browser", "refused-pkce": "code_verifier doesn't match the code_challenge", "refused-nonce": "(nonce)",
		"refused-replayed-code": "invalid_grant: The code was used before", "refused-redirect": "400, without a redirect: ",
		"refused-issuer": "came from a different sign-in service", "signed-in": "Alice", "first-token-after": "401",
		"who-after-csrf": "a guest", "who-after-injection": "a guest",
	} {
		if f := found[name]; !strings.Contains(f.Text, part) {
			t.Errorf("%s: %+v, want %q in it", name, f, part)
		}
	}
	if !strings.Contains(found["refused-redirect"].Text, "registered for it") {
		t.Errorf("the provider's page said %q", found["refused-redirect"].Text)
	}
}

// Every attack stands by itself, in any order, as often as somebody likes; and none hurts a later sign-in.
func TestSignon_FreeMode(t *testing.T) {
	r := start(t)
	for range 2 {
		for _, c := range []string{"mix-up", "code-twice", "wrong-redirect", "replayed-token", "stolen-code", "login-csrf", "sign-in"} {
			state, err := r.Do(t.Context(), c, nil, "")
			if err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			if len(state.View.Tables) != 1 || len(state.View.Panels) == 0 {
				t.Errorf("%s shows %+v", c, state.View)
			}
		}
	}
	state := r.State()
	if who := state.View.Facts[0].Value; who != "Alice" {
		t.Errorf("after it all the bank takes you for %q", who)
	}
	for _, f := range []string{"refused-state", "refused-pkce", "refused-nonce", "refused-replayed-code", "refused-redirect", "refused-issuer"} {
		if state.Findings.Value(f) != 1 {
			t.Errorf("%s: %+v", f, state.Findings[f])
		}
	}
}
