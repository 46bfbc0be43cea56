package denylist

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
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
	return l.replicas(ctx, func(string) (Replica, bool) { return Replica{}, false })
}

// expected are the replicas that have to confirm a write. What never changes of one
// is remembered: while a write waits for 500 replicas, nobody should have to read all
// that they tell of themselves.
func (l *Log) expected(ctx context.Context) ([]Replica, error) {
	l.mu.Lock()
	known := l.known
	l.mu.Unlock()
	all, err := l.replicas(ctx, func(instance string) (Replica, bool) { r, ok := known[instance]; return r, ok })
	if err != nil {
		return nil, err
	}
	met := make(map[string]Replica, len(all))
	for i, r := range all {
		all[i] = Replica{
			Name: r.Name, Service: r.Service, Version: r.Version, Started: r.Started, Bound: r.Bound, StaleFor: r.StaleFor,
			Silent: r.Silent, instance: r.instance,
		}
		if !r.Silent && !r.Started.IsZero() {
			met[r.instance] = all[i]
		}
	}
	l.mu.Lock()
	l.known = met
	l.mu.Unlock()
	return all, nil
}

// replicas asks who is registered and who lives, and, of those that are not known or
// do not live, what they have told of themselves.
func (l *Log) replicas(ctx context.Context, known func(instance string) (Replica, bool)) ([]Replica, error) {
	names, err := l.rdb.SMembers(ctx, namesKey).Result()
	if err != nil {
		return nil, told(err)
	}
	beats, err := l.values(ctx, beatPrefix, names)
	if err != nil {
		return nil, err
	}
	var all []Replica
	var asked []string
	for _, name := range names {
		if r, ok := known(name); ok && beats[name] != "" {
			all = append(all, r)
		} else {
			asked = append(asked, name)
		}
	}
	infos, err := l.values(ctx, infoPrefix, asked)
	if err != nil {
		return nil, err
	}
	var forgotten []any
	for _, name := range asked {
		var told info
		if json.Unmarshal([]byte(infos[name]), &told) != nil {
			if beats[name] == "" {
				forgotten = append(forgotten, name)
				continue
			}
			told.Name, _, _ = strings.Cut(name, "#") // just registered, or spoilt: it counts all the same
		}
		if at, err := strconv.ParseInt(beats[name], 10, 64); err == nil { // as of the last confirmation, not of the last second
			told.Position = max(told.Position, at)
		}
		all = append(all, told.replica(name, beats[name] == ""))
	}
	if len(forgotten) > 0 {
		if err := l.rdb.SRem(ctx, namesKey, forgotten...).Err(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, told(err)
		}
	}
	return tidy(all), nil
}

// values are those of the keys prefix+name, by name.
func (l *Log) values(ctx context.Context, prefix string, names []string) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = prefix + name
	}
	values, err := l.rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, told(err)
	}
	byName := make(map[string]string, len(names))
	for i, name := range names {
		byName[name], _ = values[i].(string)
	}
	return byName, nil
}

func (i info) replica(instance string, silent bool) Replica {
	return Replica{
		Name: i.Name, Service: i.Service, Version: i.Version, Started: i.Started, Heard: i.Heard, Position: i.Position, Age: i.Age,
		Synced: i.Synced, Silent: silent, Entries: i.Entries, Bytes: i.Bytes, Unreadable: i.Unread, Bound: i.Bound, StaleFor: i.StaleFor,
		RequestsPerSecond: i.Rate, Report: i.Report, instance: instance,
	}
}

// tidy sorts, and leaves out silent processes that others of the same name replaced:
// they refuse. With the policy "stale" nobody knows whether they have ended.
func tidy(all []Replica) []Replica {
	latest := map[string]time.Time{}
	for _, r := range all {
		if r.Started.After(latest[r.Name]) {
			latest[r.Name] = r.Started
		}
	}
	all = slices.DeleteFunc(all, func(r Replica) bool { return r.Silent && r.StaleFor == 0 && r.Started.Before(latest[r.Name]) })
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
