package denylist

import (
	"sync/atomic"
	"time"
)

// knowledge is the time that a mirror's data is as of.
type knowledge struct {
	asOf   time.Time
	looked atomic.Int64 // age in nanoseconds when the wall clock was last read
}

// lookEvery is how often a check also reads the wall clock: reading two clocks instead of one costs a third of a check.
const lookEvery = time.Millisecond

// age returns the longer of the ages by the monotonic and the wall clock: the first stands still while a machine
// sleeps, the second may be set back.
func (k *knowledge) age(now func() time.Time) time.Duration {
	if now == nil {
		now = time.Now
	}
	t := now()
	return max(t.Sub(k.asOf), time.Duration(t.UnixNano()-k.asOf.UnixNano()))
}

// youngerThan reports whether age is less than limit. On a machine that has slept it may return true for up to
// lookEvery too long; a request may be in progress for as long when a machine falls asleep.
func (k *knowledge) youngerThan(limit time.Duration, now func() time.Time) bool {
	if now != nil {
		return k.age(now) < limit
	}
	age := time.Since(k.asOf) // reads the monotonic clock only
	if age < limit && age-time.Duration(k.looked.Load()) < lookEvery {
		return true
	}
	if k.age(nil) >= limit { // not stored, so that the next check reads the wall clock again
		return false
	}
	k.looked.Store(int64(age))
	return true
}
