package cost_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/experiments/cost"
	"gatehouse.example/apps/academy/lab"
)

func opened(t *testing.T, setup lab.Args) *lab.Run {
	t.Helper()
	run, err := lab.Open(t.Context(), cost.Experiment(), lab.Options{Setup: setup, Person: "Ada", Dir: t.TempDir()})
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

// until waits for what is measured beside the controls.
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

func idle(s lab.State) bool { return s.View.Progress == nil && s.View.Controls["cancel"].Hidden }

func TestCost_GuidedPathMeasuresEachWay(t *testing.T) {
	run := opened(t, lab.Args{"round": "200"})
	all := cost.Experiment().Steps
	for i, step := range all {
		guess := -1
		if step.Expect != nil {
			guess = step.Expect.Right
		}
		if _, err := run.Step(t.Context(), step.ID, guess, fmt.Sprint("key", i)); err != nil {
			t.Fatalf("step %s: %v", step.ID, err)
		}
		s := until(t, run, step.ID, func(s lab.State) bool { return s.Step > i && idle(s) })
		for _, text := range []string{step.Result, step.Do} {
			for _, name := range named(text) {
				if !s.Findings.Has(name) {
					t.Errorf("step %s tells {{%s}}, which was not measured", step.ID, name)
				}
			}
		}
	}
	found := run.State().Findings
	for _, kind := range []string{"ram", "redis", "jwt", "remembered", "jwt-redis", "mirror"} {
		if found.Value("check-"+kind+"-us") <= 0 || found.Value("throughput-"+kind) <= 0 {
			t.Errorf("%s: %v, %v", kind, found["check-"+kind+"-us"], found["throughput-"+kind])
		}
	}
	for _, kind := range []string{"ram", "jwt", "remembered"} {
		if got := found.Value("lookups-" + kind); got != 0 {
			t.Errorf("%s made %v lookups a request", kind, got)
		}
	}
	for _, kind := range []string{"redis", "jwt-redis"} {
		if got := found.Value("lookups-" + kind); got != 1 {
			t.Errorf("%s made %v lookups a request", kind, got)
		}
	}
	s := run.State()
	if len(s.View.Charts) != 3 || len(s.View.Tables) != 2 || len(s.View.Tables[0].Rows) != 6 || len(s.View.Tables[1].Rows) != 6 {
		t.Errorf("%d charts, tables %v", len(s.View.Charts), s.View.Tables)
	}
	for _, c := range s.View.Charts {
		for _, series := range c.Series {
			if len(series.Values) != len(c.Labels) {
				t.Errorf("%s: %d values for %d labels", c.ID, len(series.Values), len(c.Labels))
			}
		}
	}
	if len(s.Requests) != 6 {
		t.Errorf("%d requests were shown", len(s.Requests))
	}
	for _, r := range s.Requests {
		if asked := r.To == "redis" || r.To == "jwt-redis"; asked != (r.Via == "redis") {
			t.Errorf("a request to %s went by %q", r.To, r.Via)
		}
	}
}

// named are the findings that a text stands for.
func named(text string) (names []string) {
	for _, part := range strings.Split(text, "{{")[1:] {
		name, _, _ := strings.Cut(part, "}}")
		names = append(names, name)
	}
	return names
}

func TestCost_OneMeasurementAtATimeAndStop(t *testing.T) {
	run := opened(t, lab.Args{"round": "3000", "clients": "1"})
	if _, err := run.Do(t.Context(), "measure", lab.Args{"kind": "mirror"}, "1"); err != nil {
		t.Fatal(err)
	}
	_, err := run.Do(t.Context(), "measure", lab.Args{"kind": "ram"}, "2")
	if refused, ok := err.(lab.Refusal); !ok || !strings.Contains(string(refused), "under way") {
		t.Errorf("a second one: %v", err)
	}
	until(t, run, "progress", func(s lab.State) bool { return s.View.Progress != nil && s.View.Progress.Cancel == "cancel" })
	if _, err := run.Do(t.Context(), "cancel", nil, "3"); err != nil {
		t.Fatal(err)
	}
	s := until(t, run, "the stop", idle)
	if s.Findings.Has("throughput-mirror") {
		t.Error("a round that was stopped was taken down")
	}
}

func TestCost_RefusesALoadOutOfRange(t *testing.T) {
	run := opened(t, nil)
	for _, args := range []lab.Args{{"clients": "9"}, {"clients": "0"}, {"round": "100"}, {"round": "many"}} {
		if _, err := run.Do(t.Context(), "load", args, ""); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	s, err := run.Do(t.Context(), "load", lab.Args{"clients": "3", "round": "300"}, "")
	if err != nil || s.Setup["clients"] != "3" || s.Setup["round"] != "300" {
		t.Errorf("%v, %v", s.Setup, err)
	}
}

func TestCost_EndsInTheMiddle(t *testing.T) {
	run := opened(t, lab.Args{"round": "3000"})
	if _, err := run.Do(t.Context(), "all", nil, ""); err != nil {
		t.Fatal(err)
	}
	until(t, run, "progress", func(s lab.State) bool { return s.View.Progress != nil })
}
