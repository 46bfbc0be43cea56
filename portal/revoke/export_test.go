package revoke

import (
	"context"

	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

const MaxDenialBatch = maxDenialBatch

func (s *Service) Publish(ctx context.Context, rows []store.Revocation) (denylist.Written, error) {
	return s.publisher.publish(ctx, rows)
}

func (s *Service) Await(ctx context.Context, w denylist.Written) denylist.Confirmations {
	return s.publisher.await(ctx, w, denylist.DefaultBound)
}
