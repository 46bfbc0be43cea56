package session

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// EndReason says how a session ended.
type EndReason string

// Values of EndReason. If Redis has lost its data the reason is Unknown, so that no user is told of a sign-out that did
// not happen.
const (
	Unknown       EndReason = "" // not ended, or unknown
	Ended         EndReason = "ended"
	SignedOutHere EndReason = "left"
	Expired       EndReason = "expired"
)

// EndReason returns Ended if the sign-in was ended (EndSignIns, EndSubject; authenticated is its auth_time),
// SignedOutHere if the user signed out of this app (SignOutLocally) and has not returned, and Unknown otherwise. With
// r, whose cookie must be of a session that no longer exists, it also returns Expired. It costs one round trip; the
// error wraps ErrUnavailable.
func (s *Store) EndReason(ctx context.Context, r *http.Request, sub, sid string, authenticated time.Time) (EndReason, error) {
	list := s.sidList(sid)
	if sid == "" {
		list = s.subList(sub)
	}
	var listed, ended, left *redis.IntCmd
	var subject *redis.StringCmd
	var here []*redis.FloatCmd
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		listed, ended, left = p.Exists(ctx, list), p.Exists(ctx, s.endedMark(sid)), p.Exists(ctx, s.localSignOutMark(sid))
		subject = p.Get(ctx, s.subjectMark(sub))
		if r == nil {
			return nil
		}
		for _, id := range s.presentedIDs(r) {
			here = append(here, p.ZScore(ctx, list, s.hashedKeys.hash(id)))
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
		return SignedOutHere, nil
	}
	return Unknown, nil
}

// localSignOutMark returns the key that exists if the user signed out of a sign-in in this app only.
func (s *Store) localSignOutMark(sid string) string {
	return "gatehouse:" + s.options.Service + ":left:" + sid
}

// subjectMark returns the key of the time, in milliseconds since 1970, when all sign-ins of a user were ended.
func (s *Store) subjectMark(sub string) string {
	return "gatehouse:" + s.options.Service + ":ended-sub:" + sub
}
