//go:build unix

package faults_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/tests/estate"
	"gatehouse.example/tests/learner"
)

// The academy is killed in the middle of an experiment. The learner's answers and
// progress are there afterwards, the experiment's process is gone with its parent, and
// it can be started again where the learner was.
func TestKilledAcademy_LosesNoProgress(t *testing.T) {
	e := estate.Start(t, estate.Options{Bound: time.Second})
	ctx := t.Context()
	l, err := learner.New(ctx, e, 1)
	if err != nil {
		t.Fatal(err)
	}
	const lesson = "/lessons/exercises"
	mustPost := func(path string, form url.Values) learner.Page {
		t.Helper()
		p, err := l.Post(ctx, path, form)
		if err != nil || p.Status != http.StatusOK {
			t.Fatalf("%s: %d, %v", path, p.Status, err)
		}
		return p
	}
	question := firstExercise(t, l, lesson)
	mustPost(lesson+"/answers/"+question, url.Values{"text": {"What I wrote before the crash."}})
	mustPost("/lessons/introduction/done", url.Values{"done": {"yes"}})
	run, err := l.Start(ctx, "notebook-in-the-branch")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := l.Do(ctx, run); err != nil {
			t.Fatal(err)
		}
	}
	was, err := l.Get(ctx, run)
	if err != nil || was.StepsDone() != 2 {
		t.Fatalf("%d steps are done, %v", was.StepsDone(), err)
	}

	victim := pidOf(t, e, "academy-1", 0)
	labs := children(t, victim)
	if len(labs) == 0 {
		t.Fatal("the experiment has no process")
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, pid := range labs {
		eventually(t, "the experiment's process has ended with its parent", func() bool { return gone(pid) })
	}
	pidOf(t, e, "academy-1", victim)
	eventually(t, "the academy serves again", func() bool {
		p, err := l.Get(ctx, lesson)
		return err == nil && p.Status == http.StatusOK
	})

	p, err := l.Get(ctx, lesson)
	if err != nil || !strings.Contains(p.Body, "What I wrote before the crash.") {
		t.Errorf("the answer is lost (%d, %v)", p.Status, err)
	}
	if p, err = l.Get(ctx, run); err != nil || p.RunState() != "ended" || p.StepsDone() != 2 {
		t.Fatalf("the run is %q with %d steps, %v", p.RunState(), p.StepsDone(), err)
	}
	if late, err := l.Post(ctx, run+"/step", url.Values{"step": {"any"}, "guess": {"0"}}); err != nil || late.Status != http.StatusConflict {
		t.Errorf("a step after the crash: %d, %v", late.Status, err)
	}
	again := mustPost(run+"/again", url.Values{})
	next := again.URL.Path
	if next == run {
		t.Fatalf("starting again led back to %s%s", next, again.Fault())
	}
	eventually(t, "the learner is where they were", func() bool {
		p, err := l.Get(ctx, next)
		return err == nil && p.StepsDone() >= 2
	})
	for done := false; !done; {
		if _, done, err = l.Do(ctx, next); err != nil {
			t.Fatal(err)
		}
	}
	if p, err = l.Get(ctx, next); err != nil || len(p.Findings()) == 0 {
		t.Errorf("nothing was measured: %v", err)
	}
}

// firstExercise is the id of a lesson's first question that takes a text.
func firstExercise(t *testing.T, l *learner.Learner, lesson string) string {
	t.Helper()
	p, err := l.Get(t.Context(), lesson)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(p.Body, `action="`+lesson+"/answers/")
	id, _, _ := strings.Cut(rest, `"`)
	if !found || id == "" {
		t.Fatalf("%s asks nothing (%d)", lesson, p.Status)
	}
	return id
}

// children are the processes that a process has started.
func children(t *testing.T, pid int) (pids []int) {
	t.Helper()
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, list := range lists {
		raw, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(raw)) {
			n, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, n)
		}
	}
	return pids
}
