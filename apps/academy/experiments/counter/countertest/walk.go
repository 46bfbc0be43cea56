package countertest

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// stepTime is the timeout for a step to show what it should.
const stepTime = 60 * time.Second

// Open opens an experiment for the duration of the test.
func Open(t *testing.T, e lab.Experiment, setup lab.Args) *lab.Run {
	t.Helper()
	run, err := lab.Open(t.Context(), e, lab.Options{Setup: setup, Mode: lab.Guided, Person: "Ada", Dir: t.TempDir()})
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

// Walk runs the whole guided path and checks that each step completes and that every finding named in its result was
// measured. It calls each, if not nil, after each step.
func Walk(t *testing.T, e lab.Experiment, run *lab.Run, each func(step lab.Step, s lab.State)) lab.State {
	t.Helper()
	for i, step := range e.Steps {
		guess := -1
		if step.Expect != nil {
			guess = step.Expect.Right
		}
		s, err := run.Step(t.Context(), step.ID, guess, fmt.Sprintf("step-%d", i))
		if err != nil {
			t.Fatalf("step %s: %v", step.ID, err)
		}
		for end := time.Now().Add(stepTime); s.Step == i; s = run.State() {
			if time.Now().After(end) || s.Ended != "" {
				t.Fatalf("step %s has not shown what it should (%s). Findings: %+v. Log: %+v", step.ID, s.Ended, s.Findings, s.Events)
			}
			time.Sleep(5 * time.Millisecond)
		}
		for _, name := range named.FindAllStringSubmatch(step.Result, -1) {
			if f, ok := s.Findings[name[1]]; !ok || f.Text == "" || f.Label == "" {
				t.Errorf("step %s: its result names %q, which is %+v", step.ID, name[1], f)
			}
		}
		if each != nil {
			each(step, s)
		}
	}
	return run.State()
}

var named = regexp.MustCompile(`\{\{([a-z0-9-]+)\}\}`)
