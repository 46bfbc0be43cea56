package provider_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	experiment "gatehouse.example/apps/academy/experiments/provider"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/tests/provider"
)

func start(t *testing.T, setup lab.Args) *lab.Run {
	t.Helper()
	r, err := lab.Open(t.Context(), experiment.Experiment(), lab.Options{
		Person: "Alice", Setup: setup, Dir: t.TempDir(), Provider: provider.Open, Logger: slog.New(slog.DiscardHandler),
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

// The guided path, to its end.
func TestProvider_GuidedPath(t *testing.T) {
	r := start(t, nil)
	for i, s := range experiment.Experiment().Steps {
		guess := -1
		if s.Expect != nil {
			guess = s.Expect.Right
		}
		state, err := r.Step(t.Context(), s.ID, guess, s.ID)
		if err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
		if state.Step != i+1 {
			t.Fatalf("%s did not show what it should: %+v\n%+v", s.ID, state.Findings, state.View.Panels[0])
		}
	}
	found := r.State().Findings
	if a, b := found["sub-a"].Text, found["sub-b"].Text; a == "" || b == "" || a == b {
		t.Errorf("sub at A is %q, at B %q", a, b)
	}
	for name, part := range map[string]string{
		"which-changed": "issuer, client id, client secret", "signed-in-a": "Alice", "signed-in-b": "Alice",
		"refused-wrong-secret": "invalid_client", "refused-wrong-issuer": "names a different issuer",
	} {
		if f := found[name]; !strings.Contains(f.Text, part) {
			t.Errorf("%s: %+v, want %q in it", name, f, part)
		}
	}
}

// In free mode any combination may be tried, and each is told clearly.
func TestProvider_FreeMode(t *testing.T) {
	r := start(t, lab.Args{"provider": "b"})
	do := func(control string, args lab.Args) lab.State {
		t.Helper()
		state, err := r.Do(t.Context(), control, args, "")
		if err != nil {
			t.Fatalf("%s %v: %v", control, args, err)
		}
		return state
	}
	if s := do("sign-in", nil); s.Findings.Value("signed-in-b") != 1 {
		t.Fatalf("a set-up with B: %+v", s.Findings)
	}
	s := do("settings", lab.Args{"client-secret": "not-it-at-all"}) // A's issuer and client id, somebody's secret
	if s.Setup["provider"] != "a" || s.Findings.Value("settings-changed") != 3 {
		t.Errorf("set-up %v, %+v", s.Setup, s.Findings)
	}
	s = do("sign-in", nil)
	if s.Findings.Has("signed-in-a") || !strings.Contains(s.View.Panels[0].Code, "invalid_client") {
		t.Errorf("with a wrong secret: %+v", s.View.Panels[0])
	}
	do("trust", lab.Args{"provider": "a"})
	if s = do("sign-in", nil); s.Findings.Value("signed-in-a") != 1 {
		t.Errorf("with A's own settings: %+v", s.View.Panels[0])
	}
	for _, control := range []string{"wrong-issuer", "wrong-secret"} {
		if s = do(control, nil); s.Findings.Value("refused-"+control) != 1 {
			t.Errorf("%s at A: %+v", control, s.Findings["refused-"+control])
		}
	}
	// The bank calls nobody but the two.
	for _, issuer := range []string{"http://169.254.169.254/", "https://accounts.example.com", "http://localhost:6379", "::", "ftp://x"} {
		_, err := r.Do(t.Context(), "settings", lab.Args{"issuer": issuer}, "")
		if refused := lab.Refusal(""); !errors.As(err, &refused) {
			t.Errorf("issuer %s: %v, want a refusal", issuer, err)
		}
	}
}
