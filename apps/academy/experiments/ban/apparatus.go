package ban

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/denylist"
)

// apparatus is a running experiment: the servers, the traffic, and the last ban's result.
type apparatus struct {
	bench     *lab.Bench
	estate    *estate
	traffic   *traffic
	end       context.CancelFunc // stops the traffic
	running   sync.WaitGroup
	collected int // the process's GC percentage before

	mu      sync.Mutex
	opening *opening // nil if none is in progress
	last    *outcome // of the last ban
}

// opening is the progress of opening servers.
type opening struct {
	began     time.Time
	now, want int
	from      int
	done      chan struct{}
}

// outcome is the result of a ban.
type outcome struct {
	receipt denylist.Confirmations
	servers int
}

const (
	// wait limits how long Do waits for servers to open; the opening continues in the background.
	wait = 2 * time.Second
	// openingTime is the timeout for opening all servers.
	openingTime = 2 * time.Minute
)

// Do runs a control.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	var late <-chan time.Time // nil when steps are repeated, which waits for each
	if _, hurried := ctx.Deadline(); hurried {
		late = time.After(wait)
	}
	if o := a.busy(); o != nil {
		select {
		case <-o.done:
		case <-late:
			return lab.Refusal("The servers are still being opened. Wait for them.")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	switch control {
	case "servers":
		n := args.Int(howMany.Name)
		a.bench.SetInt(howMany.Name, n)
		o := a.begin(n)
		select {
		case <-o.done:
		case <-late:
		case <-ctx.Done():
		}
		return nil
	case "ban":
		return a.ban(ctx)
	case "lift":
		return a.lift(ctx)
	case "cut":
		return a.cut(ctx, args.Int("n"))
	case "heal":
		return a.heal(ctx)
	}
	return lab.Refusal("This experiment has no such control.")
}

// begin opens or closes servers in the background until there are n.
func (a *apparatus) begin(n int) *opening {
	have := len(a.estate.all())
	o := &opening{began: time.Now(), from: have, now: have, want: n, done: make(chan struct{})}
	a.mu.Lock()
	a.opening, a.last = o, nil
	a.mu.Unlock()
	a.bench.Changed()
	a.bench.Go(func(ctx context.Context) {
		defer close(o.done)
		ctx, cancel := context.WithTimeout(ctx, openingTime)
		defer cancel()
		err := a.estate.resize(ctx, n, func(now int) {
			a.mu.Lock()
			o.now = now
			a.mu.Unlock()
			a.bench.Changed()
		})
		if err == nil {
			everywhere(a.estate.all(), func(s *server) { a.traffic.askYou(ctx, s); a.traffic.askThem(ctx, s) })
		}
		a.mu.Lock()
		a.opening = nil
		a.mu.Unlock()
		a.opened(o, err)
	})
	return o
}

// opened stores and logs the result of opening servers.
func (a *apparatus) opened(o *opening, err error) {
	have := len(a.estate.all())
	a.find("servers", "Servers that listen", float64(have), "", number(have))
	switch {
	case errors.Is(err, context.Canceled): // the run is over
	case err != nil:
		a.bench.Logger.Error("the experiment's servers could not be opened", "error", err)
		a.bench.Log(lab.Bad, "Not all servers could be opened: %d of %d listen.", have, o.want)
	case o.want >= o.from:
		a.bench.Log(lab.Good, "%d servers listen. Each has loaded the denylist, and follows it over a connection of its own.", have)
	default:
		a.bench.Log(lab.Note, "%d servers are left. The others took themselves off the list: no ban waits for them.", have)
	}
	a.bench.Changed()
}

func (a *apparatus) busy() *opening {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opening
}

// count stores the traffic's counts every two seconds until ctx ends.
func (a *apparatus) count(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.counts()
		}
	}
}

// find stores a finding unless it is unchanged.
func (a *apparatus) find(name, label string, value float64, unit, text string) {
	f := lab.Finding{Label: label, Value: value, Unit: unit, Text: text}
	if old, there := a.bench.Findings()[name]; !there || old != f {
		a.bench.Find(name, f)
	}
}

// counts stores the traffic's counts as findings.
func (a *apparatus) counts() {
	t := a.traffic
	for _, c := range []struct {
		name, label string
		n           int64
	}{
		{"asked-after-done", `Requests with a banned card that began after "done"`, t.asked.Load()},
		{"accepted-after-done", `Of these, let in`, t.accepted.Load()},
		{"refused-after-done", `Of these, refused (401)`, t.refused.Load()},
		{"innocent-answered", "Requests of people who are not banned, answered", t.innocent.Load()},
		{"innocent-refused", "Of people who are not banned, refused (401)", t.innocentRefused.Load()},
		{"guessed", "Requests that a server let in which could not know", t.guessed.Load()},
	} {
		a.find(c.name, c.label, float64(c.n), "", number(int(c.n)))
	}
}

// Close stops the traffic and all servers.
func (a *apparatus) Close() error {
	if a.end != nil {
		a.end()
	}
	a.running.Wait()
	a.estate.close()
	debug.SetGCPercent(a.collected)
	return nil
}
