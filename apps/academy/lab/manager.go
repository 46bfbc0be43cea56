package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

var dialer = net.Dialer{Timeout: 2 * time.Second}

// ManagerOptions configure a Manager. Default values are in brackets.
type ManagerOptions struct {
	Command   []string                             // the program of a lab process and its arguments
	Find      func(name string) (Experiment, bool) // returns an experiment by name
	Key       string                               // that runs' secrets are derived from; the same for all replicas
	Memory    int64                                // limit of all runs of this replica together, in bytes
	Disk      int64                                // limit of their folders together, in bytes [4 GiB]
	Host      string                               // at which other replicas reach this one's runs [127.0.0.1]
	Postgres  string                               // URL of a PostgreSQL for experiments; "" for none
	Dir       string                               // for the runs' folders [the system's temporary folder]
	Idle      time.Duration                        // [15 min] see task
	Unwatched time.Duration                        // [3 min]
	Logger    *slog.Logger
}

// Manager starts lab processes, enforces their limits, and ends them.
type Manager struct {
	*client
	o     ManagerOptions
	ended func(id, why string, last State)

	mu     sync.Mutex
	runs   map[string]*child
	room   room
	closed bool
	all    sync.WaitGroup
}

// NewManager returns an error if a required option is missing or Memory is too low. It starts no process.
func NewManager(o ManagerOptions) (*Manager, error) {
	switch {
	case len(o.Command) == 0 || o.Find == nil || o.Logger == nil:
		return nil, errors.New("lab: the command, the experiments or the logger are missing")
	case o.Key == "":
		return nil, errors.New("lab: the key of the runs is missing")
	case o.Memory < DefaultMemory:
		return nil, fmt.Errorf("lab: experiments need at least %d bytes of memory", DefaultMemory)
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Idle <= 0 {
		o.Idle = 15 * time.Minute
	}
	if o.Unwatched <= 0 {
		o.Unwatched = 3 * time.Minute
	}
	if o.Disk <= 0 {
		o.Disk = 4 << 30
	}
	return &Manager{client: newClient(o.Key), o: o, runs: map[string]*child{}, room: room{total: Needs{o.Memory, o.Disk}}, ended: func(string, string, State) {}}, nil
}

// Ended sets the function that is called for every run that has ended. It must be called before Run.
func (m *Manager) Ended(ended func(id, why string, last State)) { m.ended = ended }

// Room returns the number of runs of this replica, and the number of further runs of the default size that fit.
func (m *Manager) Room() (running, left int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.runs), int((m.o.Memory - m.room.used.Memory) / DefaultMemory)
}

// Start starts a run and returns the address of its control API. It returns ErrFull if all memory or disk space is
// reserved, ErrShare if one account or network would hold too much of it, or a Refusal if the setup is invalid.
func (m *Manager) Start(ctx context.Context, s Start) (string, error) {
	e, known := m.o.Find(s.Experiment)
	if !known {
		return "", Refusal("There is no such experiment.")
	}
	setup, err := e.Fill(s.Setup)
	if err != nil {
		return "", err
	}
	c := &child{id: s.ID, account: s.Account, network: s.Network, exited: make(chan struct{})}
	if err := m.admit(c, e.needs(setup)); err != nil {
		return "", err
	}
	addr, err := m.launch(ctx, c, e, s, e.needs(setup).Memory)
	if err != nil {
		m.release(c)
		return "", err
	}
	go m.follow(c)
	if m.stopped() {
		go m.end(c, stoppedWhy)
	}
	return addr, nil
}

func (m *Manager) stopped() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// admit reserves what a new run needs. It returns ErrFull or ErrShare if that is too much.
func (m *Manager) admit(c *child, n Needs) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.runs[c.id] != nil {
		return ErrFull
	}
	if err := m.room.reserve(c, n, m.runs); err != nil {
		return err
	}
	m.runs[c.id] = c
	m.all.Add(1)
	return nil
}

// grow reserves the additional needs of a running run. It never reduces a reservation, since what the run used is not
// free at once.
func (m *Manager) grow(c *child, n Needs) grant {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.room.reserve(c, Needs{max(n.Memory, c.needs.Memory), max(n.Disk, c.needs.Disk)}, m.runs); err != nil {
		return grant{Refusal: "This server has no capacity for a set-up of that size right now. Choose a smaller one, or try again in a minute."}
	}
	return grant{Memory: c.needs.Memory}
}

func (m *Manager) release(c *child) {
	m.mu.Lock()
	delete(m.runs, c.id)
	m.mu.Unlock()
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
	m.mu.Lock()
	m.room.release(c) // after its folder has been removed
	m.mu.Unlock()
	m.all.Done()
}

// launch starts the process of a run and waits until it serves its control API.
func (m *Manager) launch(ctx context.Context, c *child, e Experiment, s Start, memory int64) (string, error) {
	var err error
	if c.dir, err = os.MkdirTemp(m.o.Dir, folderPrefix); err == nil {
		c.dir, err = filepath.Abs(c.dir)
	}
	if err != nil {
		return "", fmt.Errorf("lab: no folder for the run: %w", err)
	}
	listen := "127.0.0.1:0"
	if m.o.Host != "127.0.0.1" {
		listen = ":0"
	}
	postgres := ""
	if e.Postgres {
		postgres = m.o.Postgres
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	defer ln.Close() // the process has a copy
	listener, err := ln.(*net.TCPListener).File()
	if err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	defer listener.Close()
	said, err := c.start(ctx, m.o.Command, max(1, e.Procs), task{
		Start: s, Secret: m.secret(s.ID), Postgres: postgres, Idle: m.o.Idle, Unwatched: m.o.Unwatched,
	}, memory, listener)
	switch {
	case err != nil:
		return "", fmt.Errorf("lab: the process of %s: %w", s.Experiment, err)
	case said.Refusal != "":
		return "", Refusal(said.Refusal)
	case said.Error != "":
		return "", fmt.Errorf("lab: %s: %s", s.Experiment, said.Error)
	}
	_, port, err := net.SplitHostPort(said.Addr)
	m.mu.Lock()
	c.serves = true
	m.mu.Unlock()
	return net.JoinHostPort(m.o.Host, port), err
}

// follow waits for the end of a run and reports its last state.
func (m *Manager) follow(c *child) {
	last, err := c.wait(func(n Needs) grant { return m.grow(c, n) })
	m.mu.Lock()
	why := c.why
	m.mu.Unlock()
	if why == "" {
		why = last.Ended
	}
	if why == "" {
		why = "The experiment crashed. Nothing else was hurt, and you can start it again."
		m.o.Logger.Error("lab process crashed", "run", c.id, "error", err)
	}
	m.ended(c.id, why, last)
	m.release(c)
}

// end asks a process to end, and kills it after stopTime.
func (m *Manager) end(c *child, why string) {
	m.mu.Lock()
	c.why = why
	m.mu.Unlock()
	_ = c.stdin.Close()
	select {
	case <-c.exited:
	case <-time.After(stopTime):
		c.kill()
	}
}

// stoppedWhy is the reason shown for runs that ended with the Academy's process.
const stoppedWhy = "The server that ran this experiment was stopped."

// watchEvery is the interval of checking the processes' memory and the size of their folders.
const watchEvery = 2 * time.Second

// Run removes the folders of crashed runs, enforces the limits of every process until ctx ends, and then ends all
// processes.
func (m *Manager) Run(ctx context.Context) error {
	sweepFolders(m.o.Dir)
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			m.closeAll()
			return nil
		case <-ticker.C:
			for _, c := range m.children() {
				m.watch(c)
			}
		}
	}
}

// watch ends a run that uses more than it reserved.
func (m *Manager) watch(c *child) {
	m.mu.Lock()
	ceiling := c.needs
	m.mu.Unlock()
	for _, w := range []struct {
		what          string
		used, ceiling int64
	}{{"memory", c.anonymous(), ceiling.Memory}, {"disk", diskUsed(c.dir), ceiling.Disk}} {
		if w.used > w.ceiling {
			m.o.Logger.Warn("lab process exceeded its limit of "+w.what, "run", c.id, "bytes", w.used, "ceiling", w.ceiling)
			go m.end(c, "The experiment exceeded its "+w.what+" limit and was stopped. Try a smaller set-up.")
			return
		}
	}
}

func (m *Manager) children() (list []*child) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.runs {
		if c.serves && c.why == "" {
			list = append(list, c)
		}
	}
	return list
}

func (m *Manager) closeAll() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	for _, c := range m.children() {
		go m.end(c, stoppedWhy)
	}
	m.all.Wait()
}
