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

	"gatehouse.example/fleet/balancer"
	"gatehouse.example/fleet/supervisor"
)

// Supervisor runs the replicas. *supervisor.Supervisor implements it.
type Supervisor interface {
	Replicas() []supervisor.Replica
	Add(spec supervisor.Spec) error
	Remove(name string) error
	KillProcess(name string, pid int) error
}

// Balancer distributes requests to the replicas. *balancer.Balancer implements it.
type Balancer interface {
	Backends() []balancer.Status
	Trouble() map[string]balancer.Trouble
	SetPolicy(pool string, p balancer.Policy) error
}

// Options configure a Control; all fields are required.
type Options struct {
	Supervisor Supervisor
	Balancer   Balancer
	Services   []string                                   // in display order; each is a pool
	Spec       func(service, name string) supervisor.Spec // returns how to run one more replica
	Max        int                                        // maximum number of replicas of a service
	Secret     string
	Logger     *slog.Logger
}

// Control shows and changes the replicas of one estate.
type Control struct {
	Options

	mu       sync.Mutex
	policies map[string]string
	leaving  map[string]bool      // being removed
	killed   map[string]int       // last killed process of each replica
	ended    map[string]time.Time // when the process of a replica ended that is not ready again
	log      []Entry              // the newest last
	ends     sync.WaitGroup       // removals and kills in progress
}

// New returns a Control, or an error if a field is missing.
func New(o Options) (*Control, error) {
	if o.Supervisor == nil || o.Balancer == nil || o.Spec == nil || o.Logger == nil || o.Secret == "" || len(o.Services) == 0 || o.Max < 1 {
		return nil, errors.New("control: a required option is unset")
	}
	c := &Control{Options: o, policies: map[string]string{}, leaving: map[string]bool{}, killed: map[string]int{}, ended: map[string]time.Time{}}
	for _, s := range o.Services {
		c.policies[s] = RoundRobin
	}
	return c, nil
}

// View returns the state of the estate.
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
				s.Replicas = append(s.Replicas, c.replicaView(r, backends))
			}
		}
		slices.SortFunc(s.Replicas, func(a, b Replica) int { return replicaNumber(name, a.Name) - replicaNumber(name, b.Name) })
		s.Next = c.nextName(s)
		v.Services = append(v.Services, s)
	}
	return v
}

func (c *Control) replicaView(r supervisor.Replica, backends []balancer.Status) Replica {
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

// nextName returns the unused replica name with the lowest number, or "" if the service has the maximum.
func (c *Control) nextName(s Service) string {
	for n := 1; n <= c.Max && len(s.Replicas) < c.Max; n++ {
		name := s.Name + "-" + strconv.Itoa(n)
		if !slices.ContainsFunc(s.Replicas, func(r Replica) bool { return r.Name == name }) {
			return name
		}
	}
	return ""
}

// replicaNumber returns the number in a replica's name, or 0 if it is not a name of service.
func replicaNumber(service, name string) int {
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

// maxLog is the maximum number of entries in the log.
const maxLog = 200

// addEntry adds an entry to the log; the caller holds the lock.
func (c *Control) addEntry(kind string, by By, format string, args ...any) {
	e := Entry{At: time.Now(), Kind: kind, Subject: by.Subject, Who: oneLine(by.Person), What: fmt.Sprintf(format, args...)}
	c.log = append(c.log, e)
	if len(c.log) > maxLog {
		c.log = slices.Delete(c.log, 0, len(c.log)-maxLog)
	}
	c.Logger.Info("estate", "by", e.Subject, "what", e.What)
}

// HandleEvent records a replica's event in the log; pass it as the supervisor's OnEvent.
func (c *Control) HandleEvent(e supervisor.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := e.Replica.Name
	switch ended, again := c.ended[name]; {
	case e.Kind == supervisor.EventExited && e.Err != nil:
		c.ended[name] = time.Now()
		c.addEntry(Ended, By{}, "Supervisor: %s.", oneLine(e.Err.Error()))
	case e.Kind == supervisor.EventStopped:
		c.addEntry(Ended, By{}, "%s has stopped.", name)
	case e.Kind == supervisor.EventReady && again:
		delete(c.ended, name)
		c.addEntry(Ready, By{}, "%s is ready again after %s (process %d).", name, time.Since(ended).Round(time.Millisecond), e.Replica.PID)
	case e.Kind == supervisor.EventReady && len(c.log) > 0: // except the replicas that the estate starts with
		c.addEntry(Ready, By{}, "%s is ready (process %d).", name, e.Replica.PID)
	}
}

// maxLine is the maximum length of a process's last output in an entry, in bytes.
const maxLine = 200

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + " …"
	}
	return s
}

// Wait waits for the removals and kills in progress.
func (c *Control) Wait() { c.ends.Wait() }
