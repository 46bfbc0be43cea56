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

// Replica is a registered replica, as described by itself within the last minute.
type Replica struct {
	Name, Service, Version string
	Started, Heard         time.Time     // by its own clock
	Position               int64         // of the last entry applied
	Age                    time.Duration // of its data at that time; negative before the first load
	Synced                 bool          // follows the log
	Silent                 bool          // sent no heartbeat for so long that it refuses
	Entries, Bytes         int64         // of its mirror
	Unreadable             int64         // entries that it could not parse
	Bound, StaleFor        time.Duration
	RequestsPerSecond      float64
	Report

	instance string
}

// Replicas returns the registered replicas, sorted by name. A restarted replica replaces its earlier process if that is
// silent.
func (l *Log) Replicas(ctx context.Context) ([]Replica, error) {
	return l.replicas(ctx, func(string) (Replica, bool) { return Replica{}, false })
}

// expected returns the replicas that must confirm a write. It caches their unchanging details, so that with 500
// replicas a write need not read every description.
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

// replicas returns the registered replicas. It reads the descriptions only of those that known does not return or that
// send no heartbeat, and removes those without either.
func (l *Log) replicas(ctx context.Context, known func(instance string) (Replica, bool)) ([]Replica, error) {
	names, err := l.rdb.SMembers(ctx, namesKey).Result()
	if err != nil {
		return nil, translateError(err)
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
			told.Name, _, _ = strings.Cut(name, "#") // just registered, or the description is invalid: still listed
		}
		// The heartbeat's position is newer than the description's.
		if at, err := strconv.ParseInt(beats[name], 10, 64); err == nil {
			told.Position = max(told.Position, at)
		}
		all = append(all, told.replica(name, beats[name] == ""))
	}
	if len(forgotten) > 0 {
		if err := l.rdb.SRem(ctx, namesKey, forgotten...).Err(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, translateError(err)
		}
	}
	return sortAndPrune(all), nil
}

// values returns the values of the keys prefix+name, by name.
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
		return nil, translateError(err)
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

// sortAndPrune sorts the replicas and removes silent ones that were restarted under the same name: they refuse. With
// the policy "stale" they may still run, so they stay.
func sortAndPrune(all []Replica) []Replica {
	latest := map[string]time.Time{}
	for _, r := range all {
		if r.Started.After(latest[r.Name]) {
			latest[r.Name] = r.Started
		}
	}
	all = slices.DeleteFunc(all, func(r Replica) bool { return r.Silent && r.StaleFor == 0 && r.Started.Before(latest[r.Name]) })
	slices.SortFunc(all, func(a, b Replica) int {
		if c := compareNatural(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.instance, b.instance)
	})
	return all
}

// compareNatural compares names so that shop-2 comes before shop-10.
func compareNatural(a, b string) int {
	i, j := strings.LastIndexByte(a, '-'), strings.LastIndexByte(b, '-')
	if i > 0 && j > 0 && a[:i] == b[:j] && len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
