//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/fleet/embedded"
	"gatehouse.example/tests/env"
)

// bench holds the options and results of the program.
type bench struct {
	bans    int
	rate    int // requests per second
	entries int
	quiet   *slog.Logger

	runs     []*run
	millions []million
	check    check
}

// collect is how far the heap may grow between two garbage collections, in percent. The default of 100 is for one
// server per process; here 500 of them share one heap, so that each collection delays all of them and takes 500 times
// as long.
const collect = 800

func main() {
	b := &bench{quiet: slog.New(slog.DiscardHandler)}
	servers := flag.String("servers", "50,500", "how many servers, one configuration each")
	kinds := flag.String("redis", "embedded,real", "which Redis")
	flag.IntVar(&b.bans, "bans", 100, "bans in each configuration")
	flag.IntVar(&b.rate, "rate", 400, "requests a second, to all servers together")
	flag.IntVar(&b.entries, "entries", 1_000_000, "entries of the denylist that is loaded and asked; 0 for none")
	picture := flag.String("picture", "", "draw the chart into this SVG file")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the bans to this file")
	flag.Parse()
	debug.SetGCPercent(collect)
	redis.SetLogger(silent{}) // it logs connections that are closed at the end
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := b.all(ctx, *servers, *kinds, *profile)
	if err == nil && *picture != "" {
		err = os.WriteFile(*picture, b.picture(), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	b.report(os.Stdout)
	if wrong := b.wrong(); len(wrong) > 0 {
		fmt.Fprintln(os.Stderr, "bench: FAILED:", strings.Join(wrong, "; "))
		os.Exit(1)
	}
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func (b *bench) all(ctx context.Context, servers, kinds, profile string) error {
	var file io.WriteCloser
	if profile != "" {
		var err error
		if file, err = os.Create(profile); err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
	}
	for kind := range strings.SplitSeq(kinds, ",") {
		for number := range strings.SplitSeq(servers, ",") {
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 {
				return fmt.Errorf("-servers %q is not a list of numbers", servers)
			}
			say("%s Redis, %d servers: %d bans", kind, n, b.bans)
			err = withRedis(kind, func(url string) error { return b.run(ctx, kind, url, n) })
			if err != nil {
				return fmt.Errorf("%s Redis, %d servers: %w", kind, n, err)
			}
		}
	}
	if file != nil {
		pprof.StopCPUProfile()
		if err := file.Close(); err != nil {
			return err
		}
	}
	if b.entries == 0 {
		return nil
	}
	for kind := range strings.SplitSeq(kinds, ",") {
		say("%s Redis: %d entries", kind, b.entries)
		if err := withRedis(kind, func(url string) error { return b.million(ctx, kind, url) }); err != nil {
			return fmt.Errorf("%s Redis, %d entries: %w", kind, b.entries, err)
		}
	}
	return nil
}

// withRedis calls use with the URL of a new Redis.
func withRedis(kind string, use func(url string) error) error {
	switch kind {
	case embeddedRedis:
		server, err := embedded.StartRedis()
		if err != nil {
			return err
		}
		defer server.Close()
		return use(server.URL())
	case realRedis:
		server, err := env.StartRedis("")
		if err != nil {
			return err
		}
		defer server.Stop()
		return use(server.URL())
	}
	return fmt.Errorf("there is no Redis %q, only %s and %s", kind, embeddedRedis, realRedis)
}

const (
	embeddedRedis = "embedded"
	realRedis     = "real"
)

func say(format string, args ...any) {
	fmt.Fprintln(os.Stderr, "bench:", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
