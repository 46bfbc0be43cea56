package emails_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/experiments/emails"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/tests/env"
)

func open(t *testing.T, o lab.Options) *lab.Run {
	t.Helper()
	o.Dir, o.Logger = t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), nil))
	r, err := lab.Open(t.Context(), emails.Experiment(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close("the test is over"); err != nil {
			t.Error(err)
		}
	})
	return r
}

// eventually awaits a state; the test's own time limit ends what never comes.
func eventually(t *testing.T, r *lab.Run, what string, is func(lab.State) bool) lab.State {
	t.Helper()
	for {
		s := r.State()
		if is(s) {
			return s
		}
		if t.Context().Err() != nil || s.Ended != "" {
			t.Fatalf("%s: %+v", what, s)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func do(t *testing.T, r *lab.Run, control string, args lab.Args) lab.State {
	t.Helper()
	if _, err := r.Do(t.Context(), control, args, ""); err != nil {
		t.Fatalf("%s: %v", control, err)
	}
	return eventually(t, r, control, func(s lab.State) bool { return s.View.Progress == nil })
}

func wantRefusal(t *testing.T, what string, err error) {
	t.Helper()
	if r := lab.Refusal(""); !errors.As(err, &r) || r == "" {
		t.Errorf("%s: %v, want a refusal with a reason", what, err)
	}
}

func TestGuidedPath_ShowsWhatItTeaches(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Guided})
	for i, step := range emails.Experiment().Steps {
		guess := -1
		if step.Expect != nil {
			guess = step.Expect.Right
		}
		if _, err := r.Step(t.Context(), step.ID, guess, step.ID); err != nil {
			t.Fatalf("%s: %v", step.ID, err)
		}
		s := eventually(t, r, step.ID, func(s lab.State) bool { return s.View.Progress == nil })
		if s.Step != i+1 {
			t.Fatalf("after %s the path stands at %d: %+v", step.ID, s.Step, s.Findings)
		}
		for _, name := range named(step.Result) {
			if f, there := s.Findings[name]; !there || f.Text == "" {
				t.Errorf("%s tells of {{%s}}, which was not measured", step.ID, name)
			}
		}
	}
	s := r.State()
	for name, word := range map[string]string{"plan-without": "SCAN", "plan-with": "USING INDEX users_email", "lower-plan": "SCAN", "lower-plan-with": "USING INDEX users_email_lower"} {
		if !strings.Contains(s.Findings[name].Text, word) {
			t.Errorf("%s: %q", name, s.Findings[name].Text)
		}
	}
	// The plans above say that the index spares the scan; how many times as fast that is differs between machines.
	if f := s.Findings; f.Value("rows") != 100_000 || f.Value("ratio") <= 0 || f.Value("duplicates") != 2 || f.Value("duplicate-refused") != 1 {
		t.Errorf("findings: %+v", f)
	}
	if c := s.View.Charts; len(c) != 1 || len(c[0].Labels) != 5 || len(c[0].Series[0].Values) != 5 || len(c[0].Series[1].Values) != 5 {
		t.Errorf("the curve: %+v", c)
	}
}

// named are the findings that a text tells.
func named(text string) (names []string) {
	for {
		_, rest, found := strings.Cut(text, "{{")
		if !found {
			return names
		}
		var name string
		name, text, _ = strings.Cut(rest, "}}")
		names = append(names, name)
	}
}

func TestPostgres_ShowsTheSame(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free, Postgres: env.PostgresURL(t), Setup: lab.Args{"rows": "10000", "database": "postgres"}})
	do(t, r, "make", lab.Args{"rows": "10000", "database": "postgres"})
	do(t, r, "look", lab.Args{"how": "exact"})
	do(t, r, "index", lab.Args{"index": "email", "look": "true"})
	do(t, r, "look", lab.Args{"how": "lower"})
	do(t, r, "index", lab.Args{"index": "lower", "look": "true"})
	do(t, r, "register", nil)
	s := do(t, r, "protect", nil)
	f := s.Findings
	for name, word := range map[string]string{"plan-without": "Seq Scan on users", "plan-with": "Scan using users_email on users", "lower-plan": "Seq Scan", "lower-plan-with": "users_email_lower"} {
		if !strings.Contains(f[name].Text, word) {
			t.Errorf("%s: %q", name, f[name].Text)
		}
	}
	if f.Value("rows") != 10_000 || f.Value("duplicates") != 2 || f.Value("duplicate-refused") != 1 || f.Value("index-size") <= 0 {
		t.Errorf("findings: %+v", f)
	}
	if got := s.View.Facts[0].Value; !strings.HasPrefix(got, "PostgreSQL ") {
		t.Errorf("the database is called %q", got)
	}
	s = do(t, r, "make", lab.Args{"rows": "10000", "database": "sqlite"}) // and back: one table at a time
	if got := s.View.Facts[0].Value; !strings.HasPrefix(got, "SQLite ") {
		t.Errorf("the database is called %q", got)
	}
}

func TestMake_IsStoppedHalfWay(t *testing.T) {
	for kind, url := range map[string]string{"sqlite": "", "postgres": env.PostgresURL(t)} {
		t.Run(kind, func(t *testing.T) {
			r := open(t, lab.Options{Mode: lab.Free, Postgres: url})
			if _, err := r.Do(t.Context(), "make", lab.Args{"rows": "5000000", "database": kind}, ""); err != nil {
				t.Fatal(err)
			}
			s := eventually(t, r, "it is on its way", func(s lab.State) bool { p := s.View.Progress; return p != nil && p.Share > 0 && p.Left > 0 })
			if s.View.Progress.Cancel != "cancel" || s.View.Progress.Label == "" {
				t.Errorf("progress: %+v", s.View.Progress)
			}
			_, err := r.Do(t.Context(), "look", nil, "")
			wantRefusal(t, "a look-up meanwhile", err)
			s = do(t, r, "cancel", nil)
			if s.Findings.Value("rows") != 0 {
				t.Errorf("the table is said to have %g users", s.Findings.Value("rows"))
			}
			_, err = r.Do(t.Context(), "look", nil, "")
			wantRefusal(t, "a look-up without a table", err)
			if s = do(t, r, "make", lab.Args{"rows": "10000", "database": kind}); s.Findings.Value("rows") != 10_000 {
				t.Errorf("the next table has %g users", s.Findings.Value("rows"))
			}
		})
	}
}

func TestRun_EndsInTheMiddle(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free})
	if _, err := r.Do(t.Context(), "make", lab.Args{"rows": "5000000"}, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Close("closed"); err != nil {
		t.Error(err)
	}
}

func TestControls_RefuseWhatIsWrong(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free})
	for what, c := range map[string]struct {
		control string
		args    lab.Args
	}{
		"a size that is not offered": {"make", lab.Args{"rows": "7"}}, "too many": {"make", lab.Args{"rows": "50000000"}},
		"another database": {"make", lab.Args{"database": "oracle"}}, "PostgreSQL where there is none": {"make", lab.Args{"database": "postgres"}},
		"no table yet": {"look", nil}, "an index of no table": {"index", nil}, "nothing to stop": {"cancel", nil},
	} {
		_, err := r.Do(t.Context(), c.control, c.args, "")
		wantRefusal(t, what, err)
	}
	do(t, r, "make", lab.Args{"rows": "10000"})
	for what, args := range map[string]lab.Args{"another question": {"how": "like"}, "SQL": {"how": "'; DROP TABLE users"}} {
		_, err := r.Do(t.Context(), "look", args, "")
		wantRefusal(t, what, err)
	}
	_, err := r.Do(t.Context(), "index", lab.Args{"index": "unique"}, "")
	wantRefusal(t, "the unique index without its control", err)
}

// A run that goes on at a later step carries the ones before it out again.
func TestRun_GoesOnAtAStep(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Guided, Step: 3})
	s := eventually(t, r, "it stands where it stood", func(s lab.State) bool { return s.Busy == "" })
	if s.Step != 3 {
		t.Fatalf("it stands at %d: %+v", s.Step, s.Events)
	}
	if s, err := r.Step(t.Context(), "with", 2, ""); err != nil || s.Step != 4 {
		t.Errorf("the next step: at %d, %v", s.Step, err)
	}
}

func TestDrop_BringsTheScanBack(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free})
	do(t, r, "make", lab.Args{"rows": "10000"})
	do(t, r, "index", lab.Args{"index": "lower"})
	do(t, r, "protect", nil)
	do(t, r, "drop", lab.Args{"index": "lower"})
	s := do(t, r, "look", lab.Args{"how": "lower"})
	if !strings.Contains(s.Findings["lower-plan"].Text, "SCAN") {
		t.Errorf("the plan: %q", s.Findings["lower-plan"].Text)
	}
}
