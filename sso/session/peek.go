package session

import (
	"context"
	"net/http"

	"github.com/redis/go-redis/v9"
)

// Peek is Load for those who only listen: it is no sign of life, so that a tab which
// nobody looks at does not keep a session from becoming idle.
func (s *Store) Peek(r *http.Request) (*Record, error) {
	_, rec, err := s.get(r)
	return rec, err
}

// Look says whether a sign-in (or, where the provider names none, the person) has
// sessions here that nobody has ended, and whether EndSID was called for it. It costs
// one round trip; the error wraps ErrUnavailable.
func (s *Store) Look(ctx context.Context, sub, sid string) (living, ended bool, err error) {
	list := s.sidList(sid)
	if sid == "" {
		list = s.subList(sub)
	}
	var listed, marked *redis.IntCmd
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		listed = p.Exists(ctx, list)
		marked = p.Exists(ctx, s.endedMark(sid))
		return nil
	})
	if err != nil {
		return false, false, unavailable(err)
	}
	return listed.Val() > 0, sid != "" && marked.Val() > 0, nil
}
