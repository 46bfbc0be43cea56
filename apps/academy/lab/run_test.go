package lab_test

import (
	"errors"
	"testing"
	"time"

	"gatehouse.example/apps/academy/lab"
)

func open(t *testing.T, o lab.Options) *lab.Run {
	t.Helper()
	e, _ := find("counter")
	r, err := lab.Open(t.Context(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close("the test is over") })
	return r
}

func wantRefusal(t *testing.T, what string, err error) {
	t.Helper()
	if r := lab.Refusal(""); !errors.As(err, &r) || r == "" {
		t.Errorf("%s: %v, want a refusal with a reason", what, err)
	}
}

func fact(s lab.State, label string) string {
	for _, f := range s.View.Facts {
		if f.Label == label {
			return f.Value
		}
	}
	return ""
}

func TestOpen_BadSetup(t *testing.T) {
	e, _ := find("counter")
	for name, setup := range map[string]lab.Args{
		"too small": {"from": "-1"}, "too large": {"from": "11"}, "no number": {"from": "1e3"}, "no choice": {"kind": "quiet"}, "unknown": {"speed": "1"},
	} {
		_, err := lab.Open(t.Context(), e, lab.Options{Setup: setup})
		wantRefusal(t, name, err)
	}
	if _, err := lab.Open(t.Context(), e, lab.Options{Setup: lab.Args{"kind": "loud"}}); err == nil {
		t.Error("an apparatus that can't be built was opened")
	}
	if _, err := lab.Open(t.Context(), e, lab.Options{Step: 5}); err == nil {
		t.Error("a step that is not there was taken for one")
	}
}

func TestRun_ControlsAreChecked(t *testing.T) {
	r := open(t, lab.Options{Setup: lab.Args{"from": "3"}})
	for name, c := range map[string]struct {
		control string
		args    lab.Args
	}{
		"unknown control": {"multiply", nil}, "out of range": {"add", lab.Args{"n": "6"}}, "not a number": {"add", lab.Args{"n": "<b>"}},
		"unknown argument": {"add", lab.Args{"m": "1"}}, "refused": {"refuse", nil}, "disabled": {"off", nil},
		"no server": {"touch", nil}, "unknown server": {"touch", lab.Args{"server": "s-2"}},
	} {
		_, err := r.Do(t.Context(), c.control, c.args, "")
		wantRefusal(t, name, err)
	}
	if _, err := r.Do(t.Context(), "touch", lab.Args{"server": "s-1"}, ""); err != nil {
		t.Error(err)
	}
	if _, err := r.Do(t.Context(), "fault", nil, ""); err == nil || err.Error() != "a fault" {
		t.Errorf("a fault came as %v", err)
	}
	s, err := r.Do(t.Context(), "add", nil, "")
	if err != nil || fact(s, "sum") != "4" || s.Findings.Value("sum") != 4 {
		t.Errorf("3 and the default are %q, %v", fact(s, "sum"), err)
	}
}

func TestRun_SameKeyOnce(t *testing.T) {
	r := open(t, lab.Options{})
	for range 3 {
		if _, err := r.Do(t.Context(), "add", nil, "k1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := fact(r.State(), "adds"); got != "1" {
		t.Errorf("added %s times", got)
	}
}

func TestRun_ARefusalIsSaidEachTime(t *testing.T) {
	r := open(t, lab.Options{})
	for range 2 {
		_, err := r.Do(t.Context(), "refuse", nil, "k1")
		wantRefusal(t, "the same form again", err)
	}
}

func TestRun_GuidedPath(t *testing.T) {
	r := open(t, lab.Options{})
	_, err := r.Step(t.Context(), "guess", 0, "")
	wantRefusal(t, "a later step", err)
	s, err := r.Step(t.Context(), "one", -1, "")
	if err != nil || s.Step != 1 {
		t.Fatalf("step %d, %v", s.Step, err)
	}
	_, err = r.Step(t.Context(), "guess", -1, "")
	wantRefusal(t, "nothing foretold", err)
	_, err = r.Step(t.Context(), "guess", 2, "")
	wantRefusal(t, "no such guess", err)
	if s, err = r.Step(t.Context(), "guess", 0, ""); err != nil || s.Step != 2 || s.Foretold["guess"] != 0 {
		t.Fatalf("step %d, foretold %v, %v", s.Step, s.Foretold, err)
	}
	if s, err = r.Step(t.Context(), "wait", -1, ""); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); s.Step != 3; s = r.State() {
		if time.Now().After(deadline) {
			t.Fatal("what the work beside found did not end the step")
		}
		time.Sleep(time.Millisecond)
	}
	if s, err = r.Step(t.Context(), "read", -1, ""); err != nil || s.Step != 4 {
		t.Fatalf("step %d, %v", s.Step, err)
	}
	_, err = r.Step(t.Context(), "read", -1, "")
	wantRefusal(t, "after the end", err)
}

func TestState_ChangesNothing(t *testing.T) {
	r := open(t, lab.Options{})
	for _, step := range []string{"one", "guess", "wait"} {
		if _, err := r.Step(t.Context(), step, 0, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close("enough"); err != nil { // after it the background work of the last step is done
		t.Fatal(err)
	}
	before := r.Version()
	if s := r.State(); s.Step != 3 || s.Version != before || r.Version() != before {
		t.Errorf("step %d, version %d, then %d and %d", s.Step, before, s.Version, r.Version())
	}
}

func TestRun_StepWaitsForWhatItShows(t *testing.T) {
	r := open(t, lab.Options{Step: 1, Findings: lab.Findings{"sum": {Value: 0}}})
	for deadline := time.Now().Add(time.Minute); r.State().Step != 1 || r.State().Busy != ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the steps before were not carried out again")
		}
	}
	if s := r.State(); fact(s, "sum") != "2" || s.Findings.Value("sum") != 2 {
		t.Errorf("the first step was not carried out again: sum %s", fact(s, "sum"))
	}
}

func TestRun_PanicEndsIt(t *testing.T) {
	for _, control := range []string{"panic", "panic-beside"} {
		r := open(t, lab.Options{})
		_, _ = r.Do(t.Context(), control, nil, "")
		select {
		case <-r.Over():
		case <-time.After(time.Minute):
			t.Fatalf("%s did not end the run", control)
		}
		if r.Failure() == nil || r.State().Ended == "" {
			t.Errorf("%s: failure %v, ended %q", control, r.Failure(), r.State().Ended)
		}
		if _, err := r.Do(t.Context(), "add", nil, ""); !errors.Is(err, lab.ErrGone) {
			t.Errorf("a control after the end: %v", err)
		}
	}
}

func TestState_HoldsTheNewest(t *testing.T) {
	r := open(t, lab.Options{})
	for range 120 {
		if _, err := r.Do(t.Context(), "add", nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	s, all := r.State(), r.Timeline()
	if len(all.Events) != 240 || len(s.Events) >= 240 || s.Events[len(s.Events)-1].N != 240 {
		t.Errorf("%d events on the page, the last %d; %d in the timeline", len(s.Events), s.Events[len(s.Events)-1].N, len(all.Events))
	}
}
