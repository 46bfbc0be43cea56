//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/fleet/embedded"
)

// suite describes a service, how its database is filled, and the requests to measure.
type suite struct {
	service      string
	rows         string // the unit of small and large
	small, large int
	seed         func(ctx context.Context, d *db.DB, n int) error
	// start returns the service's handler. The database has been seeded.
	start    func(ctx context.Context, d *db.DB, rdb redis.UniversalClient) (http.Handler, error)
	requests []request
}

// request is one case: its name is "service: name" in -only.
type request struct {
	name, path string
	atOnce     bool                  // eight concurrent requests
	prepare    func(r *http.Request) // adds cookies and headers; may be nil
}

var suites = []suite{forumSuite, shopSuite}

var (
	only     = flag.String("only", "", "measure only cases whose \"service: name\" matches this `regexp`")
	scale    = flag.Float64("large", 1, "size of the large databases, as a `factor`")
	rounds   = flag.Int("rounds", 9, "how often each request is sent")
	postgres = flag.String("postgres", os.Getenv("GATEHOUSE_TEST_POSTGRES_URL"), "`URL` of a PostgreSQL server")
)

func main() {
	flag.Parse()
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	fmt.Printf("| database | case | small, ms | large, ms | ratio |\n|---|---|---:|---:|---:|\n")
	for _, s := range suites {
		s.requests = slices.DeleteFunc(slices.Clone(s.requests), func(r request) bool { return !pattern.MatchString(s.service + ": " + r.name) })
		if len(s.requests) == 0 {
			continue
		}
		s.large = int(float64(s.large) * *scale)
		for _, open := range databases() {
			if err := s.measure(ctx, open); err != nil {
				return fmt.Errorf("%s: %w", s.service, err)
			}
		}
	}
	return nil
}

// measure prints the rows of the suite on one kind of database.
func (s suite) measure(ctx context.Context, open opener) error {
	small, err := s.at(ctx, open, s.small)
	if err != nil {
		return err
	}
	large, err := s.at(ctx, open, s.large)
	if err != nil {
		return err
	}
	for i, r := range s.requests {
		fmt.Printf("| %s | %s: %s (%d and %d %s) | %s | %s | %.1f |\n", open.name, s.service, r.name, s.small, s.large, s.rows,
			small[i], large[i], float64(large[i].took)/float64(max(small[i].took, 1)))
	}
	return nil
}

// result is the time of one case, and the status of the responses if it was not 200.
type result struct {
	took   time.Duration
	status int
}

// String formats the time in milliseconds.
func (r result) String() string {
	out := fmt.Sprintf("%.1f", float64(r.took.Microseconds())/1000)
	if r.status != http.StatusOK {
		out += fmt.Sprintf(" (%d)", r.status)
	}
	return out
}

// at measures all requests of the suite on a database of n rows.
func (s suite) at(ctx context.Context, open opener, n int) (_ []result, err error) {
	d, done, err := open.open(ctx, s.service)
	if err != nil {
		return nil, err
	}
	defer done()
	start := time.Now()
	if err := s.seed(ctx, d, n); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s on %s: %d %s in %s\n", s.service, open.name, n, s.rows, time.Since(start).Round(time.Millisecond))
	server, err := embedded.StartRedis()
	if err != nil {
		return nil, err
	}
	defer server.Close()
	rdb := redis.NewClient(server.ClientOptions())
	defer rdb.Close()
	handler, err := s.start(ctx, d, rdb)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(s.requests))
	for i, r := range s.requests {
		results[i] = s.time(handler, r)
	}
	return results, nil
}

// time sends r -rounds times and returns the median time.
func (s suite) time(h http.Handler, r request) result {
	send := func() result {
		req := httptest.NewRequest(http.MethodGet, "http://"+s.service+".localhost:8080"+r.path, nil)
		if r.prepare != nil {
			r.prepare(req)
		}
		rec := httptest.NewRecorder()
		start := time.Now()
		h.ServeHTTP(rec, req)
		return result{time.Since(start), rec.Code}
	}
	many := 1
	if r.atOnce {
		many = 8
	}
	send() // warm up connections, prepared statements and caches
	all := make([]result, *rounds)
	for i := range all {
		answers := make([]result, many)
		var wg sync.WaitGroup
		for j := range answers {
			wg.Go(func() { answers[j] = send() })
		}
		wg.Wait()
		all[i] = worst(answers)
	}
	slices.SortFunc(all, func(a, b result) int { return int(a.took - b.took) })
	return result{all[len(all)/2].took, worst(all).status}
}

// worst returns the slowest time and the highest status.
func worst(results []result) (w result) {
	for _, r := range results {
		w = result{max(w.took, r.took), max(w.status, r.status)}
	}
	return w
}
