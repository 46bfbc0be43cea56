package revoke

import (
	"sync"
	"time"
)

// epochTracker detect that Redis lost its data or went back in time. The list of the replicas that have to confirm is lost
// with it: a replica that is on no list, and has not noticed yet, may answer for the length of the bound. Until then
// nothing is confirmed.
type epochTracker struct {
	mu      sync.Mutex
	observed  bool
	epoch   string
	changed time.Time // by the monotonic clock
}

// observe records the current epoch of Redis.
func (e *epochTracker) observe(epoch string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.observed && epoch != e.epoch || !e.observed && epoch == "" {
		e.changed = time.Now()
	}
	e.observed, e.epoch = true, epoch
}

// recordLoss records that Redis lost entries.
func (e *epochTracker) recordLoss() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changed = time.Now()
}

// remainingWait returns for how long a replica that is on no list may still answer.
func (e *epochTracker) remainingWait(bound time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed.IsZero() {
		return 0
	}
	return bound - time.Since(e.changed)
}
