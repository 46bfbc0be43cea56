package control

import (
	"errors"
	"fmt"
	"time"

	"gatehouse.example/fleet/balancer"
	"gatehouse.example/fleet/supervisor"
)

// selfStopDelay delays a replica's own stop so that its HTTP response can be sent.
const selfStopDelay = 300 * time.Millisecond

// cookie is the name of the cookie that names a browser's replica with the sticky policy.
const cookie = "gatehouse_replica"

// Kill ends the process pid of a replica with SIGKILL, to simulate a crash. The supervisor starts the replica again. It
// returns a Refusal if the process has ended or is being stopped.
func (c *Control) Kill(by By, name string, pid int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, known := c.findReplica(name)
	switch {
	case !known:
		return unknownReplica(name)
	case c.leaving[name]:
		return Refusal(fmt.Sprintf("%s is already stopping.", name))
	case r.PID == 0:
		return Refusal(fmt.Sprintf("%s is restarting and has no process right now. Try again in a moment.", name))
	case r.PID != pid, c.killed[name] == pid:
		return Refusal(fmt.Sprintf("Process %d of %s has already ended. See the list for its new process.", pid, name))
	}
	c.killed[name] = pid
	c.addEntry(Killed, by, "Killed %s (process %d) with SIGKILL.", name, pid)
	c.endInBackground(by, name, func() error { return c.Supervisor.KillProcess(name, pid) })
	return nil
}

// Remove removes a replica from the balancer, drains it, and stops it for good, in the background. It returns a Refusal
// for a service's last replica.
func (c *Control) Remove(by By, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, known := c.findReplica(name)
	switch {
	case !known:
		return unknownReplica(name)
	case c.leaving[name]:
		return Refusal(fmt.Sprintf("%s is already stopping.", name))
	case c.countStaying(r.Service) <= 1:
		return Refusal(fmt.Sprintf("%s is the last replica of its service, and one has to keep running. Add another one first.", name))
	}
	c.leaving[name] = true
	c.addEntry(Removed, by, "Removed %s.", name)
	c.endInBackground(by, name, func() error {
		err := c.Supervisor.Remove(name)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.leaving, name)
		return err
	})
	return nil
}

// endInBackground ends a process in the background, after a delay if it is the one that asked for it.
func (c *Control) endInBackground(by By, name string, endInBackground func() error) {
	c.ends.Go(func() {
		if by.Replica == name {
			time.Sleep(selfStopDelay)
		}
		if err := endInBackground(); err != nil && !errors.Is(err, supervisor.ErrGone) {
			c.Logger.Warn("cannot stop a replica", "replica", name, "error", err)
		}
	})
}

// Add starts one more replica with this name, which View offers. It returns a Refusal for an invalid name or too many
// replicas.
func (c *Control) Add(by By, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	service := ""
	for _, s := range c.Services {
		if n := replicaNumber(s, name); n >= 1 && n <= c.Max {
			service = s
		}
	}
	if service == "" {
		return Refusal(fmt.Sprintf("%q is not a valid replica name. Use a service and a number from 1 to %d, such as %s-3.", truncateName(name), c.Max, c.Services[0]))
	}
	if _, there := c.findReplica(name); there {
		return Refusal(fmt.Sprintf("%s already exists. Add the next one instead.", name))
	}
	if c.countStaying(service) >= c.Max {
		return Refusal(fmt.Sprintf("The service %s already has %d replicas, the maximum. Remove one first.", service, c.Max))
	}
	if err := c.Supervisor.Add(c.Spec(service, name)); err != nil {
		if errors.Is(err, supervisor.ErrStopped) {
			return Refusal("Gatehouse is stopping, so no replicas can be added.")
		}
		return fmt.Errorf("control: adding %s: %w", name, err)
	}
	c.addEntry(Added, by, "Added %s.", name)
	return nil
}

// SetPolicy sets how the requests of a service are balanced, from the next one on. It returns a Refusal for an unknown
// or unchanged policy.
func (c *Control) SetPolicy(by By, service, policy string) error {
	make, known := policies[policy]
	if !known {
		return Refusal(fmt.Sprintf("Unknown balancing %q. Choose round robin, sticky or least busy.", truncateName(policy)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.policies[service] {
	case "":
		return Refusal(fmt.Sprintf("Unknown service %q.", truncateName(service)))
	case policy:
		return Refusal(fmt.Sprintf("%s already uses this balancing: %s.", service, Title(policy)))
	}
	if err := c.Balancer.SetPolicy(service, make()); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	c.policies[service] = policy
	c.addEntry(Balanced, by, "Balancing of %s: %s.", service, Title(policy))
	return nil
}

var policies = map[string]func() balancer.Policy{
	RoundRobin: balancer.NewRoundRobin,
	Sticky:     func() balancer.Policy { return balancer.NewSticky(cookie) },
	LeastBusy:  balancer.NewLeastBusy,
}

// Policies returns all policies.
func Policies() []string { return []string{RoundRobin, Sticky, LeastBusy} }

// Title returns the display name of a policy.
func Title(policy string) string {
	return map[string]string{RoundRobin: "round robin", Sticky: "sticky", LeastBusy: "least busy"}[policy]
}

func (c *Control) findReplica(name string) (supervisor.Replica, bool) {
	for _, r := range c.Supervisor.Replicas() {
		if r.Name == name {
			return r, true
		}
	}
	return supervisor.Replica{}, false
}

// countStaying returns the number of replicas of a service that are not being removed.
func (c *Control) countStaying(service string) (n int) {
	for _, r := range c.Supervisor.Replicas() {
		if r.Service == service && !c.leaving[r.Name] {
			n++
		}
	}
	return n
}

func unknownReplica(name string) Refusal {
	return Refusal(fmt.Sprintf("Unknown replica %q. It may have been removed; see the list.", truncateName(name)))
}

// truncateName returns s, cut to 40 bytes for a message.
func truncateName(s string) string {
	if len(s) > 40 {
		return oneLine(s[:40]) + "…"
	}
	return s
}
