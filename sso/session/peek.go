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

// Peek returns the session of r without marking it as used, so that a background tab does not keep it from becoming
// idle. It returns nil for a guest and for sessions of different users.
func (s *Store) Peek(r *http.Request) (*Record, error) {
	_, rec, err := s.get(r)
	if errors.Is(err, ErrConflict) {
		return nil, nil
	}
	return rec, err
}

// Fate says how a session ended.
type Fate string

// Values of Fate. If Redis has lost its data the fate is Unknown, so that no user is told of a sign-out that did not
// happen.
const (
	Unknown Fate = "" // not ended, or unknown
	Ended   Fate = "ended"
	Left    Fate = "left"
	Expired Fate = "expired"
)

// Fate returns Ended if the sign-in was ended (EndSID, EndSubject; authenticated is its auth_time), Left if the user
// left it (Leave) and has not returned, and Unknown otherwise. With r, whose cookie must be of a session that no longer
// exists, it also returns Expired. It costs one round trip; the error wraps ErrUnavailable.
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
	case sid != "" && ended.Val() > 0, authenticated.Unix() < since/1000: // auth_time is in whole seconds
		return Ended, nil
	// A session that was ended is not on its list.
	case slices.ContainsFunc(here, func(c *redis.FloatCmd) bool { return c.Err() == nil }):
		return Expired, nil
	case left.Val() > 0 && listed.Val() == 0:
		return Left, nil
	}
	return Unknown, nil
}

// leftMark returns the key that exists if a sign-in was left in this app.
func (s *Store) leftMark(sid string) string {
	return "gatehouse:" + s.o.Service + ":left:" + sid
}

// subjectMark returns the key of the time, in milliseconds since 1970, when all sign-ins of a user were ended.
func (s *Store) subjectMark(sub string) string {
	return "gatehouse:" + s.o.Service + ":ended-sub:" + sub
}
