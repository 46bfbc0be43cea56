package steal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// attacker is the ID of the attacker's browser.
const attacker = "attacker"

// apparatus is a running experiment: a bank, the learner and the attacker.
type apparatus struct {
	bench *lab.Bench

	mu       sync.Mutex
	way      way
	bank     *bank.Bank
	signedIn bool
	stolen   string // the copied token; "" for none
	results  map[string]result
	progress *lab.Progress
	running  bool
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	a := &apparatus{bench: b, results: map[string]result{}}
	w, ok := wayOf(b.Setup()[kind.Name])
	if !ok {
		return nil, lab.Refusal("Unknown way to keep a session.")
	}
	if err := a.arrange(ctx, w); err != nil {
		return nil, err
	}
	return a, nil
}

// Close implements lab.Apparatus.
func (a *apparatus) Close() error {
	a.stop()
	a.work.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bank.Close()
}

const (
	errReplays = lab.Refusal("The attacker is still trying. Wait for the end, or stop the replay.")
	errNoCopy  = lab.Refusal("The attacker has nothing yet. Copy the token first.")
)

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	if control == "stop" {
		a.stop()
		return nil
	}
	a.mu.Lock()
	running := a.running
	a.mu.Unlock()
	if running {
		return errReplays
	}
	switch control {
	case "arrange", "theft":
		w, ok := wayOf(args[kind.Name])
		if !ok {
			return lab.Refusal("Unknown way to keep a session.")
		}
		if err := a.arrange(ctx, w); err != nil || control == "arrange" {
			return err
		}
		if err := a.steal(ctx); err != nil {
			return err
		}
		return a.signOut()
	case "sign-in":
		return a.signIn(ctx)
	case "steal":
		return a.steal(ctx)
	case "sign-out":
		return a.signOut()
	}
	return fmt.Errorf("steal: no control %q", control)
}

// arrange replaces the bank by a new one.
func (a *apparatus) arrange(ctx context.Context, w way) error {
	setup := a.bench.Setup()
	o := bank.Options{Bench: a.bench, Branches: setup.Int(branches.Name), Kind: w.kind, Life: longLife, Exact: true}
	if w.name == short {
		o.Life = time.Duration(setup.Int(life.Name)) * time.Second
	}
	built, err := bank.Open(ctx, o)
	if err != nil {
		return err
	}
	built.Browser(attacker)
	a.mu.Lock()
	before := a.bank
	a.bank, a.way, a.signedIn, a.stolen = built, w, false, ""
	a.mu.Unlock()
	a.bench.Set(kind.Name, w.name)
	a.bench.Log(lab.Note, "A bank of %d branches: %s.", o.Branches, w.label)
	if before != nil {
		return before.Close()
	}
	return nil
}

func (a *apparatus) person() string {
	if a.bench.Person != "" {
		return a.bench.Person
	}
	return "Learner"
}

func (a *apparatus) signIn(ctx context.Context) error {
	r := a.bank.SignIn(ctx, bank.You, a.person())
	if r.Outcome != lab.Recognised {
		return fmt.Errorf("steal: signing in: %s", r.Text)
	}
	a.mu.Lock()
	a.signedIn = true
	a.mu.Unlock()
	return nil
}

// steal copies the token to the attacker's browser and tries it at every branch.
func (a *apparatus) steal(ctx context.Context) error {
	a.mu.Lock()
	w, in := a.way, a.signedIn
	a.mu.Unlock()
	if !in {
		if err := a.signIn(ctx); err != nil {
			return err
		}
	}
	a.bank.Browser(bank.You).Copy(a.bank.Browser(attacker))
	a.mu.Lock()
	a.stolen = a.bank.Browser(attacker).Token()
	a.mu.Unlock()
	a.bench.Log(lab.Bad, "The attacker copied your %s. You notice nothing.", w.what)
	recognised, all := 0, a.bank.Branches()
	for _, b := range all {
		r, _ := a.bank.Visit(ctx, bank.Visit{Browser: attacker, Branch: b.ID})
		if r.Outcome == lab.Recognised && r.Who == a.person() {
			recognised++
		}
	}
	a.bench.Find("stolen-"+w.name, lab.Finding{
		Label: w.label + ": branches that took the attacker for you", Text: fmt.Sprintf("%d of %d", recognised, len(all)), Value: float64(recognised),
	})
	return nil
}

// signOut signs the learner out in the background while the attacker keeps trying.
func (a *apparatus) signOut() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stolen == "" {
		return errNoCopy
	}
	setup, w, b := a.bench.Setup(), a.way, a.bank
	most := time.Duration(setup.Int(watch.Name)) * time.Second
	if w.name == short {
		most = max(most, time.Duration(setup.Int(life.Name)+1)*time.Second)
	}
	a.running, a.signedIn = true, false
	a.work.Add(1)
	a.bench.Go(func(ctx context.Context) {
		defer a.work.Done()
		defer a.ended()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		a.mu.Lock()
		a.cancel = cancel
		a.mu.Unlock()
		a.replay(ctx, w, b, most)
	})
	return nil
}

func (a *apparatus) ended() {
	a.mu.Lock()
	a.running, a.cancel, a.progress = false, nil, nil
	a.mu.Unlock()
	a.bench.Changed()
}

func (a *apparatus) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cancel != nil {
		a.cancel()
	}
}
