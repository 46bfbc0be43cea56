package bank_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// Killed means: gone at once, nobody told the balancer, nobody gets an error for it, and nothing of its memory is left.
func TestBank_Kill(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := open(t, bank.Options{Branches: 3, Kind: kind})
			ctx := t.Context()
			in := r.want(r.SignIn(ctx, bank.You, "Ada"), 200, lab.Recognised, "Ada")
			r.ok(r.Kill(ctx, in.To))
			var refused lab.Refusal
			if err := r.Kill(ctx, in.To); !errors.As(err, &refused) {
				t.Errorf("killed twice: %v", err)
			}
			r.want(r.ask(bank.You, in.To), 0, lab.Lost, "")
			for range 9 {
				got := r.Ask(ctx, bank.You)
				if got.To == in.To || got.Outcome == lab.Lost {
					t.Fatalf("after the kill: %+v", got)
				}
			}
			r.ok(r.Restart(ctx, in.To))
			if kind == bank.Memory {
				r.want(r.ask(bank.You, in.To), 401, lab.Unknown, "")
			} else {
				r.want(r.ask(bank.You, in.To), 200, lab.Recognised, "Ada")
			}
			by := map[string]bool{}
			for range 6 {
				by[r.Ask(ctx, bank.You).To] = true
			}
			if !by[in.To] {
				t.Errorf("the restarted branch gets no requests: %v", by)
			}
		})
	}
}

// With all branches down there is an honest answer, and afterwards everything works again.
func TestBank_AllDown(t *testing.T) {
	r := open(t, bank.Options{Branches: 2, Kind: bank.Card})
	ctx := t.Context()
	r.SignIn(ctx, bank.You, "Ada")
	for _, br := range r.Branches() {
		r.ok(r.Kill(ctx, br.ID))
	}
	r.want(r.Ask(ctx, bank.You), 503, lab.Lost, "")
	r.ok(r.RestartAll(ctx))
	r.want(r.Ask(ctx, bank.You), 200, lab.Recognised, "Ada")
}

func TestBank_AddAndRemove(t *testing.T) {
	r := open(t, bank.Options{Branches: 2, Kind: bank.Redis})
	ctx := t.Context()
	r.SignIn(ctx, bank.You, "Ada")
	for range bank.MaxBranches - 2 {
		if _, err := r.AddBranch(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var refused lab.Refusal
	if _, err := r.AddBranch(ctx); !errors.As(err, &refused) {
		t.Fatalf("one too many: %v", err)
	}
	for range 2 * bank.MaxBranches {
		r.want(r.Ask(ctx, bank.You), 200, lab.Recognised, "Ada")
	}
	r.ok(r.RemoveBranch(ctx, "branch-3"))
	if err := r.RemoveBranch(ctx, "branch-3"); !errors.As(err, &refused) {
		t.Errorf("removed twice: %v", err)
	}
	if br, err := r.AddBranch(ctx); err != nil || br.ID != "branch-3" {
		t.Errorf("the free number is not taken: %+v, %v", br, err)
	}
	for i := 2; i <= bank.MaxBranches; i++ {
		r.ok(r.RemoveBranch(ctx, fmt.Sprintf("branch-%d", i)))
	}
	if err := r.RemoveBranch(ctx, "branch-1"); !errors.As(err, &refused) {
		t.Errorf("the last one: %v", err)
	}
	r.want(r.Ask(ctx, bank.You), 200, lab.Recognised, "Ada")
}

// Promise 4 of the house, in the bank: never a false sign-out.
func TestBank_RedisAway(t *testing.T) {
	for _, kind := range []bank.Kind{bank.Redis, bank.CardDenylist} {
		t.Run(string(kind), func(t *testing.T) {
			r := open(t, bank.Options{Branches: 2, Kind: kind})
			ctx := t.Context()
			r.SignIn(ctx, bank.You, "Ada")
			before := r.Browser(bank.You).Token()
			r.ok(r.StopRedis(ctx))
			r.eventually("it refuses", func() bool { return r.Ask(ctx, bank.You).Status == 503 })
			for _, br := range r.Branches() {
				r.eventually(br.ID+" refuses", func() bool { return r.ask(bank.You, br.ID).Status == 503 })
				r.want(r.ask(bank.You, br.ID), 503, lab.Refused, "")
			}
			r.want(r.SignOut(ctx, bank.You), 503, lab.Refused, "")
			r.ok(r.Restart(ctx, "branch-1")) // a branch starts without Redis, and refuses too
			r.want(r.ask(bank.You, "branch-1"), 503, lab.Refused, "")
			if got := r.Browser(bank.You).Token(); got != before {
				t.Fatalf("the cookie changed from %q to %q", before, got)
			}
			r.ok(r.StartRedis(ctx))
			for _, br := range r.Branches() {
				r.want(r.ask(bank.You, br.ID), 200, lab.Recognised, "Ada")
			}
		})
	}
	r := open(t, bank.Options{Branches: 1, Kind: bank.Memory})
	var refused lab.Refusal
	if err := r.StopRedis(t.Context()); !errors.As(err, &refused) {
		t.Errorf("a bank without Redis: %v", err)
	}
}

// A branch serves only so many at once; the others wait, and beyond the queue there is a 503.
func TestBank_Capacity(t *testing.T) {
	r := open(t, bank.Options{Branches: 1, Kind: bank.Card, Capacity: 2, Service: 100 * time.Millisecond, Queue: 3})
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 8 {
		all.Go(func() {
			got, _ := r.Visit(t.Context(), bank.Visit{Browser: fmt.Sprintf("customer-%d", i), Quiet: true})
			mu.Lock()
			statuses[got.Status]++
			mu.Unlock()
		})
	}
	all.Wait()
	// Two at work, three waiting, three sent away; a late one may find a place that has become free.
	if statuses[401]+statuses[503] != 8 || statuses[401] < 5 || statuses[503] == 0 {
		t.Errorf("%v", statuses)
	}
	r.ok(r.Resize(t.Context(), "branch-1", 8))
	if br, _ := r.Branch("branch-1"); br.Capacity != 8 || br.State != lab.Up {
		t.Errorf("%+v", br)
	}
	r.want(r.Ask(t.Context(), bank.You), 401, lab.Unknown, "")
}

// Everything at once, for the race detector: nobody ever gets a 500 or somebody else's name.
func TestBank_EverythingAtOnce(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := open(t, bank.Options{Branches: 4, Kind: kind})
			ctx := t.Context()
			var customers sync.WaitGroup
			for i := range 8 {
				customers.Go(func() {
					me := fmt.Sprintf("customer-%d", i)
					for range 15 {
						r.SignIn(ctx, me, me)
						if got := r.Ask(ctx, me); got.Status == 500 || got.Who != "" && got.Who != me {
							t.Errorf("%s: %+v", me, got)
						}
						r.run.State()
					}
				})
			}
			for range 3 {
				r.ok(r.Kill(ctx, "branch-2"))
				r.ok(r.Restart(ctx, "branch-2"))
				r.ok(r.RestartAll(ctx))
				if _, err := r.AddBranch(ctx); err != nil {
					t.Error(err)
				}
				r.ok(r.RemoveBranch(ctx, "branch-5"))
			}
			customers.Wait()
		})
	}
}
