package session

import (
	"context"
	"errors"
	"fmt"
)

// recovered returns the session of a cookie that Redis does not have, if it is kept elsewhere (Options.Recover): nil if
// there is none.
func (s *Store) recovered(ctx context.Context, id string) (*Record, error) {
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
	switch err := s.restore(ctx, id, rec); {
	case errors.Is(err, ErrEnded):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return rec, nil
}

// restore writes a session back, in the order in which Start does: a sign-in that is
// ended meanwhile is seen by one of the two. Another replica may have been faster; its
// session is the same.
func (s *Store) restore(ctx context.Context, id string, rec *Record) error {
	if err := s.enlist(ctx, id, rec); err != nil {
		return err
	}
	raw, err := s.records.seal(id, rec)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	// What stands there, if anything, is the same or can't be read.
	if err := s.rdb.Set(ctx, s.vault.key(id), raw, s.ttl(rec)).Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.unlessEnded(ctx, id, rec)
}
