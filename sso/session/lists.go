package session

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/luascript"
)

// A list is a sorted set in Redis of the hashes of session ids, either of one sign-in or of one user. Its scores are
// the sessions' absolute ends (milliseconds since 1970), so that expired ones can be removed: users who often sign in
// and never sign out do not make it grow without limit.

func (s *Store) sidList(sid string) string {
	return "gatehouse:" + s.options.Service + ":of-sid:" + sid
}

func (s *Store) subList(sub string) string {
	return "gatehouse:" + s.options.Service + ":of-sub:" + sub
}

func (s *Store) lists(rec *Record) []string {
	lists := []string{s.subList(rec.Subject)}
	if rec.SID != "" {
		lists = append(lists, s.sidList(rec.SID))
	}
	return lists
}

func (s *Store) addToLists(ctx context.Context, id string, rec *Record) error {
	now := s.options.Now()
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, list := range s.lists(rec) {
			p.ZAdd(ctx, list, redis.Z{Score: float64(now.Add(s.options.Absolute).UnixMilli()), Member: s.hashedKeys.hash(id)})
			p.ZRemRangeByScore(ctx, list, "-inf", strconv.FormatInt(now.UnixMilli(), 10))
			p.Expire(ctx, list, s.options.Absolute)
		}
		return nil
	})
	return unavailable(err)
}

func (s *Store) deleteSession(ctx context.Context, id string, rec *Record) error {
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, s.hashedKeys.key(id))
		for _, list := range s.lists(rec) {
			p.ZRem(ctx, list, s.hashedKeys.hash(id))
		}
		return nil
	})
	return unavailable(err)
}

// EndSignIns ends every session of these sign-ins on all replicas, in three round trips, and returns their number. A
// session of them that is being started meanwhile is not started.
func (s *Store) EndSignIns(ctx context.Context, sids ...string) (int, error) {
	lists := make([]string, len(sids))
	// Set the marks first. Start adds a session to its list before it checks the mark, so either Start sees the mark or
	// a list below has the session.
	marks := make([]string, len(sids))
	for i, sid := range sids {
		lists[i], marks[i] = s.sidList(sid), s.endedMark(sid)
	}
	if err := s.setMarks(ctx, 1, marks...); err != nil {
		return 0, unavailable(err)
	}
	return s.endLists(ctx, lists...)
}

// setMark sets a key that expires after ARGV[2] milliseconds.
var setMark = luascript.New(`return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`)

// setMarks sets keys for as long as a session may last, also if Redis is full: ended sessions must stay ended.
func (s *Store) setMarks(ctx context.Context, value any, keys ...string) error {
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Set(ctx, key, value, s.options.Absolute)
		}
		return nil
	})
	if !isFull(err) {
		return err
	}
	for _, key := range keys { // one by one: the keys may be on different nodes of a Redis Cluster
		if err := s.scripts.Run(ctx, setMark, []string{key}, value, s.options.Absolute.Milliseconds()).Err(); err != nil {
			return err
		}
	}
	return nil
}

// isFull reports whether Redis refused a write because its memory is full.
func isFull(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "OOM ") }

// SignOutLocally ends the sessions of a sign-in in this app and returns their number. Unlike after EndSignIns, the user
// may start a new session with the same sign-in.
func (s *Store) SignOutLocally(ctx context.Context, sid string) (int, error) {
	if sid != "" {
		if err := s.setMarks(ctx, 1, s.localSignOutMark(sid)); err != nil {
			return 0, unavailable(err)
		}
	}
	return s.endLists(ctx, s.sidList(sid))
}

// endedMark returns the key that exists if a sign-in was ended.
func (s *Store) endedMark(sid string) string {
	return "gatehouse:" + s.options.Service + ":ended:" + sid
}

// isEnded reports whether EndSignIns was called for a sign-in.
func (s *Store) isEnded(ctx context.Context, sid string) (bool, error) {
	if sid == "" {
		return false, nil
	}
	n, err := s.rdb.Exists(ctx, s.endedMark(sid)).Result()
	return n > 0, unavailable(err)
}

// EndSubject ends every session of a user and returns their number.
func (s *Store) EndSubject(ctx context.Context, sub string) (int, error) {
	if err := s.setMarks(ctx, s.options.Now().UnixMilli(), s.subjectMark(sub)); err != nil {
		return 0, unavailable(err)
	}
	return s.endLists(ctx, s.subList(sub))
}

// endLists deletes the sessions on these lists, and returns their number.
func (s *Store) endLists(ctx context.Context, lists ...string) (int, error) {
	keys := make([]*redis.StringSliceCmd, len(lists))
	_, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, list := range lists {
			keys[i] = p.ZRange(ctx, list, 0, -1)
		}
		return nil
	})
	if err != nil {
		return 0, unavailable(err)
	}
	var ended []*redis.IntCmd
	// One key per command: the keys may be on different nodes of a Redis Cluster.
	_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, list := range lists {
			for _, k := range keys[i].Val() {
				// Earlier versions listed whole keys.
				ended = append(ended, p.Del(ctx, s.hashedKeys.prefix+strings.TrimPrefix(k, s.hashedKeys.prefix)))
			}
			// Remove only these from the list: a session that starts meanwhile stays on it.
			if len(keys[i].Val()) > 0 {
				p.ZRem(ctx, list, toAny(keys[i].Val())...)
			}
		}
		return nil
	})
	if err != nil {
		return 0, unavailable(err)
	}
	n := 0
	for _, cmd := range ended {
		n += int(cmd.Val())
	}
	return n, nil
}

func toAny(s []string) []any {
	out := make([]any, len(s))
	for i, v := range s {
		out[i] = v
	}
	return out
}

func unavailable(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}
