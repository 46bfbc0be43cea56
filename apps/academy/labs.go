package academy

import (
	"context"

	"gatehouse.example/apps/academy/lab"
)

// Labs runs experiments. lab.Manager implements it with separate processes.
type Labs interface {
	// Start starts a run and returns the address at which every replica reaches it. It returns lab.ErrFull if all
	// room is reserved, lab.ErrShare if one account or network would hold more than its share, or a lab.Refusal if
	// the setup is invalid.
	Start(ctx context.Context, s lab.Start) (addr string, err error)
	// State returns the state of a run. It returns lab.ErrSame if the state is still version seen, and lab.ErrGone if
	// the run has ended. With seen below 0, the state holds every stored event.
	State(ctx context.Context, addr, id string, seen int64) (lab.State, error)
	// Do runs a control. A repeated key runs it only once. It returns a lab.Refusal for the learner if the control
	// can't be run.
	Do(ctx context.Context, addr, id, control string, args lab.Args, key string) (lab.State, error)
	// Step runs the guided step with this ID; guess is an option of its Expect, or -1.
	Step(ctx context.Context, addr, id, step string, guess int, key string) (lab.State, error)
	// End ends a run with a reason.
	End(ctx context.Context, addr, id, why string) error
	// Room returns the number of runs of this replica, and the number of further runs of the default size that fit.
	Room() (running, left int)
	// Ended sets the function that is called for every run of this replica that has ended, with its last state
	// (Version 0 if unknown). It must be called once, before Run.
	Ended(ended func(id, why string, last lab.State))
	// Run supervises the processes until ctx ends, and then ends them.
	Run(ctx context.Context) error
}
