package live

import (
	"math/rand/v2"
	"sync"
	"time"
)

// crowd counts those who listen, so that a flood of streams is refused.
type crowd struct {
	perPerson, total int

	mu  sync.Mutex
	all int
	of  map[string]int // by sub
}

// enter counts one in; false means that there are too many. leave must be called.
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

// What the tabs of one replica do at the same time, they do at this rate.
const (
	perTab   = 2 * time.Millisecond
	shortest = 250 * time.Millisecond
	longest  = 10 * time.Second
)

// pause is how long one tab waits before it comes again, if all do.
func (c *crowd) pause() time.Duration {
	return rand.N(min(max(time.Duration(c.size())*perTab, shortest), longest))
}

// about is d, give or take a fifth.
func about(d time.Duration) time.Duration { return d*4/5 + rand.N(d*2/5+1) }
