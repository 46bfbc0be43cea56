package academy

import (
	"context"

	"gatehouse/apps/academy/lab"
)

// Labs runs experiments. lab.Manager does, in processes of their own.
type Labs interface {
	// Start begins a run and says where it can be reached, by any replica. lab.ErrFull
	// when there is no room, lab.ErrShare when one account or network would hold more than its share of it; a lab.Refusal says what is wrong with the set-up.
	Start(ctx context.Context, s lab.Start) (addr string, err error)
	// State is what a run shows, lab.ErrSame when that is still version seen, lab.ErrGone
	// when it is no more. With seen below 0 it holds every event that is kept.
	State(ctx context.Context, addr, id string, seen int64) (lab.State, error)
	// Do carries out a control. The same key twice does it once. A lab.Refusal is for the
	// learner.
	Do(ctx context.Context, addr, id, control string, args lab.Args, key string) (lab.State, error)
	// Step carries out the guided step of this ID; guess is an option of its Expect, or -1.
	Step(ctx context.Context, addr, id, step string, guess int, key string) (lab.State, error)
	// End ends a run and says why.
	End(ctx context.Context, addr, id, why string) error
	// Room is how many run here, and how many ordinary ones may still be started.
	Room() (running, left int)
	// Ended is called once, before Run: ended is told of every run of this replica that is
	// over, with the last that it showed (Version 0 if that is not known).
	Ended(ended func(id, why string, last lab.State))
	// Run looks after the processes until ctx ends, and ends them then.
	Run(ctx context.Context) error
}
