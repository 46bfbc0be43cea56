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
	// buildLock is how long the lock of a rebuild lasts without progress.
	buildLock = 30 * time.Second
	// buildBatch is the number of entries sent to Redis at a time.
	buildBatch = 1000
)

// ErrBuilding is returned while another replica rebuilds the set.
var ErrBuilding = errors.New("denylist: another replica rebuilds the denylist")

// setEpoch marks the set as complete by giving it an epoch, if the caller still holds the lock.
var setEpoch = redis.NewScript(`
local building, epoch, position, high = unpack(KEYS)
if redis.call('GET', building) ~= ARGV[1] or redis.call('EXISTS', epoch) == 1 then return 0 end
redis.call('SETNX', position, 0)
redis.call('SET', high, ARGV[3])
redis.call('SET', epoch, ARGV[2])
redis.call('DEL', building)
return 1
`)

// Rebuild writes all entries to an empty Redis and then sets an epoch, so that mirrors load the set and allow requests
// again. high is the highest Seq of all. It does nothing if there is an epoch, and returns ErrBuilding if another
// replica is rebuilding.
func (l *Log) Rebuild(ctx context.Context, high int64, all iter.Seq2[Entry, error]) error {
	if s, err := l.State(ctx); err != nil || s.Epoch != "" {
		return err
	}
	owner := rand.Text()
	mine, err := l.rdb.SetNX(ctx, buildKey, owner, buildLock).Result()
	switch {
	case err != nil:
		return translateError(err)
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
				continue // from a writer whose clock was behind: it denies nothing more
			}
			reached[e.Value] = e.before()
		}
		if pending = append(pending, e); len(pending) == buildBatch {
			if err := l.writeBatch(ctx, owner, pending); err != nil {
				return err
			}
			pending = pending[:0]
		}
	}
	if err := l.writeBatch(ctx, owner, pending); err != nil {
		return err
	}
	done, err := setEpoch.Run(ctx, l.rdb, []string{buildKey, epochKey, positionKey, highKey}, owner, rand.Text(), high).Int()
	switch {
	case err != nil:
		return translateError(err)
	case done == 0:
		return ErrBuilding
	}
	return nil
}

// writeBatch adds entries to a set that has no epoch yet. Of several entries with one name, the last one is kept.
func (l *Log) writeBatch(ctx context.Context, owner string, entries []Entry) error {
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, e := range entries {
			if e.Check() != nil {
				continue // an invalid entry can't have been in force
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
	if errors.Is(err, redis.Nil) { // the lock has expired; setEpoch will report it
		return nil
	}
	return translateError(err)
}
