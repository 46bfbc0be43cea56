package clients

import "context"

func (r *Registry) Refresh(ctx context.Context) error { return r.refresh(ctx) }
