package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/web"
)

// denylistConfig configures how long a replica uses its copy of the denylist while it has no connection to Redis
// (docs/adr/0005-denylist.md).
type denylistConfig struct {
	Bound      time.Duration `env:"GATEHOUSE_DENYLIST_BOUND" default:"1s" help:"How long a replica serves signed-in requests without contact to Redis."`
	Policy     string        `env:"GATEHOUSE_DENYLIST_POLICY" default:"closed" enum:"closed,stale" help:"What a replica does after the bound: closed answers 503; stale keeps using its copy of the denylist for the stale bound."`
	StaleBound time.Duration `env:"GATEHOUSE_DENYLIST_STALE_BOUND" default:"1m" help:"With the policy stale, how long a replica keeps using its copy, and so may miss a sign-out."`
}

// Limits of the bounds. A mirror reads twice within one bound.
const (
	minBound = 100 * time.Millisecond
	maxBound = time.Hour
)

func (c denylistConfig) check() error {
	var wrong []error
	if c.Bound < minBound || c.Bound > maxBound {
		wrong = append(wrong, fmt.Errorf("--denylist-bound must be from %s to %s", minBound, maxBound))
	}
	if c.Policy == "stale" && (c.StaleBound < c.Bound || c.StaleBound > maxBound) {
		wrong = append(wrong, fmt.Errorf("--denylist-stale-bound must be from the bound (%s) to %s", c.Bound, maxBound))
	}
	return errors.Join(wrong...)
}

// env returns the settings as environment variables of a replica.
func (c denylistConfig) env() []string {
	return []string{
		"GATEHOUSE_DENYLIST_BOUND=" + c.Bound.String(), "GATEHOUSE_DENYLIST_POLICY=" + c.Policy,
		"GATEHOUSE_DENYLIST_STALE_BOUND=" + c.StaleBound.String(),
	}
}

// mirror returns the replica's copy of the denylist.
func (c *serviceConfig) mirror(service string, rdb redis.UniversalClient, log *slog.Logger) (*denylist.Mirror, error) {
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
	m.Describe(func(r *denylist.Report) { r.Requests, r.Memory = web.RequestCount(), memoryInUse() })
	return m, nil
}
