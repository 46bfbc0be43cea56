package notebook

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/experiments/counter"
	"gatehouse.example/apps/academy/lab"
)

type apparatus struct {
	*counter.Counter
	bench *lab.Bench

	mu    sync.Mutex
	phase phase
	found counter.Count // counts of this phase
}

// phase names the last event that changes which branches know the learner. Answers are counted per phase.
type phase struct{ suffix, of string }

var (
	first     = phase{"", ""}
	more      = phase{"-with-more", " with more branches"}
	again     = phase{"-again", " after signing in again"}
	restarted = phase{"-after-restart", " after the restart"}
)

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	c, err := counter.New(ctx, b, bank.Options{Kind: bank.Memory})
	if err != nil {
		return nil, err
	}
	return &apparatus{Counter: c, bench: b}, nil
}

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	if control == signInAgain {
		return a.signInAgain(ctx, args)
	}
	if now, changes := map[string]phase{counter.SignIn: first, counter.Add: more, counter.RestartAll: restarted}[control]; changes {
		a.enter(now)
	}
	round, err := a.Counter.Do(ctx, control, args)
	if err != nil {
		return err
	}
	if control == counter.SignIn {
		a.signedIn("signed-in-at", "Signed in by")
	}
	a.take(round)
	return nil
}

const signInAgain = "again"

func (a *apparatus) signInAgain(ctx context.Context, args lab.Args) error {
	name := a.bench.Person
	if name == "" {
		name = "Ada"
	}
	if r := a.SignIn(ctx, name); r.Outcome != lab.Recognised {
		return lab.Refusal(r.Text)
	}
	a.enter(again)
	a.signedIn("signed-in-again-at", "Signed in again by")
	n := a.inMemory()
	a.bench.Find("in-memory", lab.Finding{Label: "In the branches' memories after signing in again", Text: sessions(n), Value: float64(n)})
	a.take(a.Ask(ctx, args.Int("times")))
	return nil
}

// enter begins a phase with empty counts.
func (a *apparatus) enter(p phase) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.phase, a.found = p, counter.Count{}
}

// signedIn stores which branch signed the learner in.
func (a *apparatus) signedIn(name, label string) {
	br, _ := a.Branch(a.Home())
	at := slices.IndexFunc(a.Branches(), func(one bank.Branch) bool { return one.ID == br.ID })
	a.bench.Find(name, lab.Finding{Label: label, Text: br.Label, Value: float64(at + 1)})
}

// take adds the answers to the phase's counts and stores them as findings.
func (a *apparatus) take(round counter.Count) {
	if round.Asked == 0 || a.Home() == "" {
		return
	}
	a.mu.Lock()
	a.found = a.found.Plus(round)
	c, p := a.found, a.phase
	a.mu.Unlock()
	lost := "lost" + p.suffix
	if p == first {
		lost = "lost-sessions"
	}
	a.bench.Find("asked"+p.suffix, c.All("Asked"+p.of))
	a.bench.Find("recognised"+p.suffix, c.Of(c.Recognised, "Recognised"+p.of))
	a.bench.Find(lost, c.Of(c.Unknown, "Not recognised"+p.of))
}

// inMemory returns the number of sessions in all branches.
func (a *apparatus) inMemory() (n int) {
	for _, br := range a.Branches() {
		n += max(br.Sessions, 0)
	}
	return n
}

func sessions(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.Counter.View(v, map[string]string{bank.CookieName: "Cookie: entry of the notebook"})
	v.Facts = append(v.Facts, lab.Fact{Label: "In all memories together", Value: sessions(a.inMemory())})
}
