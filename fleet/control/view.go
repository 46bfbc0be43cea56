package control

import (
	"errors"
	"time"
)

// View is the estate at one moment.
type View struct {
	Services []Service `json:"services"` // in the order in which they are shown
	Max      int       `json:"max"`      // replicas that a service may have
	Log      []Entry   `json:"log"`      // the newest first
}

// Service is one service with its replicas, by number.
type Service struct {
	Name     string    `json:"name"`
	Policy   string    `json:"policy"`   // one of Policies
	Repeated uint64    `json:"repeated"` // requests that the balancer had to send again, to another replica
	Failed   uint64    `json:"failed"`   // requests that no replica answered
	Next     string    `json:"next"`     // the name that an added replica would have; "" when there is no room
	Replicas []Replica `json:"replicas"`
}

// Replica is one process of a service.
type Replica struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // of package supervisor: "ready", "starting", …
	Since    time.Time `json:"since"` // of this state
	PID      int       `json:"pid"`   // 0 when there is no process just now
	Restarts int       `json:"restarts"`
	Healthy  bool      `json:"healthy"`   // the balancer sends it requests
	InFlight int       `json:"in_flight"` // requests whose answer has not begun
	Answered uint64    `json:"answered"`  // requests since the process was ready
}

// Entry is a line of the log.
type Entry struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject,omitempty"` // of the person who did it; "" for what happened by itself
	Who     string    `json:"who,omitempty"`     // their name
	What    string    `json:"what"`
}

// The kinds of entries: what people do, and what happens by itself.
const (
	Killed   = "killed"
	Added    = "added"
	Removed  = "removed"
	Balanced = "balanced"
	Ended    = "ended"
	Ready    = "ready"
)

// By is who wants something done, for the log.
type By struct {
	Subject string `json:"subject"`
	Person  string `json:"person"`
	Replica string `json:"replica"` // that asks for them: it gets to answer before it is killed itself
}

// The ways of balancing.
const (
	RoundRobin = "round-robin"
	Sticky     = "sticky"
	LeastBusy  = "least-busy"
)

// Refusal says to a person why something is not done.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// ErrAway says that `gatehouse up` does not answer.
var ErrAway = errors.New("control: the estate's supervisor does not answer")
