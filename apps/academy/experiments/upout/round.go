package upout

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/bank/card"
	"gatehouse.example/apps/academy/lab"
)

// roundTime is the duration for which customers send requests. Requests in progress at its end are finished.
const roundTime = 700 * time.Millisecond

// shown is the number of requests of a round that the picture shows.
const shown = 6

// crowdNode is the ID of the picture's node for all customers.
const crowdNode = "customers"

// point is the measurement of a round.
type point struct {
	customers  int
	answered   int           // successfully
	failed     int           // without a response, or with an error
	median     time.Duration // of the successful ones
	p95        time.Duration
	throughput float64 // successful requests per second
}

// round measures a number of concurrent customers, each of which sends requests one after the other for the duration
// long.
func (a *apparatus) round(ctx context.Context, customers int, long time.Duration) point {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		p     = point{customers: customers}
		waits []time.Duration
	)
	began := time.Now()
	for i := range customers {
		who := customer(i)
		all.Go(func() {
			for time.Since(began) < long && ctx.Err() == nil {
				r, _ := a.Visit(ctx, bank.Visit{Browser: who, Quiet: true})
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				if r.Status == 200 {
					waits = append(waits, r.Took)
				} else {
					p.failed++
				}
				show := len(waits)+p.failed <= shown
				mu.Unlock()
				if show {
					r.From = crowdNode
					a.bench.Request(r)
				}
			}
		})
	}
	all.Wait()
	p.throughput = float64(len(waits)) / time.Since(began).Seconds()
	p.answered = len(waits)
	slices.Sort(waits)
	p.median, p.p95 = quantile(waits, 0.5), quantile(waits, 0.95)
	return p
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func customer(i int) string { return fmt.Sprintf("customer-%d", i+1) }

// maxCustomers is the number of customers.
const maxCustomers = 48

// giveCards issues a card to every customer, so that any branch serves them, without the sign-ins that would take
// capacity.
func (a *apparatus) giveCards() error {
	for i := range maxCustomers {
		raw, err := a.Issuer().Sign(card.Card{Subject: fmt.Sprintf("Customer %d", i+1), Audience: "counter", Life: 24 * time.Hour})
		if err != nil {
			return err
		}
		a.Browser(customer(i)).SetToken(raw)
	}
	return nil
}

// tell logs a round.
func (a *apparatus) tell(p point) {
	kind := lab.Note
	text := fmt.Sprintf("%s at once: %.0f requests a second. Half of them took %s or less, one in twenty %s or more.", many(p.customers, "customer"), p.throughput, wait(p.median), wait(p.p95))
	if p.failed > 0 {
		kind = lab.Bad
		text += fmt.Sprintf(" %d failed.", p.failed)
	}
	a.bench.Log(kind, "%s", text)
}

// wait formats a duration.
func wait(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if what == "branch" {
		what = "branche"
	}
	return fmt.Sprintf("%d %ss", n, what)
}
