package card_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/apps/academy/experiments/card"
	"gatehouse.example/apps/academy/lab"
)

func opened(t *testing.T, setup lab.Args) *lab.Run {
	t.Helper()
	run, err := lab.Open(t.Context(), card.Experiment(), lab.Options{Setup: setup, Person: "Ada", Dir: t.TempDir()})
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
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s := run.State()
		if is(s) {
			return s
		}
		if time.Now().After(deadline) || s.Ended != "" {
			t.Fatalf("%s: it did not come; ended: %q; findings: %v; events: %v", what, s.Ended, s.Findings, s.Events)
		}
	}
}

func do(t *testing.T, run *lab.Run, control string) lab.State {
	t.Helper()
	s, err := run.Do(t.Context(), control, nil, "")
	if err != nil {
		t.Fatalf("%s: %v", control, err)
	}
	return s
}

func TestCard_GuidedPathIsRefusedWhereItShouldBe(t *testing.T) {
	run := opened(t, nil)
	for i, step := range card.Experiment().Steps {
		guess := -1
		if step.Expect != nil {
			guess = step.Expect.Right
		}
		if _, err := run.Step(t.Context(), step.ID, guess, fmt.Sprint("key", i)); err != nil {
			t.Fatalf("step %s: %v", step.ID, err)
		}
		s := until(t, run, step.ID, func(s lab.State) bool { return s.Step > i && s.View.Progress == nil })
		for _, part := range strings.Split(step.Result, "{{")[1:] {
			if name, _, _ := strings.Cut(part, "}}"); !s.Findings.Has(name) {
				t.Errorf("step %s tells {{%s}}, which was not found", step.ID, name)
			}
		}
	}
	s := run.State()
	for name, want := range map[string]float64{
		"accepted-cookie": 3, "lookups-cookie": 3, "accepted-good": 3, "refused-altered": 3, "refused-none": 3, "refused-hs256": 3, "refused-other-key": 3,
		"refused-wrong-audience": 3, "accepted-before-expiry": 3, "refused-expired": 3, "accepted-during-rotation": 9, "refused-during-rotation": 0,
		"refused-after-drop": 3, "accepted-after-drop": 3, "lookups": 0,
	} {
		if got := s.Findings.Value(name); got != want || !s.Findings.Has(name) {
			t.Errorf("%s = %v; want %v", name, s.Findings[name], want)
		}
	}
	for name, want := range map[string]string{
		"refused-altered": "signature does not fit", "refused-none": `alg "none"`, "refused-hs256": `alg "HS256"`, "refused-other-key": "signature does not fit",
		"refused-wrong-audience": "bank-vault", "refused-expired": "expired at", "refused-after-drop": `no key "key-1"`,
	} {
		if got := s.Findings[name+"-why"].Text; !strings.Contains(got, want) {
			t.Errorf("%s because %q; want something with %q", name, got, want)
		}
	}
}

func TestCard_ShowsWhatIsWrittenOnIt(t *testing.T) {
	run := opened(t, lab.Args{"branches": "1"})
	panel := func(s lab.State, id string) lab.Panel {
		for _, p := range s.View.Panels {
			if p.ID == id {
				return p
			}
		}
		t.Fatalf("no panel %q in %v", id, s.View.Panels)
		return lab.Panel{}
	}
	s := do(t, run, "issue")
	if p := panel(s, "header"); !strings.Contains(p.Code, `"alg": "ES256"`) || p.Tone != "" {
		t.Errorf("%+v", p)
	}
	if p := panel(s, "payload"); !strings.Contains(p.Code, `"sub": "Ada"`) || !strings.Contains(p.Code, "customer") {
		t.Errorf("%+v", p)
	}
	s = do(t, run, "none")
	if p := panel(s, "header"); !strings.Contains(p.Code, `"alg": "none"`) || p.Tone != lab.Bad {
		t.Errorf("%+v", p)
	}
	if p := panel(s, "payload"); !strings.Contains(p.Code, "manager") || p.Tone != lab.Bad {
		t.Errorf("%+v", p)
	}
	if p := panel(s, "signature"); p.Code != "(none)" {
		t.Errorf("%+v", p)
	}
	if got := s.Findings.Value("refused-none"); got != 1 {
		t.Errorf("%v refused", got)
	}
	last := s.Requests[len(s.Requests)-1]
	if last.Status != 401 || last.Outcome != lab.Refused || last.To != "branch-1" || !strings.Contains(last.Text, "none") {
		t.Errorf("%+v", last)
	}
}

// The branches have just read the keys, and do not ask again at once for each key that
// somebody names: one that was not told beforehand refuses new cards for some seconds.
func TestCard_RotationWithoutNotice(t *testing.T) {
	run := opened(t, nil)
	do(t, run, "issue")
	s := do(t, run, "rotate")
	accepted, refused := s.Findings.Value("accepted-during-rotation"), s.Findings.Value("refused-during-rotation")
	if accepted+refused != 9 || accepted < 6 {
		t.Errorf("%v accepted and %v refused: %v", accepted, refused, s.Events)
	}
	do(t, run, "prepare") // and every branch reads the keys
	s = do(t, run, "show")
	if got := s.Findings.Value("accepted-good"); got != 3 {
		t.Errorf("%v accepted the new card afterwards: %v", got, s.Events)
	}
}

func TestCard_RefusesWhatMakesNoSense(t *testing.T) {
	run := opened(t, nil)
	for _, control := range []string{"alter", "show", "rotation", "drop", "hs256"} {
		_, err := run.Do(t.Context(), control, nil, "")
		if refused := lab.Refusal(""); !errors.As(err, &refused) {
			t.Errorf("%s before there is a card: %v", control, err)
		}
	}
	do(t, run, "issue")
	for range 5 {
		do(t, run, "rotation")
	}
	_, err := run.Do(t.Context(), "rotation", nil, "")
	if refused := lab.Refusal(""); !errors.As(err, &refused) || !strings.Contains(err.Error(), "many keys") {
		t.Errorf("a sixth key: %v", err)
	}
	s := do(t, run, "drop")
	if s.Findings.Value("refused-after-drop") != 3 || s.Findings.Value("accepted-after-drop") != 3 {
		t.Errorf("%v", s.Findings)
	}
}

func TestCard_EndsWhileACardExpires(t *testing.T) {
	run := opened(t, nil)
	s := do(t, run, "expire")
	if s.Findings.Value("accepted-before-expiry") != 3 {
		t.Errorf("%v", s.Findings)
	}
	until(t, run, "progress", func(s lab.State) bool { return s.View.Progress != nil })
	if _, err := run.Do(t.Context(), "issue", nil, ""); err == nil {
		t.Error("something else was done while a card expires")
	}
}

// Started again before its last step, the steps before are carried out again, so that
// there is an old key to drop.
func TestCard_GoesOnWhereItWas(t *testing.T) {
	e := card.Experiment()
	last := len(e.Steps) - 1
	run, err := lab.Open(t.Context(), e, lab.Options{Person: "Ada", Dir: t.TempDir(), Step: last})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = run.Close("the test is over") }()
	until(t, run, "the steps before", func(s lab.State) bool { return s.Step == last && s.Busy == "" })
	if _, err := run.Step(t.Context(), e.Steps[last].ID, 1, ""); err != nil {
		t.Fatal(err)
	}
	s := until(t, run, "the last step", func(s lab.State) bool { return s.Step == len(e.Steps) })
	if s.Findings.Value("refused-after-drop") != 3 || s.Findings.Has("refused-expired") {
		t.Errorf("%v", s.Findings)
	}
}

func TestOpen_SaysWhyThereIsNoHeadOffice(t *testing.T) {
	o := lab.Options{Dir: t.TempDir()}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Max: limit.Max}); err != nil { // no more sockets
		t.Fatal(err)
	}
	run, err := lab.Open(t.Context(), card.Experiment(), o)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err == nil {
		_ = run.Close("")
	}
	if !errors.Is(err, syscall.EMFILE) {
		t.Errorf("%v; want %v", err, syscall.EMFILE)
	}
}
