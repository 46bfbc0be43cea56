package supervisor

import "time"

// State is where a replica is in its life.
type State string

// The states of a replica.
const (
	Starting State = "starting" // the process runs and has not said that it is ready
	Serving  State = "ready"    // in the pool
	Waiting  State = "waiting"  // dead, to be started again after a wait
	Stopping State = "stopping" // out of the pool, asked to end
	Stopped  State = "stopped"  // for good
)

// Replica is a look at one replica.
type Replica struct {
	Name, Service string
	State         State
	PID           int       // 0 when there is no process
	Addr, Metrics string    // host:port, empty until it is ready
	Restarts      int       // starts after the first
	Since         time.Time // of this state
	Err           error     // why the last process ended, nil while none has
}

// Kind says what an Event is about.
type Kind string

// The kinds of events.
const (
	EventStarted    Kind = "started"    // a process was started
	EventReady      Kind = "ready"      // it is in the pool
	EventExited     Kind = "exited"     // the process is gone; Err says why unless it was asked to end
	EventRestarting Kind = "restarting" // it will be started again after Wait
	EventStopped    Kind = "stopped"    // it will not
)

// Event is a change in a replica's life.
type Event struct {
	Kind    Kind
	Replica Replica       // as it was right after the change
	Err     error         // of EventExited
	Wait    time.Duration // of EventRestarting
}

// emit logs an event and hands it on.
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
