package revoke

import (
	"sync"
	"time"
)

// epochTracker detects that Redis lost its data or went back in time. The list of the replicas that have to confirm is
// lost with it: a replica that is on no list, and has not noticed yet, may answer for the length of the bound. Until
// then nothing is confirmed.
type epochTracker struct {
	mu       sync.Mutex
	observed bool
	epoch    string
	lostAt   time.Time // by the monotonic clock
}

// observe records the current epoch of Redis.
func (t *epochTracker) observe(epoch string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.observed && epoch != t.epoch || !t.observed && epoch == "" {
		t.lostAt = time.Now()
	}
	t.observed, t.epoch = true, epoch
}

// recordLoss records that Redis lost entries.
func (t *epochTracker) recordLoss() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lostAt = time.Now()
}

// remainingWait returns for how long a replica that is on no list may still answer.
func (t *epochTracker) remainingWait(bound time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lostAt.IsZero() {
		return 0
	}
	return bound - time.Since(t.lostAt)
}
