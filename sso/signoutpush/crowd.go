package signoutpush

import (
	"math/rand/v2"
	"sync"
	"time"
)

// crowd counts open streams, so that a flood of them is refused.
type crowd struct {
	perPerson, total int

	mu  sync.Mutex
	all int
	of  map[string]int // count by sub
}

// enter counts a stream, or returns false if there are too many. The caller must call leave.
func (c *crowd) enter(sub string) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.total || c.of[sub] >= c.perPerson {
		return nil, false
	}
	c.all++
	c.of[sub]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.of[sub]--; c.of[sub] == 0 {
			delete(c.of, sub)
		}
	}, true
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// Rate and limits of the delays that spread the reconnections of a replica's tabs.
const (
	perTab   = 2 * time.Millisecond
	shortest = 250 * time.Millisecond
	longest  = 10 * time.Second
)

// pause returns a random delay for one tab's next request, longer with more tabs.
func (c *crowd) pause() time.Duration {
	return rand.N(min(max(time.Duration(c.size())*perTab, shortest), longest))
}

// about returns d plus or minus up to a fifth, at random.
func about(d time.Duration) time.Duration { return d*4/5 + rand.N(d*2/5+1) }
