package fleet

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// Environment variables with which a supervisor passes a replica its two pipes. Each holds a file descriptor number.
const (
	EnvReadyFD  = "GATEHOUSE_READY_FD"  // the replica writes one Ready as a JSON line, then closes it
	EnvParentFD = "GATEHOUSE_PARENT_FD" // never written; EOF means that the supervisor has died
)

// Ready is the line with which a replica reports that it serves.
type Ready struct {
	Addr    string `json:"addr"`              // host:port that serves requests
	Metrics string `json:"metrics,omitempty"` // host:port that serves metrics; may be empty
}

// Announce reports to the supervisor that this replica serves requests on addr and metrics on metrics (both host:port;
// metrics may be empty). Call it once, when the listener is open. Without a supervisor it does nothing and returns nil.
func Announce(addr, metrics string) error {
	pipe, err := inherited(EnvReadyFD)
	if err != nil || pipe == nil {
		return err
	}
	defer pipe.Close()
	line, err := json.Marshal(Ready{Addr: addr, Metrics: metrics})
	if err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	if _, err := pipe.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("announce to the supervisor: %w", err)
	}
	return nil
}

// parentGone opens the pipe once: a descriptor must not be wrapped in two files.
var parentGone = sync.OnceValue(func() <-chan struct{} {
	gone := make(chan struct{})
	pipe, err := inherited(EnvParentFD)
	if err != nil || pipe == nil {
		return gone
	}
	go func() {
		defer close(gone)
		defer pipe.Close()
		var one [1]byte
		for { // never written, so any return is the end: EOF or an error
			if n, err := pipe.Read(one[:]); err != nil || n == 0 {
				return
			}
		}
	}()
	return gone
})

// ParentGone returns a channel that is closed when the supervisor has died, also by SIGKILL: the replica should then
// shut down. Without a supervisor it is never closed.
func ParentGone() <-chan struct{} { return parentGone() }

// inherited opens the descriptor in the environment variable env, or returns nil if it is not set.
func inherited(env string) (*os.File, error) {
	value := os.Getenv(env)
	if value == "" {
		return nil, nil
	}
	fd, err := strconv.Atoi(value)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%s=%q is not a descriptor of a pipe", env, value)
	}
	// Child processes must not hold the pipe open, and a read of it must not block an OS thread.
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("%s=%s: %w", env, value, err)
	}
	return os.NewFile(uintptr(fd), env), nil
}
