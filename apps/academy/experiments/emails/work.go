package emails

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse.example/apps/academy/experiments/emails/store"
	"gatehouse.example/apps/academy/lab"
)

// apparatus is a running experiment: the table and its measurements. Only one goroutine uses the store at a time:
// that of Do, or that of the work that Do started.
type apparatus struct {
	bench *lab.Bench

	mu      sync.Mutex
	store   *store.Store // nil before the first table
	kind    string       // of the database
	version string
	rows    int // size of the table; 0 for none
	bytes   int64
	indexes map[string]bool // by their argument names, and unique
	points  []point         // of the curve
	looks   []look          // the newest of each kind
	work    *work           // nil for none
}

// unique is the name of the unique index, which also rejects second accounts.
const unique = "unique"

// work is a task in the background.
type work struct {
	label  string
	began  time.Time
	share  float64
	left   time.Duration // estimated at the time at; negative if unknown
	at     time.Time
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// How long Do waits for the work that it started; with a large table only for a moment.
const (
	patience = 4 * time.Second
	moment   = time.Second
)

// Do runs a control.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	if control == "cancel" {
		return a.stop(ctx)
	}
	if w := a.working(); w != nil {
		return lab.Refusal(w.label + ". Wait for it, or stop it.")
	}
	if control == "make" {
		return a.make(ctx, args)
	}
	if a.size() == 0 {
		return lab.Refusal("There is no table yet. Make one first.")
	}
	switch control {
	case "look":
		how := args["how"]
		return a.begin(ctx, "Looking emails up", func(ctx context.Context) error { return a.look(ctx, how) })
	case "index":
		which, again := args["index"], args.True("look")
		return a.begin(ctx, "Making the index", func(ctx context.Context) error { return a.makeIndex(ctx, which, again) })
	case "drop":
		return a.dropIndex(ctx, args["index"])
	case "register":
		return a.begin(ctx, "Signing up", a.register)
	case "protect":
		return a.begin(ctx, "Making the index unique", a.protect)
	}
	return lab.Refusal("This experiment has no such control.")
}

// begin starts do in the background, waits a while for its end, and returns its error if it has ended.
func (a *apparatus) begin(ctx context.Context, label string, do func(ctx context.Context) error) error {
	w := &work{label: label, began: time.Now(), left: -1, cancel: func() {}, done: make(chan struct{})}
	a.mu.Lock()
	a.work = w
	a.mu.Unlock()
	started := make(chan struct{})
	a.bench.Go(func(ctx context.Context) {
		defer close(w.done)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		a.mu.Lock()
		w.cancel = cancel
		a.mu.Unlock()
		close(started)
		err := do(ctx)
		if ctx.Err() != nil { // whatever error the database returns for it
			err = context.Canceled
		}
		a.end(w, err)
	})
	wait := patience
	if a.size() > 100_000 {
		wait = moment
	}
	var late <-chan time.Time // nil when steps are repeated, which waits for each
	if _, hurried := ctx.Deadline(); hurried {
		late = time.After(wait)
	}
	<-started
	select {
	case <-w.done:
		if !errors.Is(w.err, context.Canceled) {
			return w.err
		}
	case <-late:
		a.bench.Changed()
	case <-ctx.Done():
	}
	return nil
}

// end stores and logs the result of work.
func (a *apparatus) end(w *work, err error) {
	a.mu.Lock()
	w.err = err
	a.work = nil
	a.mu.Unlock()
	var refused lab.Refusal
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		a.bench.Log(lab.Note, "%s: stopped.", w.label)
	case errors.As(err, &refused):
		a.bench.Log(lab.Bad, "%s", string(refused))
	default:
		a.bench.Logger.Error("the experiment's database failed", "work", w.label, "error", err)
		a.bench.Log(lab.Bad, "%s: the database could not do it: %s", w.label, clip(err.Error()))
	}
	a.bench.Changed()
}

// stop cancels the current work, if any, and waits for its end.
func (a *apparatus) stop(ctx context.Context) error {
	w := a.working()
	if w == nil {
		return nil
	}
	a.mu.Lock()
	cancel := w.cancel
	a.mu.Unlock()
	cancel()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *apparatus) working() *work {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.work
}

func (a *apparatus) size() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rows
}

// advance updates the share of the work that is done, 0 to 1, and its label.
func (a *apparatus) advance(share float64, label string) {
	a.mu.Lock()
	if w := a.work; w != nil && share > 0 {
		w.share, w.label, w.at = share, label, time.Now()
		w.left = time.Duration(float64(w.at.Sub(w.began)) * (1 - share) / share)
	}
	a.mu.Unlock()
	a.bench.Changed()
}

// remaining returns the estimated time until the work ends; negative if unknown.
func (w *work) remaining() time.Duration {
	if w.left < 0 {
		return -1
	}
	return max(w.left-time.Since(w.at), 0)
}

// Close stops the work and deletes the table.
func (a *apparatus) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), opening)
	defer cancel()
	return errors.Join(a.stop(ctx), a.shut())
}

// clip shortens a text to 300 characters for the log.
func clip(s string) string {
	const most = 300
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
