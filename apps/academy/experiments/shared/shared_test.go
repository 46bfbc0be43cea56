package shared_test

import (
	"errors"
	"testing"

	"gatehouse.example/apps/academy/experiments/counter/countertest"
	"gatehouse.example/apps/academy/experiments/shared"
	"gatehouse.example/apps/academy/lab"
)

// The claim of the lesson, by what the branches answered.
func TestShared_GuidedPath(t *testing.T) {
	e := shared.Experiment()
	run := countertest.Open(t, e, nil)
	s := countertest.Walk(t, e, run, nil)
	for name, want := range map[string]float64{
		"kept-by-any": 9, "kept-after-kill": 6, "kept-after-adding": 16, "kept-after-restart": 16,
		"refused-while-redis-away": 6, "cookie-while-redis-away": 1, "kept-after-redis": 6,
	} {
		if got, ok := s.Findings[name]; !ok || got.Value != want {
			t.Errorf("%s: %+v, want %v", name, got, want)
		}
	}
	if s.Findings["kept-after-kill"].Text != "6 of 6" || s.Setup["branches"] != "8" {
		t.Errorf("%+v %+v", s.Findings["kept-after-kill"], s.Setup)
	}
	for _, r := range s.Requests[len(s.Requests)-6:] {
		if r.Via != "redis" || r.Who != "Ada" {
			t.Errorf("%+v", r)
		}
	}
}

// A run that is started again behind the added branches has them, and no others.
func TestShared_GoesOnBehindTheAddedBranches(t *testing.T) {
	e := shared.Experiment()
	run := countertest.Open(t, e, nil)
	var was lab.State
	countertest.Walk(t, e, run, func(step lab.Step, s lab.State) {
		if step.ID == "restart" {
			was = s
		}
	})
	again, err := lab.Open(t.Context(), e, lab.Options{Setup: was.Setup, Mode: lab.Guided, Step: was.Step, Findings: was.Findings, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close("the test is over") })
	if s, err := again.Step(t.Context(), "stop-redis", 1, ""); err != nil || s.Step != was.Step+1 || s.Setup["branches"] != "8" {
		t.Errorf("%v: step %d of %d, with %v", err, s.Step, was.Step+1, s.Setup)
	}
}

// What is done without Redis is answered honestly, and nothing is lost by it.
func TestShared_FreeModeWithoutRedis(t *testing.T) {
	run := countertest.Open(t, shared.Experiment(), lab.Args{"branches": "2"})
	do := func(control string, args lab.Args) lab.State {
		t.Helper()
		s, err := run.Do(t.Context(), control, args, "")
		if err != nil {
			t.Fatalf("%s: %v", control, err)
		}
		return s
	}
	var refused lab.Refusal
	if _, err := run.Do(t.Context(), "start-redis", nil, ""); !errors.As(err, &refused) {
		t.Errorf("started twice: %v", err)
	}
	do("sign-in", lab.Args{"name": "Bob"})
	do("stop-redis", nil)
	if _, err := run.Do(t.Context(), "stop-redis", nil, ""); !errors.As(err, &refused) {
		t.Errorf("stopped twice: %v", err)
	}
	if _, err := run.Do(t.Context(), "sign-in", lab.Args{"name": "Eve"}, ""); !errors.As(err, &refused) {
		t.Errorf("signed in without Redis: %v", err)
	}
	do("sign-out", nil) // answered 503: the cookie is kept
	do("restart-all", lab.Args{"times": "4"})
	s := do("ask", lab.Args{"times": "40"})
	if f := s.Findings["refused-while-redis-away"]; f.Text != "44 of 44" {
		t.Errorf("%+v", f)
	}
	s = do("start-redis", lab.Args{"times": "8"})
	if f := s.Findings["kept-after-redis"]; f.Text != "8 of 8" {
		t.Errorf("%+v", f)
	}
	if who := s.Requests[len(s.Requests)-1].Who; who != "Bob" {
		t.Errorf("recognised as %q", who)
	}
}
