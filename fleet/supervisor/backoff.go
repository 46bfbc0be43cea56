package supervisor

import (
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait before a replica is started again.
type Backoff struct {
	First  time.Duration // the wait before the second restart in a row; the first comes at once
	Max    time.Duration // no wait is longer
	Steady time.Duration // a replica that was ready this long counts as well again
}

// Delay is the wait before restart number restart (from 0) in a row: none at first, then First doubled each time
// up to Max, and of that a random half to the whole, so that replicas that died together do not
// come back together.
func (b Backoff) Delay(restart int) time.Duration {
	if restart <= 0 {
		return 0
	}
	wait := b.Max
	if shift := restart - 1; shift < 30 && b.First<<shift < b.Max && b.First<<shift > 0 {
		wait = b.First << shift
	}
	return wait/2 + rand.N(wait/2+1)
}
