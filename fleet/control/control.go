package control

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/fleet/balancer"
	"gatehouse/fleet/supervisor"
)

// Supervisor runs the replicas; *supervisor.Supervisor does.
type Supervisor interface {
	Replicas() []supervisor.Replica
	Add(spec supervisor.Spec) error
	Remove(name string) error
	KillProcess(name string, pid int) error
}

// Balancer gives them requests; *balancer.Balancer does.
type Balancer interface {
	Backends() []balancer.Status
	Trouble() map[string]balancer.Trouble
	SetPolicy(pool string, p balancer.Policy) error
}

// Options are what a Control needs; all of them are required.
type Options struct {
	Supervisor Supervisor
	Balancer   Balancer
	Services   []string                                   // in the order in which they are shown; each is a pool
	Spec       func(service, name string) supervisor.Spec // how to run one more replica
	Max        int                                        // replicas that a service may have
	Secret     string
	Logger     *slog.Logger
}

// Control looks after one estate.
type Control struct {
	Options

	mu       sync.Mutex
	policies map[string]string
	leaving  map[string]bool      // being removed
	killed   map[string]int       // the process of each replica that was killed last
	ended    map[string]time.Time // when the process of a replica ended that is not ready again
	log      []Entry              // the newest last
	ends     sync.WaitGroup       // removals and kills under way
}

// New refuses what is missing.
func New(o Options) (*Control, error) {
	if o.Supervisor == nil || o.Balancer == nil || o.Spec == nil || o.Logger == nil || o.Secret == "" || len(o.Services) == 0 || o.Max < 1 {
		return nil, errors.New("control: something is missing")
	}
	c := &Control{Options: o, policies: map[string]string{}, leaving: map[string]bool{}, killed: map[string]int{}, ended: map[string]time.Time{}}
	for _, s := range o.Services {
		c.policies[s] = RoundRobin
	}
	return c, nil
}

// View looks at the estate.
func (c *Control) View() View {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := View{Max: c.Max, Log: slices.Clone(c.log)}
	slices.Reverse(v.Log)
	all, backends, trouble := c.Supervisor.Replicas(), c.Balancer.Backends(), c.Balancer.Trouble()
	for _, name := range c.Services {
		s := Service{Name: name, Policy: c.policies[name], Repeated: trouble[name].Repeated, Failed: trouble[name].Failed}
		for _, r := range all {
			if r.Service == name {
				s.Replicas = append(s.Replicas, c.look(r, backends))
			}
		}
		slices.SortFunc(s.Replicas, func(a, b Replica) int { return number(name, a.Name) - number(name, b.Name) })
		s.Next = c.next(s)
		v.Services = append(v.Services, s)
	}
	return v
}

func (c *Control) look(r supervisor.Replica, backends []balancer.Status) Replica {
	seen := Replica{Name: r.Name, State: string(r.State), Since: r.Since, PID: r.PID, Restarts: r.Restarts}
	if c.leaving[r.Name] {
		seen.State = string(supervisor.Stopping)
	}
	for _, b := range backends {
		if b.Pool == r.Service && b.Name == r.Name {
			seen.Healthy, seen.InFlight, seen.Answered = b.Healthy, b.InFlight, b.Answered
		}
	}
	return seen
}

// next is the name with the lowest number that is free.
func (c *Control) next(s Service) string {
	for n := 1; n <= c.Max && len(s.Replicas) < c.Max; n++ {
		name := s.Name + "-" + strconv.Itoa(n)
		if !slices.ContainsFunc(s.Replicas, func(r Replica) bool { return r.Name == name }) {
			return name
		}
	}
	return ""
}

// number is that of a replica's name, 0 when the name is not one of service.
func number(service, name string) int {
	digits, ok := strings.CutPrefix(name, service+"-")
	if !ok || strings.HasPrefix(digits, "0") || strings.HasPrefix(digits, "+") {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// maxLog is how many lines of the log are kept.
const maxLog = 200

// note writes a line into the log; the lock is held.
func (c *Control) note(kind string, by By, format string, args ...any) {
	e := Entry{At: time.Now(), Kind: kind, Subject: by.Subject, Who: line(by.Person), What: fmt.Sprintf(format, args...)}
	c.log = append(c.log, e)
	if len(c.log) > maxLog {
		c.log = slices.Delete(c.log, 0, len(c.log)-maxLog)
	}
	c.Logger.Info("estate", "by", e.Subject, "what", e.What)
}

// Tell notes what became of a replica; it is for the supervisor's OnEvent.
func (c *Control) Tell(e supervisor.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := e.Replica.Name
	switch ended, again := c.ended[name]; {
	case e.Kind == supervisor.EventExited && e.Err != nil:
		c.ended[name] = time.Now()
		c.note(Ended, By{}, "The supervisor saw that %s.", line(e.Err.Error()))
	case e.Kind == supervisor.EventStopped:
		c.note(Ended, By{}, "%s has ended for good.", name)
	case e.Kind == supervisor.EventReady && again:
		delete(c.ended, name)
		c.note(Ready, By{}, "%s is ready again after %s, as process %d.", name, time.Since(ended).Round(time.Millisecond), e.Replica.PID)
	case e.Kind == supervisor.EventReady && len(c.log) > 0: // not those that the estate starts with
		c.note(Ready, By{}, "%s is ready and gets requests, as process %d.", name, e.Replica.PID)
	}
}

// maxLine is how much of what a dying process said goes into a line, in bytes.
const maxLine = 200

func line(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + " …"
	}
	return s
}

// Wait returns when removals and kills under way are over.
func (c *Control) Wait() { c.ends.Wait() }
