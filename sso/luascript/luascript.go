package luascript

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script that may write to a full Redis.
type Script struct{ flagged, plain *redis.Script }

// New returns a Script with this source.
func New(source string) *Script {
	return &Script{flagged: redis.NewScript("#!lua flags=allow-oom\n" + source), plain: redis.NewScript(source)}
}

// Runner runs scripts on one Redis. Redis supports script flags since version 7; an older one, and the embedded server,
// which has no memory limit, get the scripts without them.
type Runner struct {
	rdb     redis.UniversalClient
	noFlags atomic.Bool
}

// NewRunner returns a Runner for rdb.
func NewRunner(rdb redis.UniversalClient) *Runner { return &Runner{rdb: rdb} }

// Run runs s by its hash, and sends its source if Redis does not have it.
func (r *Runner) Run(ctx context.Context, s *Script, keys []string, args ...any) *redis.Cmd {
	if !r.noFlags.Load() {
		cmd := s.flagged.Run(ctx, r.rdb, keys, args...)
		if !doesNotCompile(cmd.Err()) {
			return cmd
		}
	}
	cmd := s.plain.Run(ctx, r.rdb, keys, args...)
	if !doesNotCompile(cmd.Err()) {
		r.noFlags.Store(true)
	}
	return cmd
}

func doesNotCompile(err error) bool { return err != nil && strings.Contains(err.Error(), "compil") }
