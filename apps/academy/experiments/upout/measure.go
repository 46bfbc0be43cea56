package upout

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// loads are the numbers of concurrent customers that a sweep measures.
var loads = []int{1, 2, 4, 8, 16, 32}

// maxCurves is the maximum number of curves in the charts; the oldest are dropped first.
const maxCurves = 5

// curve is a plan with what a sweep measured of it.
type curve struct {
	plan
	points []point
}

// best returns the highest throughput of all loads, in requests per second.
func (c curve) best() (most float64) {
	for _, p := range c.points {
		most = max(most, p.throughput)
	}
	return most
}

// one measures a single round.
func (a *apparatus) one(ctx context.Context, customers int) {
	a.show(customers, 0, roundTime)
	p := a.round(ctx, customers, roundTime)
	if ctx.Err() != nil {
		return
	}
	a.tell(p)
	a.bench.Find("wait-now", lab.Finding{Label: "Median wait in the last round", Text: wait(p.median), Value: ms(p.median), Unit: "ms"})
	if a.current().key() == "small" && customers <= smallest {
		a.bench.Find("wait-quiet", lab.Finding{Label: "Median wait of a small branch without a queue", Text: wait(p.median), Value: ms(p.median), Unit: "ms"})
	}
}

// sweep measures a round of each load.
func (a *apparatus) sweep(ctx context.Context) {
	c := curve{plan: a.current()}
	began := time.Now()
	for i, customers := range loads {
		left := time.Duration(-1)
		if i > 0 {
			left = time.Since(began) / time.Duration(i) * time.Duration(len(loads)-i)
		}
		a.show(customers, float64(i)/float64(len(loads)), left)
		p := a.round(ctx, customers, roundTime)
		if ctx.Err() != nil {
			return
		}
		a.tell(p)
		c.points = append(c.points, p)
	}
	a.mu.Lock()
	a.curves = slices.DeleteFunc(a.curves, func(old curve) bool { return old.plan == c.plan })
	a.curves = append(a.curves, c)
	if over := len(a.curves) - maxCurves; over > 0 {
		a.curves = slices.Delete(a.curves, 0, over)
	}
	a.mu.Unlock()
	a.take(c)
}

// take stores the findings of a sweep.
func (a *apparatus) take(c curve) {
	key, last := c.key(), c.points[len(c.points)-1]
	a.bench.Find("throughput-"+key, lab.Finding{
		Label: "Most requests a second, " + c.label(), Text: fmt.Sprintf("%.0f requests a second", c.best()), Value: c.best(), Unit: "/s",
	})
	a.bench.Find("wait-"+key, lab.Finding{
		Label: fmt.Sprintf("Median wait with %d customers, %s", last.customers, c.label()), Text: wait(last.median), Value: ms(last.median), Unit: "ms",
	})
	a.bench.Find("price-"+key, lab.Finding{Label: "Price, " + c.label(), Text: fmt.Sprintf("%d coins", c.price()), Value: float64(c.price()), Unit: "coins a day"})
}

// Parameters of the kill under load.
const (
	killLoad  = 16
	killRound = 1200 * time.Millisecond
	killAfter = 400 * time.Millisecond
)

// killOne measures a round in which a branch is killed, and restarts the branch afterwards.
func (a *apparatus) killOne(ctx context.Context) {
	a.show(killLoad, 0, killRound)
	branches := a.Branches()
	victim := branches[len(branches)-1]
	var dead sync.WaitGroup
	dead.Go(func() {
		select {
		case <-time.After(killAfter):
			_ = a.Kill(ctx, victim.ID) // fails only if it is down already
			a.show(killLoad, float64(killAfter)/float64(killRound), killRound-killAfter)
		case <-ctx.Done():
		}
	})
	p := a.round(ctx, killLoad, killRound)
	dead.Wait()
	if err := a.Restart(context.WithoutCancel(ctx), victim.ID); err != nil {
		a.bench.Log(lab.Bad, "%s could not be started again.", victim.Label)
	}
	if ctx.Err() != nil {
		return
	}
	a.tell(p)
	a.bench.Find("failed-"+a.current().key(), lab.Finding{
		Label: "Failed when a branch died, " + a.current().label(), Text: fmt.Sprintf("%d of %d", p.failed, p.failed+p.answered), Value: float64(p.failed),
	})
}

func (a *apparatus) current() plan {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plan
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
