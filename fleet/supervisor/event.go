package supervisor

import "time"

// State is the state of a replica.
type State string

// The states of a replica.
const (
	Starting State = "starting" // the process runs and has not reported that it is ready
	Serving  State = "ready"    // in the pool
	Waiting  State = "waiting"  // no process; to be started after a delay
	Stopping State = "stopping" // out of the pool, asked to exit
	Stopped  State = "stopped"  // stopped for good
)

// Replica is a snapshot of one replica.
type Replica struct {
	Name, Service string
	State         State
	PID           int       // 0 if there is no process
	Addr, Metrics string    // host:port, empty until it is ready
	Restarts      int       // starts after the first
	Since         time.Time // of this state
	Err           error     // why the last process ended, nil if none has
}

// Kind is the kind of an Event.
type Kind string

// The kinds of events.
const (
	EventStarted    Kind = "started"    // a process has started
	EventReady      Kind = "ready"      // the replica is in the pool
	EventExited     Kind = "exited"     // the process has ended; Err is set unless it was ordered to
	EventRestarting Kind = "restarting" // the replica will be started again after Wait
	EventStopped    Kind = "stopped"    // the replica is stopped for good
)

// Event is a change of a replica's state.
type Event struct {
	Kind    Kind
	Replica Replica       // right after the change
	Err     error         // of EventExited
	Wait    time.Duration // of EventRestarting
}

// emit logs an event and passes it to OnEvent.
func (s *Supervisor) emit(e Event) {
	log := s.opts.Logger.With("replica", e.Replica.Name, "pid", e.Replica.PID)
	switch {
	case e.Kind == EventExited && e.Err != nil:
		log.Warn("replica exited", "error", e.Err)
	case e.Kind == EventRestarting:
		log.Info("replica will be restarted", "wait", e.Wait.String())
	default:
		log.Debug("replica "+string(e.Kind), "addr", e.Replica.Addr)
	}
	if s.opts.OnEvent != nil {
		s.events.Lock()
		defer s.events.Unlock()
		s.opts.OnEvent(e)
	}
}
