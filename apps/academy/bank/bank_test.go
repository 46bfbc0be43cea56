package bank_test

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/balancer"
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

func TestBank_FindsTheCookieBehindMalformedOnes(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			r := open(t, bank.Options{Branches: 1, Kind: kind})
			malformed := http.Header{"Cookie": {bank.CookieName + "=x; " + bank.CookieName + "=y; " + bank.CookieName + "=z"}}
			visit := func(method, path string) lab.Request {
				got, _ := r.Visit(t.Context(), bank.Visit{Method: method, Path: path, Header: malformed})
				return got
			}
			outcome := lab.Unknown
			if kind == bank.Card || kind == bank.CardDenylist {
				outcome = lab.Refused
			}
			r.want(visit(http.MethodGet, "/account"), 401, outcome, "")
			r.want(r.SignIn(t.Context(), bank.You, "Ada"), 200, lab.Recognised, "Ada")
			r.want(visit(http.MethodGet, "/account"), 200, lab.Recognised, "Ada")
			r.Browser(bank.You).Copy(r.Browser("attacker"))
			r.want(visit(http.MethodPost, "/sign-out"), 200, lab.Answered, "")
			if kind != bank.Card {
				r.eventually("the copy is worth nothing", func() bool { return r.ask("attacker", "branch-1").Status == 401 })
			}
		})
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
	r.Visit(ctx, bank.Visit{Browser: "one-of-many", Quiet: true})
	s := r.run.State()
	p := s.View.Picture
	if len(p.Servers) != 2 || len(p.Browsers) != 1 || p.Browsers[0].ID != bank.You || len(p.Shared) != 0 {
		t.Fatalf("%+v", p)
	}
	for _, n := range p.Servers {
		switch {
		case n.ID == in.To && (n.State != lab.Up || n.Note != "1 session" || n.Count != 2):
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

func TestOpen_ThatFailsLeavesNothingRunning(t *testing.T) {
	o := bank.Options{Branches: 1, Kind: bank.CardDenylist, Audience: func(int) string { return "" }}
	_, err := lab.Open(t.Context(), lab.Experiment{Name: "bank", Open: func(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
		o.Bench = b
		_, err := bank.Open(ctx, o)
		return nil, err
	}}, lab.Options{})
	if err == nil {
		t.Fatal("a bank whose cards are for nothing was opened")
	}
	for deadline := time.Now().Add(time.Minute); strings.Contains(stacks(), "denylist.(*Mirror).Run"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the mirror of a branch that was not opened is still running")
		}
	}
}

// stacks returns the stacks of all goroutines.
func stacks() string {
	all := make([]byte, 1<<20)
	return string(all[:runtime.Stack(all, true)])
}
