package revoke

import (
	"sync"
	"time"
)

// epochs detect that Redis lost its data or went back in time. The list of the replicas that have to confirm is lost
// with it: a replica that is on no list, and has not noticed yet, may answer for the length of the bound. Until then
// nothing is confirmed.
type epochs struct {
	mu      sync.Mutex
	looked  bool
	epoch   string
	changed time.Time // by the monotonic clock
}

// saw records the current epoch of Redis.
func (e *epochs) saw(epoch string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.looked && epoch != e.epoch || !e.looked && epoch == "" {
		e.changed = time.Now()
	}
	e.looked, e.epoch = true, epoch
}

// wentBack records that Redis lost entries.
func (e *epochs) wentBack() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changed = time.Now()
}

// unsure returns for how long a replica that is on no list may still answer.
func (e *epochs) unsure(bound time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed.IsZero() {
		return 0
	}
	return bound - time.Since(e.changed)
}
