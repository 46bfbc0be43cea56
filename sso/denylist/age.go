package denylist

import (
	"sync/atomic"
	"time"
)

// knowledge is how old what a mirror knows is.
type knowledge struct {
	asOf   time.Time
	looked atomic.Int64 // its age in nanoseconds when the wall clock was looked at last
}

// lookEvery is how often a check looks at the wall clock, too: two clocks take twice
// as long, which is a third of a check.
const lookEvery = time.Millisecond

// age takes the longer of what the monotonic and the wall clock say: the first
// stands still while a machine sleeps, the second may be set back.
func (k *knowledge) age(now func() time.Time) time.Duration {
	if now == nil {
		now = time.Now
	}
	t := now()
	return max(t.Sub(k.asOf), time.Duration(t.UnixNano()-k.asOf.UnixNano()))
}

// youngerThan is whether age is less than limit. On a machine that has slept it may
// say so for as long as lookEvery, as a request may be that long under way when a
// machine falls asleep.
func (k *knowledge) youngerThan(limit time.Duration, now func() time.Time) bool {
	if now != nil {
		return k.age(now) < limit
	}
	age := time.Since(k.asOf) // reads the monotonic clock only
	if age < limit && age-time.Duration(k.looked.Load()) < lookEvery {
		return true
	}
	if k.age(nil) >= limit { // not noted: whoever asks next has to look again
		return false
	}
	k.looked.Store(int64(age))
	return true
}
