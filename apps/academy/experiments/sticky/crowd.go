package sticky

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/experiments/counter"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/fleet/balancer"
)

const (
	customers = 60
	requests  = 100 // of all customers together, about, in addition to one each
)

// crowd returns the customer of each request. A few customers send many requests and most send one (customer i in
// proportion to i^-1.5, at least one). The order is shuffled, and the same each time.
func crowd() []string {
	sum := 0.0
	for i := 1; i <= customers; i++ {
		sum += activity(i)
	}
	var order []string
	for i := 1; i <= customers; i++ {
		for range max(1, int(requests*activity(i)/sum+0.5)) {
			order = append(order, customer(i))
		}
	}
	rand.New(rand.NewPCG(60, 3)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

func activity(i int) float64 { return math.Pow(float64(i), -1.5) }

func customer(i int) string { return fmt.Sprintf("customer-%d", i) }

// load is how the requests of the crowd were distributed.
type load struct {
	label    string
	branches []string // their labels
	by       []int    // requests each of them answered
	total    int
}

func (l load) busiest() float64 {
	most := 0
	for _, n := range l.by {
		most = max(most, n)
	}
	return 100 * float64(most) / float64(max(l.total, 1))
}

// compare sends the crowd to the bank twice, with round robin and sticky, and stores the share of the busiest branch.
// It starts branches that are down first.
func (a *apparatus) compare(ctx context.Context) error {
	for _, br := range a.Branches() {
		if br.State != lab.Down {
			continue
		}
		if err := a.Restart(ctx, br.ID); err != nil {
			return err
		}
	}
	a.mu.Lock()
	current := a.made[a.policy]
	a.mu.Unlock()
	defer func() { _ = a.SetPolicy(current) }() // fails only for an unknown pool
	var loads []load
	for _, one := range []struct {
		label, finding string
		policy         balancer.Policy
	}{
		{"In turn", "share-of-busiest-in-turn", balancer.NewRoundRobin()},
		{"Sticky", "share-of-busiest", balancer.NewSticky(branchCookie)},
	} {
		if err := a.SetPolicy(one.policy); err != nil {
			return err
		}
		l := a.measure(ctx, one.label)
		if ctx.Err() != nil {
			return lab.Refusal("The comparison took too long. Please try again.")
		}
		loads = append(loads, l)
		share := fmt.Sprintf("%.0f %%", l.busiest())
		a.bench.Log(lab.Note, "%s: %d requests of %d customers. The busiest branch answered %s of them.", l.label, l.total, customers, share)
		a.bench.Find(one.finding, lab.Finding{Label: "Share of the busiest branch, " + strings.ToLower(l.label), Text: share, Value: l.busiest(), Unit: "%"})
	}
	a.mu.Lock()
	a.loads = loads
	a.mu.Unlock()
	return nil
}

// measure sends the crowd's requests and counts them by branch.
func (a *apparatus) measure(ctx context.Context, label string) load {
	answered := map[string]int{}
	l := load{label: label}
	for _, who := range crowd() {
		r, _ := a.Visit(ctx, bank.Visit{Browser: who, Quiet: true})
		answered[r.To]++
		l.total++
	}
	for _, br := range a.Branches() {
		l.branches = append(l.branches, br.Label)
		l.by = append(l.by, answered[br.ID])
	}
	return l
}

func chart(loads []load) lab.Chart {
	c := lab.Chart{
		ID: "balance", Title: "The balance of load", Kind: "bar", YLabel: "requests", Labels: loads[0].branches,
		Subtitle: fmt.Sprintf("Requests of %d customers, a few of them busy, by the branch that answered", customers),
	}
	for _, l := range loads {
		s := lab.Series{Label: l.label}
		for _, n := range l.by {
			s.Values = append(s.Values, float64(n))
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// update signs the customers in, restarts all branches, and stores how many customers were signed in before and
// after.
func (a *apparatus) update(ctx context.Context) error {
	for i := 1; i <= customers; i++ {
		who := customer(i)
		a.Visit(ctx, bank.Visit{Browser: who, Method: http.MethodPost, Path: "/sign-in", Form: url.Values{"name": {fmt.Sprintf("Customer %d", i)}}, Quiet: true})
	}
	before := a.everybody(ctx)
	a.bench.Log(lab.Acted, "All branches are restarted, one after the other, as an update would.")
	if err := a.RestartAll(ctx); err != nil {
		return err
	}
	after := a.everybody(ctx)
	a.bench.Find("signed-in-before-update", before.Of(before.Recognised, "Signed in before the update"))
	a.bench.Find("signed-out-by-update", after.Of(after.Unknown, "Signed out by the update"))
	a.bench.Log(lab.Bad, "Before the update %d of %d customers were recognised, after it %d.", before.Recognised, before.Asked, after.Recognised)
	return nil
}

func (a *apparatus) everybody(ctx context.Context) (c counter.Count) {
	for i := 1; i <= customers; i++ {
		r, _ := a.Visit(ctx, bank.Visit{Browser: customer(i), Quiet: true})
		c.Add(r)
	}
	return c
}
