package ephemeral

import (
	"context"
	"fmt"
	"time"
)

// Deny makes the portal refuse an access token (by its jti) or all access tokens
// of a grant (by the grant's id) for as long as one could still be good.
func (s *Store) Deny(ctx context.Context, id string, life time.Duration) error {
	if life <= 0 {
		return nil
	}
	if err := s.rdb.Set(ctx, deniedKey(id), 1, life).Err(); err != nil {
		return fmt.Errorf("ephemeral: deny: %w", err)
	}
	return nil
}

// Denied says whether any of these ids is denied.
func (s *Store) Denied(ctx context.Context, ids ...string) (bool, error) {
	// One EXISTS a key, pipelined: on a cluster they lie in different places.
	pipe := s.rdb.Pipeline()
	for _, id := range ids {
		pipe.Exists(ctx, deniedKey(id))
	}
	answers, err := pipe.Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("ephemeral: denied: %w", err)
	}
	for _, a := range answers {
		if n, ok := a.(interface{ Val() int64 }); ok && n.Val() > 0 {
			return true, nil
		}
	}
	return false, nil
}

func deniedKey(id string) string { return prefix + "denied:" + id }
