package control

import (
	"errors"
	"time"
)

// View is the state of the estate at one time.
type View struct {
	Services []Service `json:"services"` // in display order
	Max      int       `json:"max"`      // maximum number of replicas of a service
	Log      []Entry   `json:"log"`      // the newest first
}

// Service is one service with its replicas, sorted by number.
type Service struct {
	Name     string    `json:"name"`
	Policy   string    `json:"policy"`   // one of Policies
	Repeated uint64    `json:"repeated"` // requests that the balancer sent again, to another replica
	Failed   uint64    `json:"failed"`   // requests that no replica answered
	Next     string    `json:"next"`     // the name of the next replica to add; "" if there is the maximum
	Replicas []Replica `json:"replicas"`
}

// Replica is one process of a service.
type Replica struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // of package supervisor: "ready", "starting", …
	Since    time.Time `json:"since"` // of this state
	PID      int       `json:"pid"`   // 0 if there is no process
	Restarts int       `json:"restarts"`
	Healthy  bool      `json:"healthy"`   // the balancer sends it requests
	InFlight int       `json:"in_flight"` // requests whose response has not begun
	Answered uint64    `json:"answered"`  // requests since the process was ready
}

// Entry is a line of the log.
type Entry struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject,omitempty"` // the user who did it; "" for an event
	Who     string    `json:"who,omitempty"`     // the user's name
	What    string    `json:"what"`
}

// Kinds of entries: users' actions and events.
const (
	Killed   = "killed"
	Added    = "added"
	Removed  = "removed"
	Balanced = "balanced"
	Ended    = "ended"
	Ready    = "ready"
)

// By identifies the user who requests a change, for the log.
type By struct {
	Subject string `json:"subject"`
	Person  string `json:"person"`
	Replica string `json:"replica"` // the replica that sends the request: it may respond before it is stopped itself
}

// The policies of balancing.
const (
	RoundRobin = "round-robin"
	Sticky     = "sticky"
	LeastBusy  = "least-busy"
)

// Refusal tells the user why a change is not made.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// ErrUnavailable is wrapped by the errors when `gatehouse up` does not answer.
var ErrUnavailable = errors.New("control: the supervisor does not respond")
