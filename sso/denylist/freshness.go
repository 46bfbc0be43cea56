package denylist

import (
	"sync/atomic"
	"time"
)

// freshness is the time that a mirror's data is as of.
type freshness struct {
	asOf          time.Time
	wallCheckedAt atomic.Int64 // age in nanoseconds when the wall clock was last read
}

// wallCheckInterval is how often a check also reads the wall clock: reading two clocks instead of one costs a third of
// a check.
const wallCheckInterval = time.Millisecond

// age returns the longer of the ages by the monotonic and the wall clock: the first stands still while a machine
// sleeps, the second may be set back.
func (k *freshness) age(now func() time.Time) time.Duration {
	if now == nil {
		now = time.Now
	}
	t := now()
	return max(t.Sub(k.asOf), time.Duration(t.UnixNano()-k.asOf.UnixNano()))
}

// isFresh reports whether age is less than limit. On a machine that has slept it may return true for up to
// wallCheckInterval too long; a request may be in progress for as long when a machine falls asleep.
func (k *freshness) isFresh(limit time.Duration, now func() time.Time) bool {
	if now != nil {
		return k.age(now) < limit
	}
	age := time.Since(k.asOf) // reads the monotonic clock only
	if age < limit && age-time.Duration(k.wallCheckedAt.Load()) < wallCheckInterval {
		return true
	}
	if k.age(nil) >= limit { // not stored, so that the next check reads the wall clock again
		return false
	}
	k.wallCheckedAt.Store(int64(age))
	return true
}
