//go:build unix

package endings_test

import (
	"context"
	"flag"
	"os"
	"strconv"
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
	chosen := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { chosen[f.Name] = true })
	for name, value := range map[string]string{
		"rapid.checks":     "150", // some thousands of steps
		"rapid.shrinktime": "2m",
		"test.parallel":    "20", // the tests wait most of the time
	} {
		if !chosen[name] {
			_ = flag.Set(name, value)
		}
	}
	shareOutChecks()
	os.Exit(m.Run())
}

// shareOutChecks divides the number of sequences among the crowd: each of them calls rapid.Check.
func shareOutChecks() {
	checks := flag.Lookup("rapid.checks")
	total, err := strconv.Atoi(checks.Value.String())
	if err != nil {
		panic(err) // flag.Parse has accepted it
	}
	_ = checks.Value.Set(strconv.Itoa((total + crowd - 1) / crowd))
}
