package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Peek returns the session as Load does, without noting that it is in use, so that a tab in the background does not
// keep it from becoming idle. For sessions of different people it returns nil.
func (s *Store) Peek(r *http.Request) (*Record, error) {
	_, rec, err := s.get(r)
	if errors.Is(err, ErrConflict) {
		return nil, nil
	}
	return rec, err
}

// Fate is what became of a session.
type Fate string

// The fates of sessions. A Redis that has lost everything makes them Unknown, so that
// nobody is told of a sign-out that was none.
const (
	Unknown Fate = "" // it lives, or nobody knows
	Ended   Fate = "ended"
	Left    Fate = "left"
	Expired Fate = "expired"
)

// Fate says whether a sign-in that began when authenticated says was ended (EndSID,
// EndSubject), or left (Leave) and not come back to. With r, whose cookie must be that
// of a session which is no more, it also tells whether that one expired. It costs one
// round trip; the error wraps ErrUnavailable.
func (s *Store) Fate(ctx context.Context, r *http.Request, sub, sid string, authenticated time.Time) (Fate, error) {
	list := s.sidList(sid)
	if sid == "" {
		list = s.subList(sub)
	}
	var listed, ended, left *redis.IntCmd
	var subject *redis.StringCmd
	var here []*redis.FloatCmd
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		listed, ended, left = p.Exists(ctx, list), p.Exists(ctx, s.endedMark(sid)), p.Exists(ctx, s.leftMark(sid))
		subject = p.Get(ctx, s.subjectMark(sub))
		if r == nil {
			return nil
		}
		for _, id := range s.candidates(r) {
			here = append(here, p.ZScore(ctx, list, s.vault.hash(id)))
		}
		return nil
	})
	if err != nil && err != redis.Nil { //nolint:errorlint // go-redis returns it bare
		return Unknown, unavailable(err)
	}
	since, _ := strconv.ParseInt(subject.Val(), 10, 64)
	switch {
	case sid != "" && ended.Val() > 0, authenticated.Unix() < since/1000: // auth_time counts whole seconds
		return Ended, nil
	case slices.ContainsFunc(here, func(c *redis.FloatCmd) bool { return c.Err() == nil }): // a session that ended is off its list
		return Expired, nil
	case left.Val() > 0 && listed.Val() == 0:
		return Left, nil
	}
	return Unknown, nil
}

// leftMark is the key that says that a sign-in was left here.
func (s *Store) leftMark(sid string) string {
	return "gatehouse:" + s.o.Service + ":left:" + sid
}

// subjectMark is the key that says, in milliseconds since 1970, when all sign-ins of a
// person were ended.
func (s *Store) subjectMark(sub string) string {
	return "gatehouse:" + s.o.Service + ":ended-sub:" + sub
}
