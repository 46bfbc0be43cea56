package bank_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/apps/academy/bank"
	"gatehouse/apps/academy/lab"
	"gatehouse/fleet/balancer"
)

// Who was signed in at one branch is known by the others, or is not: that is the story.
func TestBank_WhoKnowsYou(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := open(t, bank.Options{Branches: 3, Kind: kind})
			ctx := t.Context()
			r.want(r.Ask(ctx, bank.You), 401, lab.Unknown, "")
			in := r.want(r.SignIn(ctx, bank.You, "Ada"), 200, lab.Recognised, "Ada")
			for _, br := range r.Branches() {
				got := r.ask(bank.You, br.ID)
				switch {
				case got.To != br.ID:
					t.Errorf("%s answered for %s", got.To, br.ID)
				case kind == bank.Memory && br.ID != in.To:
					r.want(got, 401, lab.Unknown, "")
				default:
					r.want(got, 200, lab.Recognised, "Ada")
				}
				if (got.Via == bank.RedisNode) != (kind == bank.Redis) {
					t.Errorf("%s: asked %q", kind, got.Via)
				}
			}
			r.want(r.Ask(ctx, "stranger"), 401, lab.Unknown, "")
			r.want(r.SignOut(ctx, bank.You), 200, lab.Answered, "")
			if r.Browser(bank.You).Token() != "" {
				t.Error("the cookie is still there")
			}
			r.want(r.Ask(ctx, bank.You), 401, lab.Unknown, "")
		})
	}
}

// A copy of the token after signing out is worth something only where nobody can take it back.
func TestBank_ACopyAfterSigningOut(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := open(t, bank.Options{Branches: 2, Kind: kind})
			ctx := t.Context()
			in := r.want(r.SignIn(ctx, bank.You, "Ada"), 200, lab.Recognised, "Ada")
			r.Browser(bank.You).Copy(r.Browser("attacker"))
			r.want(r.ask("attacker", in.To), 200, lab.Recognised, "Ada")
			out, _ := r.Visit(ctx, bank.Visit{Method: http.MethodPost, Path: "/sign-out", Form: url.Values{}, Branch: in.To})
			r.want(out, 200, lab.Answered, "")
			switch kind {
			case bank.Card:
				r.want(r.ask("attacker", in.To), 200, lab.Recognised, "Ada")
			case bank.CardDenylist:
				for _, br := range r.Branches() {
					r.eventually(br.ID+" refuses the copy", func() bool { return r.ask("attacker", br.ID).Outcome == lab.Refused })
					if got := r.ask("attacker", br.ID); !strings.Contains(got.Text, "denylist") {
						t.Error(got.Text)
					}
				}
			default:
				r.want(r.ask("attacker", in.To), 401, lab.Unknown, "")
			}
		})
	}
}

// A new id at each sign-in, and never one that the browser brought along.
func TestBank_NewIDAtEachSignIn(t *testing.T) {
	for _, kind := range []bank.Kind{bank.Memory, bank.Redis} {
		r := open(t, bank.Options{Branches: 1, Kind: kind})
		ctx := t.Context()
		planted := strings.Repeat("A", 26)
		r.Browser(bank.You).SetToken(planted)
		r.want(r.Ask(ctx, bank.You), 401, lab.Unknown, "")
		r.want(r.SignIn(ctx, bank.You, "Ada"), 200, lab.Recognised, "Ada")
		first := r.Browser(bank.You).Token()
		r.want(r.SignIn(ctx, bank.You, "Ada"), 200, lab.Recognised, "Ada")
		second := r.Browser(bank.You).Token()
		if first == planted || second == first || second == "" {
			t.Errorf("%s: %q, then %q", kind, first, second)
		}
		r.Browser("attacker").SetToken(first)
		r.want(r.Ask(ctx, "attacker"), 401, lab.Unknown, "")
	}
}

func TestBank_RefusesNames(t *testing.T) {
	r := open(t, bank.Options{Branches: 1, Kind: bank.Memory})
	for _, name := range []string{"", "   ", strings.Repeat("x", 65), "\xff", strings.Repeat("y", 20_000)} {
		r.want(r.SignIn(t.Context(), bank.You, name), 400, lab.Refused, "")
	}
	r.want(r.SignIn(t.Context(), bank.You, "<b>Ådå</b>"), 200, lab.Recognised, "<b>Ådå</b>")
	if got, _ := r.Visit(t.Context(), bank.Visit{Path: "/nowhere"}); got.Status != 404 {
		t.Error(got)
	}
}

// Round robin meets every branch, whatever connections are kept; a sticky one meets the same.
func TestBank_PoliciesDecideEachRequest(t *testing.T) {
	r := open(t, bank.Options{Branches: 4, Kind: bank.Card})
	met := func() map[string]int {
		by := map[string]int{}
		for range 12 {
			by[r.Ask(t.Context(), bank.You).To]++
		}
		return by
	}
	if by := met(); len(by) != 4 || by["branch-1"] != 3 {
		t.Errorf("round robin: %v", by)
	}
	r.ok(r.SetPolicy(balancer.NewSticky("branch")))
	if by := met(); len(by) != 1 {
		t.Errorf("sticky: %v", by)
	}
}

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

// The branches of another audience refuse the card of this one.
func TestBank_Audiences(t *testing.T) {
	r := open(t, bank.Options{Branches: 2, Kind: bank.Card, Audience: func(n int) string { return []string{"", "counter", "vault"}[n] }})
	in, _ := r.Visit(t.Context(), bank.Visit{Method: http.MethodPost, Path: "/sign-in", Form: url.Values{"name": {"Ada"}}, Branch: "branch-1"})
	r.want(in, 200, lab.Recognised, "Ada")
	r.want(r.ask(bank.You, "branch-1"), 200, lab.Recognised, "Ada")
	if got := r.want(r.ask(bank.You, "branch-2"), 401, lab.Refused, ""); !strings.Contains(got.Text, "audience") {
		t.Error(got.Text)
	}
	bearer, _ := r.Visit(t.Context(), bank.Visit{Browser: "program", Branch: "branch-1", Header: http.Header{"Authorization": {"Bearer " + r.Browser(bank.You).Token()}}})
	r.want(bearer, 200, lab.Recognised, "Ada")
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

func TestBank_RefusesBadOptions(t *testing.T) {
	bench := &lab.Bench{}
	for name, o := range map[string]bank.Options{
		"no bench":     {Branches: 1, Kind: bank.Memory},
		"no branches":  {Bench: bench, Kind: bank.Memory},
		"too many":     {Bench: bench, Branches: bank.MaxBranches + 1, Kind: bank.Memory},
		"no kind":      {Bench: bench, Branches: 1},
		"unknown kind": {Bench: bench, Branches: 1, Kind: "paper"},
	} {
		if _, err := bank.Open(t.Context(), o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// What the page shows is what the branches are.
func TestBank_Picture(t *testing.T) {
	r := open(t, bank.Options{Branches: 2, Kind: bank.Memory})
	ctx := t.Context()
	in := r.SignIn(ctx, bank.You, "Ada")
	other := map[string]string{"branch-1": "branch-2", "branch-2": "branch-1"}[in.To]
	r.ok(r.Kill(ctx, other))
	s := r.run.State()
	p := s.View.Picture
	if len(p.Servers) != 2 || len(p.Browsers) != 1 || p.Browsers[0].ID != bank.You || len(p.Shared) != 0 {
		t.Fatalf("%+v", p)
	}
	for _, n := range p.Servers {
		switch {
		case n.ID == in.To && (n.State != lab.Up || n.Note != "1 session" || n.Count != 1):
			t.Errorf("%+v", n)
		case n.ID == other && n.State != lab.Down:
			t.Errorf("%+v", n)
		}
	}
	for _, want := range []string{"2 branches", "1 session", "is down", "You (has a cookie)"} {
		if !strings.Contains(p.Text, want) {
			t.Errorf("%q is not in %q", want, p.Text)
		}
	}
	if len(s.Requests) != 1 || s.Requests[0].To != in.To || s.Requests[0].Took <= 0 || len(s.Events) != 2 {
		t.Errorf("%+v %+v", s.Requests, s.Events)
	}
}
