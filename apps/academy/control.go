package academy

import (
	"context"

	"gatehouse.example/fleet/control"
)

// Control inspects and changes the replicas of this installation. control.Client implements it where `gatehouse up`
// started the installation. The text of a control.Refusal is shown to the user; control.ErrUnavailable means that the
// supervisor does not answer.
type Control interface {
	View(ctx context.Context) (control.View, error)
	Kill(ctx context.Context, by control.By, replica string, pid int) error
	Add(ctx context.Context, by control.By, replica string) error
	Remove(ctx context.Context, by control.By, replica string) error
	SetPolicy(ctx context.Context, by control.By, service, policy string) error
}
