package sticky

import (
	"context"
	"fmt"
	"sync"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/experiments/counter"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/balancer"
)

// branchCookie is the name of the balancer's cookie.
const branchCookie = "bank_branch"

type apparatus struct {
	*counter.Counter
	bench *lab.Bench

	mu            sync.Mutex
	policy        string
	made          map[string]balancer.Policy // kept, since a sticky policy knows only its own cookies
	killed        bool                       // since the learner signed in
	before, after counter.Count              // the kill
	loads         []load                     // of the last comparison
}

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	a := &apparatus{bench: b, policy: b.Setup()[choosePolicy], made: map[string]balancer.Policy{
		roundRobin: balancer.NewRoundRobin(), sticking: balancer.NewSticky(branchCookie), leastBusy: balancer.NewLeastBusy(),
	}}
	var err error
	a.Counter, err = counter.New(ctx, b, bank.Options{Kind: bank.Memory, Policy: func() balancer.Policy { return a.made[a.policy] }})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	switch control {
	case choosePolicy:
		return a.choose(args["policy"])
	case balance:
		return a.compare(ctx)
	case update:
		return a.update(ctx)
	}
	mine, _ := a.Branch(a.Home())
	round, err := a.Counter.Do(ctx, control, args)
	if err != nil {
		return err
	}
	switch {
	case control == counter.SignIn:
		a.signedIn()
	case control == counter.KillMine, control == counter.Kill && args["server"] == mine.ID:
		a.mu.Lock()
		a.killed = true
		a.mu.Unlock()
		a.bench.Find("killed", lab.Finding{Label: "Killed", Text: mine.Label, Value: 1})
	}
	a.take(round)
	return nil
}

func (a *apparatus) choose(policy string) error {
	if err := a.SetPolicy(a.made[policy]); err != nil {
		return err
	}
	a.mu.Lock()
	a.policy = policy
	a.mu.Unlock()
	a.bench.Set(choosePolicy, policy)
	said := map[string]string{
		roundRobin: "The balancer takes the branches in turn.",
		sticking:   "The balancer is sticky: a cookie of its own says which branch a browser belongs to.",
		leastBusy:  "The balancer takes the branch that has the least to do.",
	}[policy]
	a.bench.Log(lab.Acted, "%s", said)
	a.bench.Find("policy", lab.Finding{Label: "The balancer", Text: policy, Value: 1})
	return nil
}

// signedIn stores which branch signed the learner in, and the number of cookies in the browser.
func (a *apparatus) signedIn() {
	a.mu.Lock()
	a.killed, a.before, a.after = false, counter.Count{}, counter.Count{}
	a.mu.Unlock()
	br, _ := a.Branch(a.Home())
	a.bench.Find("signed-in-at", lab.Finding{Label: "Signed in by", Text: br.Label, Value: 1})
	n := len(a.Browser(bank.You).Cookies())
	text := fmt.Sprintf("%d cookies", n)
	if n == 1 {
		text = "1 cookie"
	}
	a.bench.Find("cookies", lab.Finding{Label: "Cookies of your browser", Text: text, Value: float64(n)})
}

// take adds the answers to the counts and stores them as findings.
func (a *apparatus) take(round counter.Count) {
	if round.Asked == 0 || a.Home() == "" {
		return
	}
	a.mu.Lock()
	killed := a.killed
	if killed {
		a.after = a.after.Plus(round)
	} else {
		a.before = a.before.Plus(round)
	}
	before, after := a.before, a.after
	a.mu.Unlock()
	if killed {
		a.bench.Find("asked-after-kill", after.All("Asked after the kill"))
		a.bench.Find("lost-after-kill", after.Of(after.Unknown, "Not recognised after the kill"))
		return
	}
	a.bench.Find("asked-before-kill", before.All("Asked before the kill"))
	a.bench.Find("recognised-before-kill", before.Of(before.Recognised, "Recognised before the kill"))
}

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.Counter.View(v, map[string]string{bank.CookieName: "Cookie: your session", branchCookie: "Cookie: your branch"})
	a.mu.Lock()
	policy, loads := a.policy, a.loads
	a.mu.Unlock()
	for _, p := range policies {
		if p.Value == policy {
			v.Facts = append(v.Facts, lab.Fact{Label: "The balancer", Value: p.Label})
			v.Picture.Balancer.Note = policy
		}
	}
	v.Controls[choosePolicy] = lab.Adjusts{Values: map[string]string{"policy": policy}}
	if len(loads) > 0 {
		v.Charts = append(v.Charts, chart(loads))
	}
}
