package chart

import (
	"time"

	"gatehouse.example/apps/analytics/period"
)

// tickSteps lists the possible distances between time labels.
var tickSteps = []time.Duration{
	time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	period.Day, 2 * period.Day, 7 * period.Day, 14 * period.Day, 28 * period.Day, 56 * period.Day, 112 * period.Day,
}

type timeTick struct {
	index int
	label string
}

// timeTicks returns the buckets that are labelled: those at round times, at most most of them unless even the longest
// distance gives more.
func timeTicks(starts []time.Time, most int) []timeTick {
	if len(starts) == 0 {
		return nil
	}
	length := starts[len(starts)-1].Sub(starts[0])
	step := tickSteps[len(tickSteps)-1]
	for _, s := range tickSteps {
		if int(length/s)+1 <= most {
			step = s
			break
		}
	}
	var ticks []timeTick
	for i, t := range starts {
		if i > 0 && wallSteps(t, step) == wallSteps(starts[i-1], step) || i == 0 && wall(t, step)%step.Milliseconds() != 0 {
			continue
		}
		ticks = append(ticks, timeTick{i, tickLabel(t, step)})
	}
	return ticks
}

// wallSteps returns how many times labels that are step apart have been due since 1970 when the clocks of t's zone show
// t. It changes at the first bucket after each of them: in some zones no bucket begins at a full hour.
func wallSteps(t time.Time, step time.Duration) int64 { return wall(t, step) / step.Milliseconds() }

// wall returns what the clocks of t's zone show at t, in milliseconds. Weeks begin on Monday.
func wall(t time.Time, step time.Duration) int64 {
	_, offset := t.Zone()
	ms := t.UnixMilli() + int64(offset)*1000
	if step >= 7*period.Day {
		ms -= (4 * period.Day).Milliseconds()
	}
	return ms
}

func tickLabel(t time.Time, step time.Duration) string {
	if step >= period.Day || t.Hour() == 0 && t.Minute() == 0 {
		return t.Format("2 Jan")
	}
	return t.Format("15:04")
}
