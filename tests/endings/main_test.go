//go:build unix

package endings_test

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// silent keeps go-redis from telling stderr of each connection that we cut.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy's
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if !chosen {
		_ = flag.Set("rapid.checks", "80") // some thousands of steps
	}
	os.Exit(m.Run())
}
