package steal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/experiments/steal"
	"gatehouse.example/apps/academy/lab"
)

func opened(t *testing.T, setup lab.Args) *lab.Run {
	t.Helper()
	run, err := lab.Open(t.Context(), steal.Experiment(), lab.Options{Setup: setup, Person: "Ada", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close("the test is over"); err != nil {
			t.Error(err)
		}
		if err := run.Failure(); err != nil {
			t.Error(err)
		}
	})
	return run
}

// until waits for what happens beside the controls.
func until(t *testing.T, run *lab.Run, what string, is func(lab.State) bool) lab.State {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s := run.State()
		if is(s) {
			return s
		}
		if time.Now().After(deadline) || s.Ended != "" {
			t.Fatalf("%s: it did not come; ended: %q; findings: %v; events: %v", what, s.Ended, s.Findings, s.Events)
		}
	}
}

func idle(s lab.State) bool { return s.View.Controls["stop"].Hidden }

func do(t *testing.T, run *lab.Run, control string, args lab.Args) lab.State {
	t.Helper()
	s, err := run.Do(t.Context(), control, args, "")
	if err != nil {
		t.Fatalf("%s: %v", control, err)
	}
	return s
}

func TestSteal_GuidedPathMeasuresTheExposureOfEach(t *testing.T) {
	run := opened(t, lab.Args{"watch": "1", "life": "2"})
	for i, step := range steal.Experiment().Steps {
		guess := -1
		if step.Expect != nil {
			guess = step.Expect.Right
		}
		if _, err := run.Step(t.Context(), step.ID, guess, fmt.Sprint("key", i)); err != nil {
			t.Fatalf("step %s: %v", step.ID, err)
		}
		s := until(t, run, step.ID, func(s lab.State) bool { return s.Step > i && idle(s) })
		for _, part := range strings.Split(step.Result, "{{")[1:] {
			if name, _, _ := strings.Cut(part, "}}"); !s.Findings.Has(name) {
				t.Errorf("step %s tells {{%s}}, which was not found", step.ID, name)
			}
		}
	}
	s := run.State()
	f := s.Findings
	for _, way := range []string{"plain", "short", "redis", "denylist"} {
		if f.Value("stolen-"+way) != 3 {
			t.Errorf("%s: the copy opened %v branches", way, f["stolen-"+way])
		}
		want := 3.0
		if way == "plain" {
			want = 0
		}
		if got := f.Value("refused-after-sign-out-" + way); got != want {
			t.Errorf("%s: refused by %v branches; want %v", way, got, want)
		}
	}
	if f.Value("accepted-after-sign-out-plain") == 0 || f.Value("left-plain") <= 0 {
		t.Errorf("plain: %v, %v", f["accepted-after-sign-out-plain"], f["left-plain"])
	}
	if f.Value("accepted-after-sign-out-short") == 0 {
		t.Errorf("short: %v", f["accepted-after-sign-out-short"])
	}
	if got := f["accepted-after-sign-out-redis"]; got.Value != 0 {
		t.Errorf("redis: %v", got)
	}
	if rows := s.View.Tables[0].Rows; len(rows) != 4 {
		t.Errorf("%v", rows)
	}
	if c := s.View.Charts[0]; len(c.Labels) != 4 || len(c.Series[0].Values) != 4 {
		t.Errorf("%+v", c)
	}
}

func TestSteal_NothingToReplayBeforeTheCopy(t *testing.T) {
	run := opened(t, nil)
	_, err := run.Do(t.Context(), "sign-out", nil, "")
	if refused := lab.Refusal(""); !errors.As(err, &refused) {
		t.Errorf("signed out with %v", err)
	}
	s := do(t, run, "arrange", lab.Args{"kind": "redis"})
	if s.Setup["kind"] != "redis" {
		t.Errorf("the set-up is %v", s.Setup)
	}
	s = do(t, run, "steal", nil)
	if s.Findings.Value("stolen-redis") != 3 {
		t.Errorf("%v", s.Findings)
	}
	if _, err := run.Do(t.Context(), "arrange", lab.Args{"kind": "paper"}, ""); err == nil {
		t.Error("a way that there is not was built")
	}
}

func TestSteal_StopsAReplay(t *testing.T) {
	run := opened(t, lab.Args{"watch": "10"})
	do(t, run, "theft", lab.Args{"kind": "plain"})
	if _, err := run.Do(t.Context(), "sign-in", nil, ""); err == nil {
		t.Error("something else was done while the attacker tries")
	}
	until(t, run, "progress", func(s lab.State) bool { return s.View.Progress != nil && s.View.Progress.Cancel == "stop" })
	do(t, run, "stop", nil)
	s := until(t, run, "the stop", idle)
	if s.Findings.Has("exposure-plain") {
		t.Error("a replay that was stopped was taken down")
	}
	// It goes on from there.
	do(t, run, "steal", nil)
}

func TestSteal_EndsInTheMiddle(t *testing.T) {
	run := opened(t, lab.Args{"watch": "10"})
	do(t, run, "theft", lab.Args{"kind": "plain"})
	until(t, run, "progress", func(s lab.State) bool { return s.View.Progress != nil })
}

// Started again after the theft, the copy is made anew, and there is something to sign out of.
func TestSteal_GoesOnWhereItWas(t *testing.T) {
	e := steal.Experiment()
	run, err := lab.Open(t.Context(), e, lab.Options{Setup: lab.Args{"watch": "1"}, Person: "Ada", Dir: t.TempDir(), Step: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = run.Close("the test is over") }()
	until(t, run, "the step before", func(s lab.State) bool { return s.Step == 1 && s.Busy == "" })
	if _, err := run.Step(t.Context(), e.Steps[1].ID, 2, ""); err != nil {
		t.Fatal(err)
	}
	s := until(t, run, "the sign-out", func(s lab.State) bool { return s.Step == 2 })
	if s.Findings.Value("accepted-after-sign-out-plain") == 0 {
		t.Errorf("%v", s.Findings)
	}
}
