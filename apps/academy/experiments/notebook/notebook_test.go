package notebook_test

import (
	"errors"
	"testing"

	"gatehouse.example/apps/academy/experiments/counter/countertest"
	"gatehouse.example/apps/academy/experiments/notebook"
	"gatehouse.example/apps/academy/lab"
)

// The claim of the lesson, by what the branches answered.
func TestNotebook_GuidedPath(t *testing.T) {
	e := notebook.Experiment()
	run := countertest.Open(t, e, nil)
	f := countertest.Walk(t, e, run, nil).Findings
	for name, want := range map[string]float64{
		"asked": 9, "recognised": 3, "lost-sessions": 6, // one of three
		"asked-with-more": 12, "recognised-with-more": 2, "lost-with-more": 10, // one of six
		"recognised-again": 2, "lost-again": 10, "in-memory": 2,
		"recognised-after-restart": 0, "lost-after-restart": 12,
	} {
		if got, ok := f[name]; !ok || got.Value != want {
			t.Errorf("%s: %+v, want %v", name, got, want)
		}
	}
	if f["lost-sessions"].Text != "6 of 9" {
		t.Errorf("%+v", f["lost-sessions"])
	}
}

// With another number of branches it is another share.
func TestNotebook_FreeMode(t *testing.T) {
	run := countertest.Open(t, notebook.Experiment(), lab.Args{"branches": "4"})
	do := func(control string, args lab.Args) lab.State {
		t.Helper()
		s, err := run.Do(t.Context(), control, args, "")
		if err != nil {
			t.Fatalf("%s: %v", control, err)
		}
		return s
	}
	var refused lab.Refusal
	if _, err := run.Do(t.Context(), "kill-mine", nil, ""); !errors.As(err, &refused) {
		t.Errorf("killing nobody's branch: %v", err)
	}
	do("ask", nil)
	if s := do("sign-in", lab.Args{"name": "Bob"}); s.Findings.Has("lost-sessions") {
		t.Error("something was lost before there was anything to lose")
	}
	s := do("ask", lab.Args{"times": "8"})
	if s.Findings["recognised"].Text != "2 of 8" || s.Findings["lost-sessions"].Value != 6 {
		t.Errorf("%+v", s.Findings)
	}
	if len(s.View.Tables) != 1 || len(s.View.Tables[0].Rows) != 4 || len(s.View.Charts) != 1 {
		t.Errorf("%+v", s.View)
	}
	do("kill-mine", lab.Args{"times": "4"})
	if s := do("add", lab.Args{"count": "4"}); s.Setup["branches"] != "8" {
		t.Errorf("%+v", s.Setup)
	}
	if s := do("remove", lab.Args{"server": "branch-8"}); s.Setup["branches"] != "7" {
		t.Errorf("after one was closed: %+v", s.Setup)
	}
	for control, args := range map[string]lab.Args{
		"kill": {"server": "branch-99"}, "ask": {"times": "41"}, "add": {"count": "0"}, "sign-in": {"name": ""}, "fly": nil,
	} {
		if _, err := run.Do(t.Context(), control, args, ""); !errors.As(err, &refused) {
			t.Errorf("%s %v: %v", control, args, err)
		}
	}
	do("sign-out", nil)
}
