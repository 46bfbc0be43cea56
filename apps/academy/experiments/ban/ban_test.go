package ban_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/experiments/ban"
	"gatehouse.example/apps/academy/lab"
)

// silent is told of connections that are cut on purpose.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	m.Run()
}

func open(t *testing.T, o lab.Options) *lab.Run {
	t.Helper()
	o.Dir, o.Logger = t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), nil))
	r, err := lab.Open(t.Context(), ban.Experiment(), o)
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
		time.Sleep(10 * time.Millisecond)
	}
}

func opened(s lab.State) bool { return s.View.Progress == nil && s.Busy == "" }

func do(t *testing.T, r *lab.Run, control string, args lab.Args) lab.State {
	t.Helper()
	if _, err := r.Do(t.Context(), control, args, ""); err != nil {
		t.Fatalf("%s: %v", control, err)
	}
	return eventually(t, r, control, opened)
}

func wantRefusal(t *testing.T, what string, err error) {
	t.Helper()
	if r := lab.Refusal(""); !errors.As(err, &r) || r == "" {
		t.Errorf("%s: %v, want a refusal with a reason", what, err)
	}
}

func TestGuidedPath_ShowsWhatItTeaches(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Guided, Setup: lab.Args{"servers": "5"}})
	for i, step := range ban.Experiment().Steps {
		eventually(t, r, step.ID, opened)
		guess := -1
		if step.Expect != nil {
			guess = step.Expect.Right
		}
		s := r.State()
		for s.Step == i { // a machine that is too busy needs more than one try, as a learner on it would
			if _, err := r.Step(t.Context(), step.ID, guess, ""); err != nil {
				t.Fatalf("%s: %v: %+v", step.ID, err, s.Findings)
			}
			s = eventually(t, r, step.ID, opened)
		}
		for _, text := range []string{step.Result, step.Why} {
			for _, name := range named(text) {
				if f, there := s.Findings[name]; !there || f.Text == "" {
					t.Errorf("%s tells of {{%s}}, which was not measured", step.ID, name)
				}
			}
		}
	}
	f := r.State().Findings
	for name, want := range map[string]float64{"servers": 500, "accepted-after-done": 0, "innocent-refused": 0, "guessed": 0} {
		if !f.Has(name) || f.Value(name) != want {
			t.Errorf("%s: %+v, want %g", name, f[name], want)
		}
	}
	if f.Value("refused-not-guessed") < 10 || f.Value("caught-up") < 1 || f.Value("caught-up") != f.Value("cut") {
		t.Errorf("of %+v, refused %+v, caught up %+v", f["cut"], f["refused-not-guessed"], f["caught-up"])
	}
	if f.Value("missing") < 10 || !strings.Contains(f["missing"].Text, "server-") {
		t.Errorf("missing: %+v", f["missing"])
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

// banned bans until so many servers confirm it in time: a machine that is too busy needs more than one try.
func banned(t *testing.T, r *lab.Run, confirmed float64) lab.State {
	t.Helper()
	for {
		s := do(t, r, "ban", nil)
		f := s.Findings
		if f.Value("confirmed") == confirmed && f.Value("refused") == confirmed && f.Value("let-in-before") == confirmed {
			return s
		}
		if f.Value("accepted-after-done") != 0 || t.Context().Err() != nil {
			t.Fatalf("findings: %+v", f)
		}
	}
}

// states counts the servers of the picture by their states.
func states(s lab.State) map[string]int {
	n := map[string]int{}
	for _, node := range s.View.Picture.Servers {
		n[node.State]++
	}
	return n
}

func TestBan_AgainAndAgain(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free, Setup: lab.Args{"servers": "3"}})
	s := eventually(t, r, "the servers are open", opened)
	if n := states(s); n[lab.Up] != 3 || s.View.Picture.Grid {
		t.Errorf("before: %v", n)
	}
	for range 2 {
		s = banned(t, r, 3)
		if n := states(s); n[lab.Denied] != 3 || s.Findings.Value("missing") != 0 {
			t.Errorf("after the ban: %v, %+v", n, s.Findings)
		}
		if len(s.View.Charts) != 1 || len(s.View.Tables) != 1 || len(s.View.Tables[0].Rows) != 3 {
			t.Errorf("the curve and the receipt: %+v", s.View)
		}
		for _, c := range s.View.Charts[0].Series {
			if len(c.Values) != len(s.View.Charts[0].Labels) || c.Values[len(c.Values)-1] != 100 {
				t.Errorf("the curve: %+v", s.View.Charts[0])
			}
		}
	}
	s = do(t, r, "lift", nil)
	if n := states(s); n[lab.Up] != 3 || s.Findings.Value("let-in-again") != 3 {
		t.Errorf("after the ban was lifted: %v, %+v", n, s.Findings)
	}
	if f := s.Findings; f.Value("accepted-after-done") != 0 || f.Value("innocent-refused") != 0 || f.Value("asked-after-done") < 6 {
		t.Errorf("findings: %+v", f)
	}
}

func TestCut_RefusesAndCatchesUp(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free, Setup: lab.Args{"servers": "15"}})
	s := eventually(t, r, "the servers are open", opened)
	if !s.View.Picture.Grid {
		t.Error("many servers are drawn like few")
	}
	do(t, r, "cut", lab.Args{"n": "2"})
	s = do(t, r, "cut", lab.Args{"n": "1"})
	if n := states(s); n[lab.Cut] != 3 || s.Findings.Value("refused-not-guessed") != 3 {
		t.Errorf("cut off: %v, %+v", n, s.Findings["refused-not-guessed"])
	}
	s = banned(t, r, 12)
	if f := s.Findings; f.Value("missing") != 3 || len(strings.Split(f["missing"].Text, ",")) != 3 {
		t.Errorf("the receipt: %+v, %+v", f["missing"], f["confirmed"])
	}
	s = do(t, r, "heal", nil)
	if n := states(s); n[lab.Denied] != 15 || s.Findings.Value("caught-up") != 3 {
		t.Errorf("back: %v, %+v", n, s.Findings["caught-up"])
	}
	do(t, r, "cut", lab.Args{"n": "15"})
	s = do(t, r, "heal", nil) // who is banned is so still
	if s.Findings.Value("caught-up") != 15 || s.Findings.Value("guessed") != 0 || s.Findings.Value("accepted-after-done") != 0 {
		t.Errorf("findings: %+v", s.Findings)
	}
}

func TestServers_AreOpenedAndClosed(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free, Setup: lab.Args{"servers": "30"}})
	eventually(t, r, "the servers are open", opened)
	do(t, r, "cut", lab.Args{"n": "30"})
	for _, n := range []string{"2", "4"} {
		if s := do(t, r, "servers", lab.Args{"servers": n}); s.Setup["servers"] != n || s.Findings["servers"].Text != n {
			t.Errorf("%s servers: %+v", n, s.Findings["servers"])
		}
	}
	do(t, r, "heal", nil)
	banned(t, r, 4)
}

func TestControls_RefuseWhatIsWrong(t *testing.T) {
	for _, n := range []string{"0", "501", "many", "-5", "5.5"} {
		_, err := lab.Open(t.Context(), ban.Experiment(), lab.Options{Setup: lab.Args{"servers": n}})
		wantRefusal(t, n+" servers", err)
	}
	r := open(t, lab.Options{Mode: lab.Free, Setup: lab.Args{"servers": "2"}})
	eventually(t, r, "the servers are open", opened)
	for what, c := range map[string]struct {
		control string
		args    lab.Args
	}{
		"nobody is banned": {"lift", nil}, "none is cut off": {"heal", nil}, "more than there are": {"cut", lab.Args{"n": "3"}},
		"none": {"cut", lab.Args{"n": "0"}}, "too many": {"servers", lab.Args{"servers": "501"}}, "no such control": {"unban", nil},
	} {
		_, err := r.Do(t.Context(), c.control, c.args, "")
		wantRefusal(t, what, err)
	}
	do(t, r, "cut", lab.Args{"n": "2"})
	_, err := r.Do(t.Context(), "cut", lab.Args{"n": "1"}, "")
	wantRefusal(t, "all are cut off", err)
}

func TestRun_EndsWhileServersAreOpened(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Free, Setup: lab.Args{"servers": "500"}})
	eventually(t, r, "some are open", func(s lab.State) bool { return len(s.View.Picture.Servers) > 0 })
	if err := r.Close("closed"); err != nil {
		t.Error(err)
	}
}

// A run that goes on at a later step carries the ones before it out again.
func TestRun_GoesOnAtAStep(t *testing.T) {
	r := open(t, lab.Options{Mode: lab.Guided, Step: 2})
	s := eventually(t, r, "it stands where it stood", opened)
	if s.Step != 2 || s.Findings.Value("few-confirmed") < 1 {
		t.Errorf("it stands at %d: %+v", s.Step, s.Findings)
	}
}

// Of many servers the receipt shows the slowest, each with its own time.
func TestReceipt_OfManyServersShowsTheSlowest(t *testing.T) {
	r := open(t, lab.Options{Setup: lab.Args{"servers": "30"}})
	eventually(t, r, "open", opened)
	do(t, r, "ban", nil)
	s := eventually(t, r, "the receipt", func(s lab.State) bool { return len(s.View.Tables) == 1 })
	table := s.View.Tables[0]
	if len(table.Rows) != 20 || !strings.Contains(table.Title, "20 of 30") {
		t.Fatalf("%d rows of %q", len(table.Rows), table.Title)
	}
	slowest := s.Findings["slowest-ms"].Text
	for _, row := range table.Rows {
		if row[1] == "yes" { // the first one that has confirmed
			if row[2] != slowest {
				t.Errorf("the slowest is %v in the table and %s as measured", row, slowest)
			}
			return
		}
	}
	t.Errorf("none confirmed: %v", table.Rows)
}
