package main

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/sso/denylist"
	"gatehouse/web"
)

// denylistConfig configures how long a replica uses its copy of the denylist while it has no connection to Redis
// (docs/adr/0005-denylist.md).
type denylistConfig struct {
	Bound      time.Duration `env:"GATEHOUSE_DENYLIST_BOUND" default:"1s" help:"Silence of Redis after which a replica lets no signed-in person in, rather than guess."`
	Policy     string        `env:"GATEHOUSE_DENYLIST_POLICY" default:"closed" enum:"closed,stale" help:"After the bound: closed answers 503, stale goes on with what is known, for the stale bound."`
	StaleBound time.Duration `env:"GATEHOUSE_DENYLIST_STALE_BOUND" default:"1m" help:"With the policy stale: how long a replica goes on, and so how long a sign-out may be missed."`
}

// Limits of the bounds. A mirror reads twice within one bound.
const (
	shortestBound = 100 * time.Millisecond
	longestBound  = time.Hour
)

func (c denylistConfig) check() error {
	var wrong []error
	if c.Bound < shortestBound || c.Bound > longestBound {
		wrong = append(wrong, fmt.Errorf("--denylist-bound must be from %s to %s", shortestBound, longestBound))
	}
	if c.Policy == "stale" && (c.StaleBound < c.Bound || c.StaleBound > longestBound) {
		wrong = append(wrong, fmt.Errorf("--denylist-stale-bound must be from the bound (%s) to %s", c.Bound, longestBound))
	}
	return errors.Join(wrong...)
}

// env returns the options as environment variables for a replica's process.
func (c denylistConfig) env() []string {
	return []string{
		"GATEHOUSE_DENYLIST_BOUND=" + c.Bound.String(), "GATEHOUSE_DENYLIST_POLICY=" + c.Policy,
		"GATEHOUSE_DENYLIST_STALE_BOUND=" + c.StaleBound.String(),
	}
}

// mirror returns the replica's copy of the denylist.
func (c serviceConfig) mirror(service string, rdb redis.UniversalClient, log *slog.Logger) (*denylist.Mirror, error) {
	o := denylist.Options{
		Redis: rdb, Service: service, Replica: c.Replica, Version: version(), Logger: log, Bound: c.Denylist.Bound,
	}
	if c.Denylist.Policy == "stale" {
		o.StaleFor = c.Denylist.StaleBound
	}
	m, err := denylist.NewMirror(o)
	if err != nil {
		return nil, err
	}
	m.Describe(func(r *denylist.Report) { r.Requests, r.Memory = web.RequestCount(), memory() })
	return m, nil
}

// memory returns the number of bytes that the process has obtained from the operating system and not released.
func memory() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}

// built is the version that the build sets: go build -ldflags "-X main.built=v1.2".
var built string

// version returns the version set at build time, else the commit that the program was built from (with "+" if files had
// been modified), else "devel".
func version() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case built != "":
		return built
	case !ok:
		return "devel"
	}
	revision, changed := "devel", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 7:
			revision = s.Value[:7]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+"
		}
	}
	return revision + changed
}
