package bank_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

var kinds = []bank.Kind{bank.Memory, bank.Redis, bank.Card, bank.CardDenylist}

// rig is an open run with a bank in it.
type rig struct {
	t *testing.T
	*bank.Bank
	run *lab.Run
}

type apparatus struct{ *bank.Bank }

func (a apparatus) Do(context.Context, string, lab.Args) error { return nil }
func (a apparatus) View(v *lab.View)                           { v.Picture = a.Picture() }

func open(t *testing.T, o bank.Options) *rig {
	t.Helper()
	r := &rig{t: t}
	run, err := lab.Open(t.Context(), lab.Experiment{Name: "bank", Open: func(ctx context.Context, b *lab.Bench) (_ lab.Apparatus, err error) {
		o.Bench = b
		r.Bank, err = bank.Open(ctx, o)
		return apparatus{r.Bank}, err
	}}, lab.Options{Person: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	r.run = run
	t.Cleanup(func() {
		if err := run.Close("the test is over"); err != nil {
			t.Error(err)
		}
	})
	return r
}

// ok fails the test for an error.
func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// want sends a request and says what must come back.
func (r *rig) want(got lab.Request, status int, outcome, who string) lab.Request {
	r.t.Helper()
	if got.Status != status || got.Outcome != outcome || got.Who != who {
		r.t.Fatalf("%s %s by %s: %d %s %q (%s); want %d %s %q", got.Method, got.Path, got.To, got.Status, got.Outcome, got.Who, got.Text, status, outcome, who)
	}
	return got
}

// ask is the answer of one branch, past the balancer.
func (r *rig) ask(browser, branch string) lab.Request {
	r.t.Helper()
	got, body := r.Visit(r.t.Context(), bank.Visit{Browser: browser, Branch: branch})
	var a bank.Answer
	if got.Status != 0 && (json.Unmarshal(body, &a) != nil || a.Says != got.Text) {
		r.t.Errorf("%s says %q, and %q is told", branch, body, got.Text)
	}
	return got
}

// eventually waits until something is so.
func (r *rig) eventually(what string, so func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("never: %s", what)
		}
	}
}
