package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// recovered returns the session of a cookie that Redis does not have, if it is kept elsewhere (Options.Recover): nil if
// there is none. replace says that something unreadable stands under its key.
func (s *Store) recovered(ctx context.Context, id string, replace bool) (*Record, error) {
	if s.o.Recover == nil {
		return nil, nil
	}
	rec, err := s.o.Recover(ctx, s.vault.hash(id))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case rec == nil || rec.Subject == "" || s.expired(rec):
		return nil, nil
	}
	switch err := s.restore(ctx, id, rec, replace); {
	case errors.Is(err, ErrEnded):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return rec, nil
}

// restore writes a session back, in the order in which Start does: a sign-in that is
// ended meanwhile is seen by one of the two. Another replica may have been faster, and
// have changed its copy since: that one stays, unless it is to be replaced.
func (s *Store) restore(ctx context.Context, id string, rec *Record, replace bool) error {
	if err := s.enlist(ctx, id, rec); err != nil {
		return err
	}
	raw, err := s.records.seal(id, rec)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	args := redis.SetArgs{Mode: "NX", TTL: s.ttl(rec)}
	if replace {
		args.Mode = ""
	}
	if err := s.rdb.SetArgs(ctx, s.vault.key(id), raw, args).Err(); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.unlessEnded(ctx, id, rec)
}
