package upout

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/apps/academy/bank"
	"gatehouse/apps/academy/bank/card"
	"gatehouse/apps/academy/lab"
)

// roundTime is for how long customers ask again. Who is being served then is served.
const roundTime = 700 * time.Millisecond

// shown is how many requests of a round travel in the picture.
const shown = 6

// crowdNode is what all customers together are called in the picture.
const crowdNode = "customers"

// point is what a round measured.
type point struct {
	customers  int
	answered   int           // well
	failed     int           // not at all, or with an error
	median     time.Duration // of those answered well
	p95        time.Duration
	throughput float64 // requests answered well, a second
}

// round lets so many customers ask at once, again and again for as long as told.
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

// maxCustomers is how many there are.
const maxCustomers = 48

// giveCards signs all customers in, so that any branch serves them. A sign-in of each at
// the counter would take its time, too.
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

// tell writes a round into the log.
func (a *apparatus) tell(p point) {
	kind := lab.Note
	text := fmt.Sprintf("%s at once: %.0f requests a second. Half of them took %s or less, one in twenty %s or more.", many(p.customers, "customer"), p.throughput, wait(p.median), wait(p.p95))
	if p.failed > 0 {
		kind = lab.Bad
		text += fmt.Sprintf(" %d failed.", p.failed)
	}
	a.bench.Log(kind, "%s", text)
}

// wait is a time to read.
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
