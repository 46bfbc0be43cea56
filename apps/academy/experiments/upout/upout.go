package upout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/balancer"
)

type apparatus struct {
	*bank.Bank
	bench *lab.Bench

	mu       sync.Mutex
	plan     plan
	at       int // concurrent customers now
	curves   []curve
	progress *lab.Progress // nil if no measurement is in progress
	stop     context.CancelFunc
}

// plan is the bank's number of branches and their size.
type plan struct{ branches, size int }

func (p plan) serves() int { return p.branches * p.size }

func (p plan) price() int {
	sum := p.branches * prices[p.size]
	if p.branches > 1 {
		sum += doorman
	}
	return sum
}

func (p plan) label() string {
	if p.branches == 1 {
		return fmt.Sprintf("1 branch of %d", p.size)
	}
	return fmt.Sprintf("%d branches of %d", p.branches, p.size)
}

// key returns the suffix of the names of a plan's findings.
func (p plan) key() string {
	switch {
	case p.branches == 1 && p.size == smallest:
		return "small"
	case p.branches == 1:
		return "up"
	case p.serves() <= ceiling:
		return "out"
	}
	return "more"
}

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	setup := b.Setup()
	a := &apparatus{bench: b, plan: plan{setup.Int("branches"), setup.Int("size")}}
	var err error
	a.Bank, err = bank.Open(ctx, bank.Options{
		Bench: b, Branches: a.plan.branches, Kind: bank.Card, Policy: balancer.NewLeastBusy,
		Capacity: a.plan.size, Service: service, Queue: maxCustomers,
	})
	if err != nil {
		return nil, err
	}
	if err := a.giveCards(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	if control == cancel {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.stop != nil {
			a.stop()
		}
		return nil
	}
	if a.busy() {
		return errBusy
	}
	switch control {
	case letIn:
		n := args.Int("customers")
		return a.start(many(n, "customer")+" at once", func(ctx context.Context) { a.one(ctx, n) })
	case up:
		if err := a.build(ctx, plan{1, args.Int("size")}); err != nil {
			return err
		}
	case out:
		if err := a.build(ctx, plan{args.Int("branches"), smallest}); err != nil {
			return err
		}
	case kill:
		return a.start("16 customers, and a branch dies", a.killOne)
	case sweep: // measured below, as after a change of the bank
	default:
		return fmt.Errorf("upout: no control %q", control)
	}
	return a.start("From 1 to 32 customers", a.sweep)
}

const errBusy = lab.Refusal("A measurement is under way. Wait until it is done, or stop it.")

func (a *apparatus) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.progress != nil
}

// start runs work in the background until it is done or stopped. It returns errBusy if a measurement is in progress.
func (a *apparatus) start(label string, work func(context.Context)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.progress != nil {
		return errBusy
	}
	a.progress = &lab.Progress{Label: label, Left: -1, Cancel: cancel}
	a.bench.Go(func(ctx context.Context) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		a.mu.Lock()
		a.stop = stop
		a.mu.Unlock()
		work(ctx)
		if ctx.Err() != nil {
			a.bench.Log(lab.Note, "The measurement was stopped.")
		}
		a.mu.Lock()
		a.progress, a.stop, a.at = nil, nil, 0
		a.mu.Unlock()
		a.bench.Changed()
	})
	return nil
}

// show updates the progress of a measurement and the number of customers.
func (a *apparatus) show(customers int, share float64, left time.Duration) {
	a.mu.Lock()
	a.at = customers
	a.progress.Share, a.progress.Left = share, left
	a.mu.Unlock()
	a.bench.Changed()
}

// build changes the bank's branches according to a plan.
func (a *apparatus) build(ctx context.Context, p plan) error {
	a.bench.Log(lab.Acted, "The bank becomes %s, for %d coins a day.", p.label(), p.price())
	branches := a.Branches()
	for len(branches) > p.branches {
		last := branches[len(branches)-1]
		if err := a.RemoveBranch(ctx, last.ID); err != nil {
			return err
		}
		branches = branches[:len(branches)-1]
	}
	for len(branches) < p.branches {
		br, err := a.AddBranch(ctx)
		if err != nil {
			return err
		}
		branches = append(branches, br)
	}
	for _, br := range branches {
		if br.Capacity == p.size && br.State == lab.Up {
			continue
		}
		if err := a.Resize(ctx, br.ID, p.size); err != nil {
			return err
		}
	}
	a.mu.Lock()
	a.plan = p
	a.mu.Unlock()
	a.bench.SetInt("branches", p.branches)
	a.bench.SetInt("size", p.size)
	return nil
}
