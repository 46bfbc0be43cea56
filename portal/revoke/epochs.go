package revoke

import (
	"sync"
	"time"
)

// epochs notice that Redis is not the one it was: it lost its memory, or went back in
// time. With it went the list of the replicas that have to confirm. One that has not
// noticed yet, and is on no list, goes on for the bound; so long, nothing is confirmed.
type epochs struct {
	mu      sync.Mutex
	looked  bool
	epoch   string
	changed time.Time // by the monotonic clock
}

// saw notes the epoch that Redis has now.
func (e *epochs) saw(epoch string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.looked && epoch != e.epoch || !e.looked && epoch == "" {
		e.changed = time.Now()
	}
	e.looked, e.epoch = true, epoch
}

// wentBack notes that Redis forgot what it had.
func (e *epochs) wentBack() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changed = time.Now()
}

// unsure is for how long somebody may still be there who is on no list.
func (e *epochs) unsure(bound time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed.IsZero() {
		return 0
	}
	return bound - time.Since(e.changed)
}
