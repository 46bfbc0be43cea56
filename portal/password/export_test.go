package password

import "context"

// Enter takes a slot as a hash does, so that a test can hold it.
func (h *Hasher) Enter(ctx context.Context) (func(), error) { return h.acquireSlot(ctx) }
