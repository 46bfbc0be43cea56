package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Errors of the methods that take a replica's name.
var (
	ErrUnknown = errors.New("no such replica")
	ErrExists  = errors.New("a replica of that name exists")
	ErrStopped = errors.New("the supervisor has been stopped")
	ErrGone    = errors.New("the process has ended")
)

// Pool is where replicas get their requests from: the load balancer.
type Pool interface {
	// Add sends requests of service to the replica at addr (host:port) from now on.
	Add(service, replica, addr string) error
	// Remove sends it no more, and returns when those it has are being answered, or with ctx's error.
	Remove(ctx context.Context, service, replica string) error
}

// Spec says how to run a replica.
type Spec struct {
	Name    string    // unique: "shop-2"
	Service string    // the pool it joins: "shop"
	Path    string    // of the program
	Args    []string  // without the program's name
	Env     []string  // "KEY=value", added to this process's environment
	LogFile string    // takes stdout and stderr, appended to, created 0600
	Output  io.Writer // takes them when there is no LogFile; nil: the log file or nowhere
}

// Options configures a Supervisor. Zero durations mean the defaults in brackets.
type Options struct {
	Pool    Pool          // required
	Logger  *slog.Logger  // required
	OnEvent func(Event)   // told of every change, one at a time; it must not call Start, Stop, Remove or Restart
	Ready   time.Duration // how long a replica may take to become ready before it is killed [20 s]
	Drain   time.Duration // how long to wait, when stopping one, for its requests to be answered [2 s]
	Grace   time.Duration // between SIGTERM and SIGKILL [5 s]
	Backoff Backoff       // [250 ms, 30 s, 10 s]
}

// Supervisor runs replicas. It is safe for concurrent use.
type Supervisor struct {
	opts Options

	mu       sync.Mutex
	replicas map[string]*replica
	stopped  bool

	events sync.Mutex // OnEvent is told of one at a time
}

// New returns a Supervisor that runs nothing yet. It refuses a missing pool or logger.
func New(opts Options) (*Supervisor, error) {
	if opts.Pool == nil || opts.Logger == nil {
		return nil, errors.New("supervisor: needs a pool and a logger")
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&opts.Ready, 20 * time.Second}, {&opts.Drain, 2 * time.Second}, {&opts.Grace, 5 * time.Second},
		{&opts.Backoff.First, 250 * time.Millisecond}, {&opts.Backoff.Max, 30 * time.Second}, {&opts.Backoff.Steady, 10 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return &Supervisor{opts: opts, replicas: map[string]*replica{}}, nil
}

// Start adds all the specs and waits until each replica is ready. When the first start of one fails, all
// of them are stopped, and the error says in a sentence which one failed and what it wrote last.
func (s *Supervisor) Start(ctx context.Context, specs ...Spec) error {
	group, waiting := errgroup.WithContext(ctx)
	for _, spec := range specs {
		r, err := s.add(spec)
		if err != nil {
			s.Stop()
			return err
		}
		group.Go(func() error { return r.waitFirst(waiting) })
	}
	if err := group.Wait(); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// Add starts one more replica and does not wait for it; it is tried again, with backoff, until it works
// or is removed. It returns ErrExists or ErrStopped.
func (s *Supervisor) Add(spec Spec) error {
	_, err := s.add(spec)
	return err
}

func (s *Supervisor) add(spec Spec) (*replica, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, ErrStopped
	}
	if s.replicas[spec.Name] != nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, spec.Name)
	}
	r := newReplica(s, spec)
	s.replicas[spec.Name] = r
	go r.run()
	return r, nil
}

// Remove takes a replica out of the pool, stops it for good and returns when its process is gone.
func (s *Supervisor) Remove(name string) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	r.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replicas[name] == r {
		delete(s.replicas, name)
	}
	return nil
}

// Kill ends a replica's process with SIGKILL, as a crash would; the supervisor then restarts it.
func (s *Supervisor) Kill(name string) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	return r.kill(0)
}

// KillProcess is Kill for whoever has looked which process the replica is: it returns ErrGone when that is another one
// by now, or none, so that a kill that is asked for twice kills once.
func (s *Supervisor) KillProcess(name string, pid int) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	return r.kill(pid)
}

// Restart stops a replica gracefully and starts it again at once. It returns when the old process is gone.
func (s *Supervisor) Restart(name string) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	r.restart()
	return nil
}

func (s *Supervisor) find(name string) (*replica, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.replicas[name]
	if r == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, name)
	}
	return r, nil
}

// Replicas lists every replica, by name.
func (s *Supervisor) Replicas() []Replica {
	s.mu.Lock()
	list := make([]Replica, 0, len(s.replicas))
	for _, r := range s.replicas {
		list = append(list, r.view())
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Replica) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Stop stops every replica, all at once, and returns when no process is left: at the latest after
// Drain, Grace and the moment a SIGKILL takes. Nothing can be added afterwards.
func (s *Supervisor) Stop() {
	s.mu.Lock()
	s.stopped = true
	var all sync.WaitGroup
	for _, r := range s.replicas {
		all.Go(r.stop)
	}
	s.mu.Unlock()
	all.Wait()
}
