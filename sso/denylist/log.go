package denylist

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"gatehouse.example/sso/luascript"

	"github.com/redis/go-redis/v9"
)

const (
	// keptLog is the approximate number of entries that the log keeps. A replica that is further behind loads the set.
	// An embedded Redis scans the whole log for each blocked reader.
	keptLog = 20_000
	// atOnce is the maximum number of entries of one Write: Redis runs nothing else during the script.
	atOnce = 500
)

// Log writes and reads the denylist in Redis.
type Log struct {
	rdb     redis.UniversalClient
	scripts *luascript.Runner

	mu    sync.Mutex
	known map[string]Replica // by instance: the unchanging details of the replicas of the last Write
}

// NewLog returns a Log for rdb, or an error if rdb is nil. It does not connect.
func NewLog(rdb redis.UniversalClient) (*Log, error) {
	if rdb == nil {
		return nil, errors.New("denylist: a log needs Redis")
	}
	return &Log{rdb: rdb, scripts: luascript.NewRunner(rdb), known: map[string]Replica{}}, nil
}

// write adds all entries to the set and the log, removes up to 200 expired ones, and returns the position of the last
// one, Redis's time and the epoch. An existing entry stays if it denies more. In the log each entry has the id of its
// Write and that of the entry before it: a Redis that lost its last entries writes the same positions again,
// with other entries.
var write = luascript.New(`
local set, ends, log, epoch, position, high = unpack(KEYS)
local of = redis.call('GET', epoch)
if not of then return redis.error_reply('` + emptyReply + ` the denylist has no epoch') end
for key, kind in pairs({[set] = 'hash', [ends] = 'zset', [log] = 'stream'}) do
	local is = redis.call('TYPE', key)
	is = type(is) == 'table' and is.ok or is
	if is ~= kind and is ~= 'none' then return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. is) end
end
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local over = redis.call('ZRANGEBYSCORE', ends, '-inf', ms, 'LIMIT', 0, 200)
for _, field in ipairs(over) do
	redis.call('HDEL', set, field)
	redis.call('ZREM', ends, field)
end
local before = ''
local tail = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
if tail then
	local stands, at = tonumber(redis.call('GET', position) or '0'), string.match(tail[1], '^%d+')
	if stands and stands < tonumber(at) then redis.call('SET', position, at) end
	for i = 1, #tail[2], 2 do
		if tail[2][i] == '` + fieldWriteID + `' then before = tail[2][i+1] end
	end
end
local at = 0
for i = 4, #ARGV, 3 do
	local field, text, last = ARGV[i], ARGV[i+1], tonumber(ARGV[i+2])
	local old = redis.call('HGET', set, field)
	if not old or not string.match(old, '^%d+|%d+|') or string.sub(old, 1, 10) <= string.sub(text, 1, 10) then
		redis.call('HSET', set, field, text)
	end
	local score = redis.call('ZSCORE', ends, field)
	if not score or tonumber(score) < last then redis.call('ZADD', ends, ARGV[i+2], field) end
	at = redis.call('INCR', position)
	redis.call('XADD', log, 'MAXLEN', '~', ARGV[1], string.format('%.0f-0', at), '` + fieldName + `', field, '` + fieldText + `', text, '` + fieldPreviousID + `', before, '` + fieldWriteID + `', ARGV[3])
	before = ARGV[3]
end
local known = redis.call('GET', high)
if not known or tonumber(known) < tonumber(ARGV[2]) then redis.call('SET', high, ARGV[2]) end
return {at, now[1], now[2], of}
`)

// Written is the result of a Write.
type Written struct {
	Position int64     // of its last entry
	At       time.Time // Redis's time
	Expected []Replica // the replicas that must confirm: names, start, bounds and Silent; Replicas returns more

	epoch string // of the log that it was written to
}

// Write adds entries to the set and the log, all or none, at most 500. It returns ErrEmpty if the set must be rebuilt
// first, ErrForeign if Redis holds something else under the keys, and ErrEntry if an entry can't be written.
func (l *Log) Write(ctx context.Context, entries ...Entry) (Written, error) {
	if len(entries) == 0 || len(entries) > atOnce {
		return Written{}, fmt.Errorf("%w: %d entries in one write; must be 1 to %d", ErrEntry, len(entries), atOnce)
	}
	high := int64(0)
	args := make([]any, 3, 3+3*len(entries))
	for _, e := range entries {
		if err := e.Check(); err != nil {
			return Written{}, err
		}
		text, err := e.encode()
		if err != nil {
			return Written{}, err
		}
		high = max(high, e.Seq)
		args = append(args, e.field(), text, e.Until.UnixMilli())
	}
	args[0], args[1], args[2] = keptLog, high, rand.Text()
	answer, err := l.scripts.Run(ctx, write, []string{setKey, untilKey, logKey, epochKey, positionKey, highKey}, args...).Slice()
	if err != nil {
		return Written{}, translateError(err)
	}
	w, err := readWritten(answer)
	if err != nil {
		return Written{}, err
	}
	// Replicas registered before the write are in the list now; those that register later load a set that has the
	// entries.
	w.Expected, err = l.expected(ctx)
	return w, err
}

func readWritten(answer []any) (Written, error) {
	if len(answer) != 4 {
		return Written{}, fmt.Errorf("denylist: Redis answered %d values to a write", len(answer))
	}
	var n [3]int64
	for i := range n {
		var err error
		switch v := answer[i].(type) {
		case int64:
			n[i] = v
		case string:
			n[i], err = strconv.ParseInt(v, 10, 64)
		default:
			err = fmt.Errorf("a %T", v)
		}
		if err != nil {
			return Written{}, fmt.Errorf("denylist: Redis's answer to a write: %w", err)
		}
	}
	epoch, _ := answer[3].(string)
	return Written{Position: n[0], At: time.Unix(n[1], n[2]*1000), epoch: epoch}, nil
}

// Find returns the entry of this name and whether there is one. The error of an entry that can't be parsed wraps
// ErrEntry.
func (l *Log) Find(ctx context.Context, k Kind, value string) (Entry, bool, error) {
	field := Entry{Kind: k, Value: value}.field()
	text, err := l.rdb.HGet(ctx, setKey, field).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return Entry{}, false, nil
	case err != nil:
		return Entry{}, false, translateError(err)
	}
	e, err := decode(field, text)
	return e, err == nil, err
}

// State is the state of the denylist in Redis.
type State struct {
	Epoch    string // "" if the set is not complete
	Position int64  // of the last entry of the log
	High     int64  // the highest Seq written
	Entries  int64  // in the set
	Logged   int64  // entries in the log
}

// State returns the state of the denylist in Redis.
func (l *Log) State(ctx context.Context) (State, error) {
	var epoch, position, high *redis.StringCmd
	var entries, logged *redis.IntCmd
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		epoch, position, high = p.Get(ctx, epochKey), p.Get(ctx, positionKey), p.Get(ctx, highKey)
		entries, logged = p.HLen(ctx, setKey), p.XLen(ctx, logKey)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return State{}, translateError(err)
	}
	// Pipelined returns only the first error, which may be a missing value.
	for _, cmd := range []redis.Cmder{epoch, position, high, entries, logged} {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return State{}, translateError(err)
		}
	}
	s := State{Epoch: epoch.Val(), Entries: entries.Val(), Logged: logged.Val()}
	s.Position, _ = strconv.ParseInt(position.Val(), 10, 64)
	s.High, _ = strconv.ParseInt(high.Val(), 10, 64)
	return s, nil
}
