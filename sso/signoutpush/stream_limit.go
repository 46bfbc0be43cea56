package signoutpush

import (
	"math/rand/v2"
	"sync"
	"time"
)

// streamLimit counts open streams, so that a flood of them is refused.
type streamLimit struct {
	maxPerUser, maxTotal int

	mu      sync.Mutex
	total   int
	perUser map[string]int // count by sub
}

// acquire counts a stream, or returns false if there are too many. The caller must call release.
func (c *streamLimit) acquire(sub string) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= c.maxTotal || c.perUser[sub] >= c.maxPerUser {
		return nil, false
	}
	c.total++
	c.perUser[sub]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.total--
		if c.perUser[sub]--; c.perUser[sub] == 0 {
			delete(c.perUser, sub)
		}
	}, true
}

func (c *streamLimit) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// Rate and limits of the delays that spread the reconnections of a replica's tabs.
const (
	delayPerTab = 2 * time.Millisecond
	minDelay    = 250 * time.Millisecond
	maxDelay    = 10 * time.Second
)

// reconnectDelay returns a random delay for one tab's next request, longer with more tabs.
func (c *streamLimit) reconnectDelay() time.Duration {
	return rand.N(min(max(time.Duration(c.count())*delayPerTab, minDelay), maxDelay))
}

// jitter returns d plus or minus up to a fifth, at random.
func jitter(d time.Duration) time.Duration { return d*4/5 + rand.N(d*2/5+1) }
