package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// controlTime is the timeout of a control; longer work runs in Bench.Go.
const controlTime = 20 * time.Second

// maxKeys is the number of form keys that a run remembers to detect repeated ones.
const maxKeys = 200

// Options configure a run.
type Options struct {
	Setup    Args
	Mode     string
	Step     int      // see Start
	Findings Findings // see Start
	Person   string
	Dir      string
	Postgres string
	Provider OpenProvider
	Logger   *slog.Logger                       // default: slog.Default
	Reserve  func(context.Context, Needs) error // reserves resources, or returns a Refusal; nil: unlimited
}

// Run is a running experiment. It is safe for concurrent use.
type Run struct {
	experiment Experiment
	apparatus  Apparatus
	bench      *Bench
	end        context.CancelFunc
	reserve    func(context.Context, Needs) error

	turn chan struct{} // held while a control runs

	mu       sync.Mutex
	busy     string
	step     int
	pressed  bool // the current step's control has run, but Seen is not true yet
	foretold map[string]int
	keys     []string
	ended    string
	failure  error
	over     chan struct{} // closed when the run has ended
}

// Open opens e. It returns a Refusal if the setup is invalid. With a Step above 0, the guided steps before it are
// repeated in the background.
func Open(ctx context.Context, e Experiment, o Options) (r *Run, err error) {
	setup, err := fill(e.Params, o.Setup)
	if err != nil {
		return nil, err
	}
	if o.Step < 0 || o.Step > len(e.Steps) {
		return nil, Refusal("There is no such step.")
	}
	if e.Path != nil && o.Mode == Guided && o.Step == 0 {
		e.Path(setup)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	r = &Run{experiment: e, end: end, reserve: o.Reserve, turn: make(chan struct{}, 1), foretold: map[string]int{}, over: make(chan struct{})}
	r.bench = &Bench{
		Person: o.Person, Dir: o.Dir, Postgres: o.Postgres, Logger: o.Logger, Provider: o.Provider,
		setup: setup, findings: Findings{}, life: life, fail: r.fail, found: r.advance, version: 1,
	}
	maps.Copy(r.bench.findings, o.Findings)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if err != nil {
			end()
		}
	}()
	if r.apparatus, err = e.Open(life, r.bench); err != nil {
		return nil, err
	}
	if o.Step > 0 {
		r.turn <- struct{}{}
		r.busy = resuming
		r.bench.Go(func(ctx context.Context) { r.resume(ctx, o.Step) })
	}
	return r, nil
}

// resuming is State.Busy while steps are repeated.
const resuming = "resume"

// resume repeats the guided steps before the step with the index to.
func (r *Run) resume(ctx context.Context, to int) {
	defer r.done()
	r.bench.Log(Note, "Going on where you were: the steps before are carried out again.")
	for i, s := range r.experiment.Steps[:to] {
		if s.Control != "" && !s.Once {
			args, err := r.check(s.Control, s.Args)
			if err == nil {
				err = r.carryOut(ctx, s.Control, args)
			}
			if err != nil {
				r.bench.Log(Bad, "Step %d could not be carried out again: %v", i+1, err)
				break
			}
		}
		r.mu.Lock()
		r.step = i + 1
		r.mu.Unlock()
		r.bench.Changed()
	}
}

// Do runs a control. A repeated key runs it only once. It returns a Refusal, with the reason for the learner, if the
// control can't be run.
func (r *Run) Do(ctx context.Context, control string, args Args, key string) (State, error) {
	err := r.inTurn(ctx, control, key, func(ctx context.Context) error {
		checked, err := r.check(control, args)
		if err != nil {
			return err
		}
		r.pressedButton(r.label(control), map[string]any{"control": control, "args": checked})
		return r.carryOut(ctx, control, checked)
	})
	return r.State(), err
}

// Step runs the next guided step, whose ID must be id. guess is the index of the predicted option, or -1 if the step
// asks for none.
func (r *Run) Step(ctx context.Context, id string, guess int, key string) (State, error) {
	err := r.inTurn(ctx, "", key, func(ctx context.Context) error {
		s, err := r.foretell(id, guess)
		if err != nil {
			return err
		}
		if s.Control != "" {
			r.setBusy(s.Control)
			args, err := r.check(s.Control, s.Args)
			if err != nil {
				return err
			}
			label := s.Button
			if label == "" {
				label = r.label(s.Control)
			}
			r.pressedButton(label, map[string]any{"control": s.Control, "args": args, "step": s.ID, "guess": guess})
			if err := r.carryOut(ctx, s.Control, args); err != nil {
				return err
			}
		}
		r.mu.Lock()
		r.pressed = true
		r.mu.Unlock()
		r.bench.Changed()
		r.advance()
		return nil
	})
	return r.State(), err
}

// pressedButton logs an action of the learner, so that the timeline separates actions from results.
func (r *Run) pressedButton(label string, data map[string]any) {
	r.bench.Event(Event{Kind: Acted, Text: "You pressed “" + label + "”.", Data: data})
}

// label returns the label of a control.
func (r *Run) label(control string) string {
	for _, c := range r.experiment.Controls {
		if c.Name == control && c.Label != "" {
			return c.Label
		}
	}
	return control
}

// foretell stores the learner's prediction for the current step and returns the step. It returns a Refusal if the
// step is not the current one or the prediction is missing.
func (r *Run) foretell(id string, guess int) (Step, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.step >= len(r.experiment.Steps) {
		return Step{}, Refusal("The guided path is already finished.")
	}
	s := r.experiment.Steps[r.step]
	switch {
	case s.ID != id:
		return s, Refusal("This step is already done, or not next. The page shows the current step.")
	case s.Expect != nil && (guess < 0 || guess >= len(s.Expect.Options)):
		return s, Refusal("First choose what you expect to happen.")
	}
	if s.Expect != nil {
		r.foretold[s.ID] = guess
	}
	return s, nil
}

// inTurn runs do when no other control is running, and only once per key; a key whose do failed may be used again. It
// returns ErrGone if the run has ended.
func (r *Run) inTurn(ctx context.Context, control, key string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, controlTime)
	defer cancel()
	select {
	case r.turn <- struct{}{}:
	case <-r.over:
		return ErrGone
	case <-ctx.Done():
		return Refusal("The experiment is still busy with the previous action. Try again in a moment.")
	}
	defer r.done()
	r.mu.Lock()
	switch {
	case r.ended != "":
		r.mu.Unlock()
		return ErrGone
	case key != "" && slices.Contains(r.keys, key):
		r.mu.Unlock()
		return nil
	case key != "":
		r.keys = append(r.keys, key)
		if len(r.keys) > maxKeys {
			r.keys = r.keys[1:]
		}
	}
	r.busy = control
	r.mu.Unlock()
	err := do(ctx)
	if err != nil && key != "" {
		r.mu.Lock()
		r.keys = slices.DeleteFunc(r.keys, func(k string) bool { return k == key })
		r.mu.Unlock()
	}
	return err
}

func (r *Run) setBusy(control string) {
	r.mu.Lock()
	r.busy = control
	r.mu.Unlock()
}

func (r *Run) done() {
	r.setBusy("")
	<-r.turn
}

// carryOut reserves what the control needs and runs it. A panic ends the run.
func (r *Run) carryOut(ctx context.Context, control string, args Args) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			r.fail(err)
		}
	}()
	if err = r.makeRoom(ctx, args); err == nil {
		err = r.apparatus.Do(ctx, control, args)
	}
	r.bench.Changed()
	if refused := Refusal(""); err != nil && !errors.As(err, &refused) {
		r.bench.Logger.Error("control failed", "experiment", r.experiment.Name, "control", control, "error", err)
	}
	return err
}

// makeRoom reserves what the setup needs after it is changed by a control's arguments.
func (r *Run) makeRoom(ctx context.Context, args Args) error {
	now := r.bench.Setup()
	next := maps.Clone(now)
	for name, value := range args {
		if _, there := next[name]; there {
			next[name] = value
		}
	}
	if r.reserve == nil || maps.Equal(now, next) {
		return nil
	}
	return r.reserve(ctx, r.experiment.needs(next))
}

// check validates a control's arguments in its current state, and returns them with defaults, or returns a Refusal.
func (r *Run) check(control string, args Args) (Args, error) {
	i := slices.IndexFunc(r.experiment.Controls, func(c Control) bool { return c.Name == control })
	if i < 0 {
		return nil, Refusal("This experiment has no such control.")
	}
	c := r.experiment.Controls[i]
	var v View
	r.apparatus.View(&v)
	now := v.Controls[control]
	switch {
	case now.Disabled != "":
		return nil, Refusal(now.Disabled)
	case now.Hidden:
		return nil, Refusal("This isn't possible right now.")
	}
	fields := c.Fields
	if c.PerServer {
		server := Param{Name: "server", Label: "The server", Type: Choice}
		if v.Picture != nil {
			for _, n := range v.Picture.Servers {
				server.Options = append(server.Options, Option{n.ID, n.Label})
			}
		}
		if args["server"] == "" {
			return nil, Refusal("Choose a server.")
		}
		fields = append(slices.Clone(fields), server)
	}
	return fill(fields, args)
}

// State returns what the page shows now.
func (r *Run) State() State { return r.state(maxEvents) }

// Timeline returns State with every stored event.
func (r *Run) Timeline() State { return r.state(maxTimeline) }

func (r *Run) state(events int) State {
	s := State{Version: r.Version()}
	r.apparatus.View(&s.View)
	r.bench.mu.Lock()
	s.Setup = maps.Clone(r.bench.setup)
	s.Requests = slices.Clone(r.bench.requests)
	s.Events = slices.Clone(r.bench.events[max(0, len(r.bench.events)-events):])
	s.Findings = maps.Clone(r.bench.findings)
	r.bench.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Step, s.Foretold, s.Busy, s.Ended = r.step, maps.Clone(r.foretold), r.busy, r.ended
	return s
}

// Version returns the version of the state, which increases with each change.
func (r *Run) Version() int64 {
	r.bench.mu.Lock()
	defer r.bench.mu.Unlock()
	return r.bench.version
}

// advance moves to the next step if the current one is complete: its control has run, and the findings show what it
// teaches.
func (r *Run) advance() {
	found := r.bench.Findings()
	r.mu.Lock()
	moved := false
	if r.pressed && r.step < len(r.experiment.Steps) {
		if s := r.experiment.Steps[r.step]; s.Seen == nil || s.Seen(found) {
			r.step++
			r.pressed, moved = false, true
		}
	}
	r.mu.Unlock()
	if moved {
		r.bench.Changed()
	}
}

// Over returns a channel that is closed when the run has ended, by itself or by Close.
func (r *Run) Over() <-chan struct{} { return r.over }

// Failure returns the error that ended the run, or nil if it has not failed.
func (r *Run) Failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// fail ends the run after an error.
func (r *Run) fail(err error) {
	r.finish("The experiment failed. Nothing else was hurt, and you can start it again.", err)
}

func (r *Run) finish(why string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended == "" {
		r.ended, r.failure = why, err
		r.end()
		close(r.over)
	}
}

// Close ends the run with a reason, and waits until everything has stopped.
func (r *Run) Close(why string) error {
	r.finish(why, nil)
	err := r.apparatus.Close()
	r.bench.work.Wait()
	return err
}
