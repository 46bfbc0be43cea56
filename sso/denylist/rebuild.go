package denylist

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// buildLock bounds how long one replica may rebuild while others wait.
	buildLock = 30 * time.Second
	// buildBatch is how many entries go to Redis at a time.
	buildBatch = 1000
)

// ErrBuilding says that another replica is rebuilding the set.
var ErrBuilding = errors.New("denylist: another replica rebuilds the denylist")

// finish makes the set count, if it is still ours to make.
var finish = redis.NewScript(`
local building, epoch, position, high = unpack(KEYS)
if redis.call('GET', building) ~= ARGV[1] or redis.call('EXISTS', epoch) == 1 then return 0 end
redis.call('SETNX', position, 0)
redis.call('SET', high, ARGV[3])
redis.call('SET', epoch, ARGV[2])
redis.call('DEL', building)
return 1
`)

// Rebuild fills an empty Redis with all that is denied, and then gives it an epoch,
// so that mirrors load it and let people in again. high is the highest Seq of all.
// It does nothing when there is an epoch; ErrBuilding says that another replica is
// at it.
func (l *Log) Rebuild(ctx context.Context, high int64, all iter.Seq2[Entry, error]) error {
	if s, err := l.State(ctx); err != nil || s.Epoch != "" {
		return err
	}
	owner := rand.Text()
	mine, err := l.rdb.SetNX(ctx, buildKey, owner, buildLock).Result()
	switch {
	case err != nil:
		return told(err)
	case !mine:
		return ErrBuilding
	}
	var pending []Entry
	reached := map[string]uint32{}
	for e, err := range all {
		if err != nil {
			return err
		}
		if e.Kind == Subject {
			if e.before() < reached[e.Value] {
				continue // written by a clock that was behind: it denies nothing more
			}
			reached[e.Value] = e.before()
		}
		if pending = append(pending, e); len(pending) == buildBatch {
			if err := l.fill(ctx, owner, pending); err != nil {
				return err
			}
			pending = pending[:0]
		}
	}
	if err := l.fill(ctx, owner, pending); err != nil {
		return err
	}
	done, err := finish.Run(ctx, l.rdb, []string{buildKey, epochKey, positionKey, highKey}, owner, rand.Text(), high).Int()
	switch {
	case err != nil:
		return told(err)
	case done == 0:
		return ErrBuilding
	}
	return nil
}

// fill adds entries to a set that does not count yet. Several of one name may come:
// the last one counts.
func (l *Log) fill(ctx context.Context, owner string, entries []Entry) error {
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, e := range entries {
			if e.Check() != nil {
				continue // what can't be written was never denied
			}
			text, err := e.encode()
			if err != nil {
				return err
			}
			p.HSet(ctx, setKey, e.field(), text)
			p.ZAddArgs(ctx, untilKey, redis.ZAddArgs{Members: []redis.Z{{Score: float64(e.Until.UnixMilli()), Member: e.field()}}})
		}
		p.SetArgs(ctx, buildKey, owner, redis.SetArgs{Mode: "XX", TTL: buildLock})
		return nil
	})
	if errors.Is(err, redis.Nil) { // the lock ran out; finish will say so
		return nil
	}
	return told(err)
}
