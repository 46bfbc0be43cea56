package academy

import (
	"context"

	"gatehouse/fleet/control"
)

// Control looks at the replicas of this very installation and changes them;
// control.Client does, where `gatehouse up` has started it. What is refused with a
// control.Refusal is told to the person; control.ErrAway says that nobody answers.
type Control interface {
	View(ctx context.Context) (control.View, error)
	Kill(ctx context.Context, by control.By, replica string, pid int) error
	Add(ctx context.Context, by control.By, replica string) error
	Remove(ctx context.Context, by control.By, replica string) error
	SetPolicy(ctx context.Context, by control.By, service, policy string) error
}
