package cost

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse.example/apps/academy/experiments/lookup"
	"gatehouse.example/apps/academy/lab"
)

// Duration of measuring the check alone, and how many calls are timed together.
const (
	bareTime  = 250 * time.Millisecond
	quickMany = 200 // for calls of about a microsecond
	slowMany  = 1   // for calls of dozens of microseconds
)

// apparatus is a running experiment, with a branch of each kind that has been measured.
type apparatus struct {
	bench  *lab.Bench
	redis  *lookup.Server
	office *office

	mu       sync.Mutex
	branches map[string]*branch
	results  map[string]measured
	progress *lab.Progress
	running  string // name of the kind being measured; "" for none
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

func open(_ context.Context, b *lab.Bench) (lab.Apparatus, error) {
	o, err := newOffice()
	if err != nil {
		return nil, err
	}
	redis, err := lookup.Start()
	if err != nil {
		return nil, err
	}
	return &apparatus{bench: b, redis: redis, office: o, branches: map[string]*branch{}, results: map[string]measured{}}, nil
}

// Do implements lab.Apparatus.
func (a *apparatus) Do(_ context.Context, control string, args lab.Args) error {
	switch control {
	case "measure":
		k, ok := kindOf(args["kind"])
		if !ok {
			return lab.Refusal("There is no such way to check.")
		}
		return a.start([]kind{k})
	case "all":
		return a.start(kinds)
	case "load":
		if a.busy() {
			return errBusy
		}
		a.bench.Set("clients", args["clients"])
		a.bench.Set("round", args["round"])
		a.bench.Log(lab.Acted, "From now on %s clients ask at the same time, for %s ms.", args["clients"], args["round"])
		return nil
	case "cancel":
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.cancel != nil {
			a.cancel()
		}
		return nil
	}
	return fmt.Errorf("cost: no control %q", control)
}

const errBusy = lab.Refusal("A measurement is under way. Wait until it is done, or stop it.")

func (a *apparatus) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.running != ""
}

// start measures kinds one after the other, in the background. It returns errBusy during a measurement.
func (a *apparatus) start(which []kind) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running != "" {
		return errBusy
	}
	setup := a.bench.Setup()
	clients, long := setup.Int("clients"), time.Duration(setup.Int("round"))*time.Millisecond
	a.running = which[0].name
	a.work.Add(1)
	a.bench.Go(func(ctx context.Context) {
		defer a.work.Done()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		a.mu.Lock()
		a.cancel = cancel
		a.mu.Unlock()
		a.measure(ctx, which, clients, long)
	})
	return nil
}

func (a *apparatus) measure(ctx context.Context, which []kind, clients int, long time.Duration) {
	defer func() {
		a.mu.Lock()
		a.running, a.cancel, a.progress = "", nil, nil
		a.mu.Unlock()
		a.bench.Changed()
	}()
	for i, k := range which {
		a.mu.Lock()
		a.running = k.name
		a.mu.Unlock()
		done := a.tell(ctx, k, i, len(which), long+2*bareTime)
		err := a.one(ctx, k, clients, long)
		done()
		switch {
		case ctx.Err() != nil:
			a.bench.Log(lab.Note, "Stopped.")
			return
		case err != nil:
			a.bench.Log(lab.Bad, "%s could not be measured: it stays as it was.", k.label)
			a.bench.Logger.Error("a check could not be measured", "kind", k.name, "error", err)
		}
	}
}

// tell shows and updates the progress of the n-th of all measurements, which takes about long, until done is called.
func (a *apparatus) tell(ctx context.Context, k kind, n, all int, long time.Duration) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	show := func() {
		share := min(float64(time.Since(began))/float64(long), 1)
		a.mu.Lock()
		a.progress = &lab.Progress{
			Label: "Measuring: " + k.label, Share: (float64(n) + share) / float64(all), Cancel: "cancel",
			Left: time.Duration((float64(all-n) - share) * float64(long)),
		}
		a.mu.Unlock()
		a.bench.Changed()
	}
	show()
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				show()
			}
		}
	})
	return func() { cancel(); work.Wait() }
}

// one measures a kind: first the check alone, then requests over HTTP, and stores the findings. It opens a new branch
// for each.
func (a *apparatus) one(ctx context.Context, k kind, clients int, long time.Duration) error {
	b, err := a.open(ctx, k)
	if err != nil {
		return err
	}
	if err := a.introduce(ctx, b); err != nil {
		return err
	}
	batch := quickMany
	if k.name == inRedis || k.name == fresh || k.name == withExists {
		batch = slowMany
	}
	alone, err := bare(ctx, b, batch, bareTime)
	if err != nil {
		return err
	}
	if k.name == fresh { // each card may be shown only once
		if b, err = a.open(ctx, k); err != nil {
			return err
		}
	}
	m, err := load(ctx, b, clients, long)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // discard a round that was stopped
		return context.Cause(ctx)
	}
	m.check = alone
	a.mu.Lock()
	a.results[k.name] = m
	a.mu.Unlock()
	a.find(k, m, clients)
	return nil
}

// Close implements lab.Apparatus.
func (a *apparatus) Close() error {
	a.mu.Lock()
	if a.cancel != nil {
		a.cancel()
	}
	a.mu.Unlock()
	a.work.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, b := range a.branches {
		b.close()
	}
	a.redis.Close()
	return nil
}
