package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gorilla/sessions"
	"github.com/redis/go-redis/v9"
)

// recovered is the session of r's cookie, which Redis does not have, if it is kept
// elsewhere (Options.Recover): an empty one for a guest.
func (s *Store) recovered(r *http.Request) (*sessions.Session, *Record, error) {
	cookie, err := r.Cookie(s.cookie)
	if s.o.Recover == nil || err != nil {
		return s.fresh(), nil, nil
	}
	ctx := r.Context()
	rec, err := s.o.Recover(ctx, s.vault.hash(cookie.Value))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case rec == nil || rec.Subject == "" || s.expired(rec):
		return s.fresh(), nil, nil
	}
	switch err := s.restore(ctx, cookie.Value, rec); {
	case errors.Is(err, ErrEnded):
		return s.fresh(), nil, nil
	case err != nil:
		return nil, nil, err
	}
	sess := s.fresh()
	sess.ID, sess.IsNew = cookie.Value, false
	sess.Values[recordKey] = rec
	return sess, rec, nil
}

// restore writes a session back, in the order in which Start does: a sign-in that is
// ended meanwhile is seen by one of the two. Another replica may have been faster; its
// session is the same.
func (s *Store) restore(ctx context.Context, id string, rec *Record) error {
	if err := s.enlist(ctx, id, rec); err != nil {
		return err
	}
	raw, err := encoding.Marshal(rec)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	err = s.rdb.SetArgs(ctx, s.vault.key(id), raw, redis.SetArgs{Mode: "NX", TTL: s.ttl(rec)}).Err()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.unlessEnded(ctx, id, rec)
}
