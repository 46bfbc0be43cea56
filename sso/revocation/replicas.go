package revocation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Replica is a registered replica, as it told of itself within the last minute.
type Replica struct {
	Name, Service, Version string
	Started, Heard         time.Time     // by its own clock
	Position               int64         // of the last entry that it has applied
	Age                    time.Duration // how old its knowledge was then; negative: none yet
	Synced                 bool          // it follows the log
	Silent                 bool          // not heard of for so long that it refuses by now
	Entries, Bytes         int64         // of its mirror
	Unreadable             int64         // entries that it could not read
	Bound, StaleFor        time.Duration
	RequestsPerSecond      float64
	Report

	instance string
}

// Replicas are the registered replicas, by name. One that was started anew stands
// for the process before it, if that is silent.
func (l *Log) Replicas(ctx context.Context) ([]Replica, error) {
	names, err := l.rdb.SMembers(ctx, namesKey).Result()
	if err != nil {
		return nil, told(err)
	}
	if len(names) == 0 {
		return nil, nil
	}
	keys := make([]string, 0, 2*len(names))
	for _, name := range names {
		keys = append(keys, infoPrefix+name, beatPrefix+name)
	}
	values, err := l.rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, told(err)
	}
	var all []Replica
	var forgotten []any
	for i, name := range names {
		raw, known := values[2*i].(string)
		_, alive := values[2*i+1].(string)
		var told info
		if !known || json.Unmarshal([]byte(raw), &told) != nil {
			if !alive {
				forgotten = append(forgotten, name)
				continue
			}
			told.Name, _, _ = strings.Cut(name, "#") // just registered, or spoilt: it counts all the same
		}
		all = append(all, told.replica(name, !alive))
	}
	if len(forgotten) > 0 {
		if err := l.rdb.SRem(ctx, namesKey, forgotten...).Err(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, told(err)
		}
	}
	return tidy(all), nil
}

func (i info) replica(instance string, silent bool) Replica {
	return Replica{
		Name: i.Name, Service: i.Service, Version: i.Version, Started: i.Started, Heard: i.Heard, Position: i.Position, Age: i.Age,
		Synced: i.Synced, Silent: silent, Entries: i.Entries, Bytes: i.Bytes, Unreadable: i.Unread, Bound: i.Bound, StaleFor: i.StaleFor,
		RequestsPerSecond: i.Rate, Report: i.Report, instance: instance,
	}
}

// tidy sorts, and leaves out silent processes that others of the same name replaced.
func tidy(all []Replica) []Replica {
	latest := map[string]time.Time{}
	for _, r := range all {
		if r.Started.After(latest[r.Name]) {
			latest[r.Name] = r.Started
		}
	}
	all = slices.DeleteFunc(all, func(r Replica) bool { return r.Silent && r.Started.Before(latest[r.Name]) })
	slices.SortFunc(all, func(a, b Replica) int {
		if c := natural(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.instance, b.instance)
	})
	return all
}

// natural sorts shop-2 before shop-10.
func natural(a, b string) int {
	i, j := strings.LastIndexByte(a, '-'), strings.LastIndexByte(b, '-')
	if i > 0 && j > 0 && a[:i] == b[:j] && len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
