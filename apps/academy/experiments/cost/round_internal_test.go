package cost

import (
	"testing"
	"time"
)

// A busy machine may answer nothing for most of a short round.
func TestPerSecond_IsTheAverageIfMostSlicesAreEmpty(t *testing.T) {
	for name, c := range map[string]struct {
		at   []time.Duration // when responses arrived
		want float64
	}{
		"every slice":        {[]time.Duration{50, 150, 250, 350, 450, 550, 650, 750, 850}, 10},
		"one interruption":   {[]time.Duration{50, 150, 350, 450, 550, 650, 750, 850}, 10},
		"the last moment":    {[]time.Duration{900}, 1 / 0.9},
		"after the deadline": {[]time.Duration{1500, 1500}, 2 / 0.9},
	} {
		var each []answered
		for _, at := range c.at {
			each = append(each, answered{at: at * time.Millisecond, took: time.Millisecond})
		}
		if got := perSecond(each, 900*time.Millisecond); got < c.want-0.01 || got > c.want+0.01 {
			t.Errorf("%s: %v requests a second instead of %v", name, got, c.want)
		}
	}
}
