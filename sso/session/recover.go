package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// recoverSession returns the session of a cookie that is not in Redis from Options.Recover, and writes it back to
// Redis. It returns nil if there is none. replace says that an invalid value is stored under its key.
func (s *Store) recoverSession(ctx context.Context, id string, replace bool) (*Record, error) {
	if s.options.Recover == nil {
		return nil, nil
	}
	rec, err := s.options.Recover(ctx, s.hashedKeys.hash(id))
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

// restore writes a session back, in the same order as Start, so that either restore or a concurrent end of the sign-in
// sees the other. If another replica has restored the session already, that copy stays, unless replace is true. It
// returns ErrEnded if the sign-in was ended.
func (s *Store) restore(ctx context.Context, id string, rec *Record, replace bool) error {
	if err := s.addToLists(ctx, id, rec); err != nil {
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
	if err := s.rdb.SetArgs(ctx, s.hashedKeys.key(id), raw, args).Err(); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.deleteIfEnded(ctx, id, rec)
}
