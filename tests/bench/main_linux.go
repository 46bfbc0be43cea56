package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"gatehouse.example/sso/session"
	"gatehouse.example/tests/bench/setting"
	"gatehouse.example/tests/env"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		fail(serve(os.Args[2]))
		return
	}
	b := &bench{samples: map[string][]float64{}}
	flag.IntVar(&b.rounds, "rounds", 7, "rounds; the median of them is shown")
	flag.DurationVar(&b.each, "for", 2*time.Second, "how long each measure is taken in a round")
	flag.IntVar(&b.starting, "starts", 15, "starts of a replica of each service")
	flag.IntVar(&b.estates, "estates", 5, "starts of the whole estate")
	only := flag.String("only", "", "measure only what has a name that this regular expression matches")
	output := flag.String("o", "", "also write the table to this file")
	binary := flag.String("binary", os.Getenv("GATEHOUSE_BINARY"), "the program to measure; built unless given")
	flag.Parse()
	var err error
	b.only, err = regexp.Compile(*only)
	fail(err)
	b.cores, err = bindLoad()
	fail(err)
	fail(b.run(*binary))
	out := io.Writer(os.Stdout)
	if *output != "" {
		file, err := os.Create(*output)
		fail(err)
		defer file.Close()
		out = io.MultiWriter(out, file)
	}
	b.report(out)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run runs a program, and returns an error with its output if it fails.
func run(argv ...string) error {
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return nil
}

// bench holds the options and results of one run.
type bench struct {
	cores             cores
	rounds            int
	each              time.Duration
	starting, estates int
	only              *regexp.Regexp
	folder            string
	replicas          *replicas
	synthetic         map[string]*process
	samples           map[string][]float64 // by name of the measure
}

func (b *bench) skip(name string) bool { return !b.only.MatchString(name) }

func (b *bench) add(name string, value float64) { b.samples[name] = append(b.samples[name], value) }

// run takes all measures.
func (b *bench) run(given string) error {
	folder, remove, err := temporary()
	if err != nil {
		return err
	}
	defer remove()
	b.folder = folder
	b.say("building")
	binary, err := build(folder, given)
	if err != nil {
		return err
	}
	server, err := env.StartRedis("") // on the load's core: a child process runs on its parent's cores
	if err != nil {
		return err
	}
	defer server.Stop()
	if b.replicas, err = prepare(binary, folder, server.URL()); err != nil {
		return err
	}
	defer func() { b.replicas.stop() }()
	if err := b.replicas.startAll(b.cores); err != nil { // creates the databases
		return err
	}
	if err := b.replicas.awaitDemo(); err != nil {
		return err
	}
	b.replicas.stop()
	b.say("starting and stopping")
	if err := b.starts(); err != nil {
		return err
	}
	if err := b.estateStarts(); err != nil {
		return err
	}
	if err := b.replicas.startAll(b.cores); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // wait for start-up work
	if err := b.idle(); err != nil {
		return err
	}
	return b.load(server.URL())
}

func (b *bench) say(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }

// load takes all measures that need load, in rounds.
func (b *bench) load(redisURL string) error {
	defer func() {
		for _, p := range b.synthetic {
			p.stop()
		}
	}()
	cookie, err := b.startSynthetic(redisURL)
	if err != nil {
		return err
	}
	turns, err := b.turns(cookie)
	if err != nil {
		return err
	}
	started := maps.Clone(b.samples)
	for round := range b.rounds + 1 {
		b.say(fmt.Sprintf("round %d of %d", round, b.rounds))
		for _, t := range turns {
			if b.skip(t.name) {
				continue
			}
			each := b.each
			if round == 0 {
				each = b.each / 4 // a warm-up round, whose results are discarded
			}
			if err := t.take(each); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
		if round == 0 {
			clear(b.samples)
			maps.Copy(b.samples, started)
		}
	}
	return nil
}

// startSynthetic starts this program's own servers, and returns the session cookie of a user signed in there.
func (b *bench) startSynthetic(redisURL string) (cookie string, err error) {
	rdb, err := setting.OpenRedis(redisURL)
	if err != nil {
		return "", err
	}
	defer rdb.Close()
	store, err := session.New(rdb, session.Options{Service: service, Keys: [][]byte{[]byte(benchKey)}})
	if err != nil {
		return "", err
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	if _, err := store.Start(context.Background(), w, r, session.Record{
		Subject: "demo-alice", SID: "J2N5CZ6QH3V4E7KMYX5WQDR5TA", Name: "Alice Demo", Email: "alice@example.com", Roles: []string{"customer"}, AuthTime: time.Now(),
	}); err != nil {
		return "", err
	}
	cookie = w.Result().Cookies()[0].Name + "=" + w.Result().Cookies()[0].Value
	// The server with one GET reads the same record as sso.
	keys, err := rdb.Keys(context.Background(), "gatehouse:"+service+":session:*").Result()
	if err != nil || len(keys) != 1 {
		return "", fmt.Errorf("the session's key: %q, %w", keys, err)
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	b.synthetic = map[string]*process{}
	for _, kind := range []string{"bare", "redis", "sso", "web", "balancer", "work"} {
		env := []string{redisVariable + "=" + redisURL, keyVariable + "=" + keys[0]}
		if kind == "balancer" {
			env = append(env, targetVariable+"="+b.synthetic["bare"].addr)
		}
		p, err := b.cores.launch(b.cores.server, os.DevNull, env, self, "serve", kind)
		if err != nil {
			return "", err
		}
		b.synthetic[kind] = p
	}
	return cookie, nil
}

// turn is a measure that is taken once in each round.
type turn struct {
	name string
	take func(each time.Duration) error
}

// turns returns all turns; those that are compared are adjacent.
func (b *bench) turns(cookie string) ([]turn, error) {
	request := page(get("bench.localhost", "/page", cookie))
	var turns []turn
	for _, kind := range []string{"bare", "redis", "sso", "web", "balancer"} {
		turns = append(turns, b.perRequest(kind, b.synthetic[kind], 16, request))
	}
	var portal string
	for _, s := range services {
		cookie, err := b.replicas.signIn(s.name, s.email)
		if err != nil {
			return nil, err
		}
		if s.name == "portal" {
			portal = cookie
		}
		turns = append(turns, b.perRequest("page "+s.name, b.replicas.running[s.name], 16, page(get(b.replicas.host(s.name), s.page, cookie))))
	}
	return append(turns,
		b.perRequest("redirect", b.replicas.running["portal"], 4, b.replicas.redirect(portal)),
		turn{"rs256", func(each time.Duration) error {
			w, err := labour(b.synthetic["work"], "sign", int(each/(2*time.Millisecond)))
			b.add("rs256", millis(w.CPU)/float64(int(each/(2*time.Millisecond))))
			return err
		}},
		b.perRequest("client token", b.replicas.running["portal"], 8, b.replicas.clientToken()),
		turn{"password", func(each time.Duration) error {
			n, p := hashes(each), b.replicas.running["portal"]
			before, err := p.cpu()
			if err != nil {
				return err
			}
			// At the start and the end of the load the core is not fully used: the first and the last few sign-ins are
			// not timed.
			const workers, edge = 16, 8
			times := make(chan time.Time, n+2*edge)
			signIn := b.replicas.passwordSignIn()
			_, _, err = drive(p.addr, workers, time.Minute, n+2*edge, func(c *connection, worker, nth int) error {
				err := signIn(c, worker, nth)
				times <- time.Now()
				return err
			})
			if err != nil {
				return err
			}
			close(times)
			var began, ended time.Time
			for i := int64(1); i <= n+edge; i++ {
				if ended = <-times; i == edge {
					began = ended
				}
			}
			took := ended.Sub(began)
			after, err := p.cpu()
			if err != nil {
				return err
			}
			b.add("password", float64(n)/took.Seconds())
			b.add("password cpu", millis(after-before)/float64(n+2*edge))
			all, own, err := p.resident()
			b.add("memory load portal", all)
			b.add("own memory load portal", own)
			return err
		}},
		turn{"hash", func(each time.Duration) error {
			n := hashes(each)
			w, err := labour(b.synthetic["work"], "hash", int(n))
			b.add("hash", float64(n)/w.Took.Seconds())
			b.add("hash cpu", millis(w.CPU)/float64(n))
			return err
		}},
	), nil
}

// hashes returns approximately how many password hashes a core computes in this time.
func hashes(each time.Duration) int64 { return max(8, int64(each/(25*time.Millisecond))) }

// perRequest returns a turn that measures the server's CPU time per step, in milliseconds, and the steps per second.
func (b *bench) perRequest(name string, p *process, workers int, do step) turn {
	return turn{name, func(each time.Duration) error {
		before, err := p.cpu()
		if err != nil {
			return err
		}
		n, took, err := drive(p.addr, workers, each, 0, do)
		if err != nil {
			return err
		}
		after, err := p.cpu()
		if err != nil {
			return err
		}
		b.add(name, millis(after-before)/float64(n))
		b.add(name+" rate", float64(n)/took.Seconds())
		if service, ok := strings.CutPrefix(name, "page "); ok {
			all, own, err := p.resident()
			if err != nil {
				return err
			}
			b.add("memory load "+service, all)
			b.add("own memory load "+service, own)
		}
		return nil
	}}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
