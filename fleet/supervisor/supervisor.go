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
	ErrExists  = errors.New("a replica with that name already exists")
	ErrStopped = errors.New("the supervisor has been stopped")
	ErrGone    = errors.New("the process has ended")
)

// Pool is the load balancer as the supervisor uses it.
type Pool interface {
	// Add adds the replica at addr (host:port) to the pool of service.
	Add(service, replica, addr string) error
	// Remove removes the replica from the pool and waits until its requests have responses, or returns ctx's error.
	Remove(ctx context.Context, service, replica string) error
}

// Spec describes how to run a replica.
type Spec struct {
	Name    string    // unique: "shop-2"
	Service string    // the pool it joins: "shop"
	Path    string    // path of the program
	Args    []string  // without the program's name
	Env     []string  // "KEY=value", added to this process's environment
	LogFile string    // receives stdout and stderr, appended; created with mode 0600
	Output  io.Writer // receives them if there is no LogFile; may be nil
}

// Options configures a Supervisor. Defaults for zero durations are in brackets.
type Options struct {
	Pool         Pool          // required
	Logger       *slog.Logger  // required
	OnEvent      func(Event)   // called for every event, one at a time; must not call Start, Stop, Remove or Restart
	ReadyTimeout time.Duration // time to become ready before the process is killed [20 s]
	DrainTimeout time.Duration // time to wait for responses when a replica is stopped [2 s]
	StopTimeout  time.Duration // time between SIGTERM and SIGKILL [5 s]
	Backoff      Backoff       // [250 ms, 30 s, 10 s]
}

// Supervisor runs replicas. It is safe for concurrent use.
type Supervisor struct {
	opts Options

	mu       sync.Mutex
	replicas map[string]*replica
	stopped  bool

	events sync.Mutex // serializes the calls of OnEvent
}

// New returns a Supervisor without replicas, or an error if the pool or the logger is missing.
func New(opts Options) (*Supervisor, error) {
	if opts.Pool == nil || opts.Logger == nil {
		return nil, errors.New("supervisor: a pool and a logger are required")
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&opts.ReadyTimeout, 20 * time.Second}, {&opts.DrainTimeout, 2 * time.Second}, {&opts.StopTimeout, 5 * time.Second},
		{&opts.Backoff.First, 250 * time.Millisecond}, {&opts.Backoff.Max, 30 * time.Second}, {&opts.Backoff.Steady, 10 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return &Supervisor{opts: opts, replicas: map[string]*replica{}}, nil
}

// Start adds all the specs and waits until each replica is ready. If the first start of one fails, it stops all of
// them, and returns an error that says which one failed and with what last output.
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

// Add starts one more replica without waiting for it; it is restarted, with backoff, until it works or is removed. It
// returns ErrExists or ErrStopped.
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

// Remove removes a replica from the pool, stops it for good and returns when its process has ended. It returns
// ErrUnknown for an unknown name.
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

// Kill ends a replica's process with SIGKILL, to simulate a crash; the supervisor then restarts it. It returns an error
// if the replica is unknown or has no process.
func (s *Supervisor) Kill(name string) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	return r.kill(0)
}

// KillProcess does what Kill does if the replica's process is pid, and returns ErrGone otherwise, so that a repeated
// request kills only once.
func (s *Supervisor) KillProcess(name string, pid int) error {
	r, err := s.find(name)
	if err != nil {
		return err
	}
	return r.kill(pid)
}

// Restart stops a replica gracefully and starts it again at once. It returns when the old process has ended.
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

// Replicas returns every replica, sorted by name.
func (s *Supervisor) Replicas() []Replica {
	s.mu.Lock()
	list := make([]Replica, 0, len(s.replicas))
	for _, r := range s.replicas {
		list = append(list, r.snapshot())
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Replica) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Stop stops all replicas concurrently, and returns when all processes have ended: at the latest after Drain, Grace and
// the time of a SIGKILL. Nothing can be added afterwards.
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
