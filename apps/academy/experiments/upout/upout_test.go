package upout_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/experiments/counter/countertest"
	"gatehouse.example/apps/academy/experiments/upout"
	"gatehouse.example/apps/academy/lab"
)

// The claim of the lesson, by what the branches answered.
func TestUpOut_GuidedPath(t *testing.T) {
	e := upout.Experiment()
	run := countertest.Open(t, e, nil)
	s := countertest.Walk(t, e, run, nil)
	f := s.Findings
	if f.Value("failed-up") == 0 || f.Value("failed-more") != 0 {
		t.Errorf("failed: %+v with one branch, %+v with twelve", f["failed-up"], f["failed-more"])
	}
	if up, out, more := f.Value("price-up"), f.Value("price-out"), f.Value("price-more"); up != 160 || out != 85 || more != 125 {
		t.Errorf("prices: %v, %v, %v", up, out, more)
	}
	// What a branch that serves two at once for 100 ms each can do is bounded by arithmetic, not by this machine.
	if most := f.Value("throughput-small"); most <= 0 || most > 20.5 {
		t.Errorf("a small branch answered %v requests a second", most)
	}
	for _, chart := range s.View.Charts {
		if len(chart.Series) != 4 {
			t.Errorf("%s: %d curves", chart.ID, len(chart.Series))
		}
		for _, series := range chart.Series {
			if len(series.Values) != len(chart.Labels) {
				t.Errorf("%s: %s: %v", chart.ID, series.Label, series.Values)
			}
		}
	}
	if len(s.View.Charts) != 3 || len(s.View.Tables) != 2 || s.Setup["branches"] != "12" || s.Setup["size"] != "2" {
		t.Errorf("%d charts, %d tables, %v", len(s.View.Charts), len(s.View.Tables), s.Setup)
	}
	if text := s.View.Picture.Text; !strings.HasPrefix(text, "Customers (none right now) → load balancer → 12 branches") {
		t.Error(text)
	}
}

// A measurement shows how far it is, keeps others out and can be stopped.
func TestUpOut_CanBeStopped(t *testing.T) {
	run := countertest.Open(t, upout.Experiment(), lab.Args{"branches": "2", "size": "4"})
	if _, err := run.Do(t.Context(), "sweep", nil, ""); err != nil {
		t.Fatal(err)
	}
	s := run.State()
	if s.View.Progress == nil || s.View.Progress.Cancel != "cancel" {
		t.Fatalf("%+v", s.View.Progress)
	}
	var refused lab.Refusal
	if _, err := run.Do(t.Context(), "up", nil, ""); !errors.As(err, &refused) {
		t.Errorf("two at once: %v", err)
	}
	for run.State().View.Progress != nil {
		if _, err := run.Do(t.Context(), "cancel", nil, ""); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	s = run.State()
	if len(s.View.Charts) != 0 || s.Findings.Has("throughput-out") {
		t.Errorf("a stopped measurement counts: %+v", s.Findings)
	}
	if _, err := run.Do(t.Context(), "cancel", nil, ""); !errors.As(err, &refused) {
		t.Errorf("nothing to stop: %v", err)
	}
	if _, err := run.Do(t.Context(), "let-in", lab.Args{"customers": "49"}, ""); !errors.As(err, &refused) {
		t.Errorf("too many: %v", err)
	}
}

// A run that ends in the middle of a measurement ends.
func TestUpOut_EndsUnderWay(t *testing.T) {
	run := countertest.Open(t, upout.Experiment(), nil)
	if _, err := run.Do(t.Context(), "kill-under-load", nil, ""); err != nil {
		t.Fatal(err)
	}
	if err := run.Close("the tab was closed"); err != nil {
		t.Error(err)
	}
}
