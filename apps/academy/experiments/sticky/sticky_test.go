package sticky_test

import (
	"testing"

	"gatehouse.example/apps/academy/experiments/counter/countertest"
	"gatehouse.example/apps/academy/experiments/sticky"
	"gatehouse.example/apps/academy/lab"
)

// The claim of the lesson, by what the branches answered.
func TestSticky_GuidedPath(t *testing.T) {
	e := sticky.Experiment()
	run := countertest.Open(t, e, nil)
	s := countertest.Walk(t, e, run, nil)
	f := s.Findings
	for name, want := range map[string]float64{
		"asked-before-kill": 10, "recognised-before-kill": 10, "asked-after-kill": 5, "lost-after-kill": 5, "cookies": 2,
		"signed-in-before-update": 60, "signed-out-by-update": 60,
	} {
		if got, ok := f[name]; !ok || got.Value != want {
			t.Errorf("%s: %+v, want %v", name, got, want)
		}
	}
	if inTurn, stuck := f.Value("share-of-busiest-in-turn"), f.Value("share-of-busiest"); inTurn > 35 || stuck < 40 {
		t.Errorf("the busiest branch got %.0f %% in turn and %.0f %% sticky", inTurn, stuck)
	}
	if s.Setup["policy"] != "sticky" {
		t.Errorf("%+v", s.Setup)
	}
	if last := s.View.Charts[len(s.View.Charts)-1]; last.ID != "balance" || len(last.Series) != 2 || len(last.Series[0].Values) != 3 {
		t.Errorf("%+v", last)
	}
}

// Without stickiness it is experiment 2 again, and a comparison leaves the balancer as it was.
func TestSticky_FreeMode(t *testing.T) {
	run := countertest.Open(t, sticky.Experiment(), lab.Args{"branches": "2"})
	do := func(control string, args lab.Args) lab.State {
		t.Helper()
		s, err := run.Do(t.Context(), control, args, "")
		if err != nil {
			t.Fatalf("%s: %v", control, err)
		}
		return s
	}
	do("sign-in", nil)
	do("balance", nil)
	if s := do("ask", lab.Args{"times": "4"}); s.Findings["recognised-before-kill"].Value != 2 {
		t.Errorf("in turn: %+v", s.Findings["recognised-before-kill"])
	}
	do("policy", lab.Args{"policy": "sticky"})
	do("sign-in", nil)
	do("balance", nil)
	if s := do("ask", lab.Args{"times": "4"}); s.Findings["recognised-before-kill"].Value != 4 {
		t.Errorf("sticky: %+v", s.Findings["recognised-before-kill"])
	}
	do("policy", lab.Args{"policy": "least-busy"})
	if _, err := run.Do(t.Context(), "policy", lab.Args{"policy": "magic"}, ""); err == nil {
		t.Error("an unknown policy was taken")
	}
}
