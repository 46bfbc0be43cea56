package supervisor

import (
	"math/rand/v2"
	"time"
)

// Backoff configures the delays before a replica is restarted.
type Backoff struct {
	First  time.Duration // delay before the second consecutive restart; the first is immediate
	Max    time.Duration // maximum delay
	Steady time.Duration // a replica that was ready for so long starts again without a delay
}

// Delay returns the delay before consecutive restart number restart (from 0): none at first, then First doubled each
// time up to Max, of which a random half to the whole is used, so that replicas that failed together do not restart
// together.
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
