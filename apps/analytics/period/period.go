package period

import (
	"time"
)

// Day is how long a day is, in UTC.
const Day = 24 * time.Hour

// Longest is the longest period that can be looked at; rollups are kept for as long.
const Longest = 400 * Day

// monday moves the cut of weeks from Thursday, when 1970 began, to Monday.
const monday = 4 * Day

// steps are how long a bucket can be. Those below an hour need raw events.
var steps = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, Day, 7 * Day,
}

// mostBuckets is how many buckets a chart shows well.
const mostBuckets = 62

// Period is a stretch of time from From up to but not including To, cut into buckets of Step. From and To lie on cuts.
type Period struct {
	Name     string // of the preset, or [Custom]
	From, To time.Time
	Step     time.Duration
}

// Offset is what must be taken from a time before it is divided by Step.
func (p Period) Offset() time.Duration { return offset(p.Step) }

func offset(step time.Duration) time.Duration {
	if step == 7*Day {
		return monday
	}
	return 0
}

// Buckets are the beginnings of the buckets, oldest first.
func (p Period) Buckets() []time.Time {
	var starts []time.Time
	for t := p.From; t.Before(p.To); t = t.Add(p.Step) {
		starts = append(starts, t)
	}
	return starts
}

// Index is which bucket t falls into, or -1.
func (p Period) Index(t time.Time) int {
	if t.Before(p.From) || !t.Before(p.To) {
		return -1
	}
	return int(t.Sub(p.From) / p.Step)
}

// Partial reports whether the last bucket is still filling at now.
func (p Period) Partial(now time.Time) bool { return now.Before(p.To) }

// Granule is the finest cut that this period's sums can be taken at: rollups are hourly, raw events finer.
func (p Period) Granule() time.Duration { return min(p.Step, time.Hour) }

// Raw reports whether buckets are so short that they must be counted from raw events.
func (p Period) Raw() bool { return p.Step < time.Hour }

// Elapsed is the part of p that has been at now, to compare like with like. Raw is that of p.
func (p Period) Elapsed(now time.Time) (from, to time.Time) {
	end := ceil(now, p.Granule())
	if end.After(p.To) {
		end = p.To
	}
	if end.Before(p.From) {
		end = p.From
	}
	return p.From, end
}

// Previous is as much of the period before p as has passed of p at now.
func (p Period) Previous(now time.Time) (from, to time.Time) {
	_, end := p.Elapsed(now)
	length := p.To.Sub(p.From)
	return p.From.Add(-length), end.Add(-length)
}

// choose is the shortest step that cuts length into not too many buckets.
func choose(length time.Duration, raw bool) time.Duration {
	for _, s := range steps {
		if s < time.Hour && !raw {
			continue
		}
		if length <= mostBuckets*s {
			return s
		}
	}
	return steps[len(steps)-1]
}

// Floor is the cut at or before t.
func Floor(t time.Time, step time.Duration) time.Time {
	o := offset(step).Milliseconds()
	s := step.Milliseconds()
	ms := t.UnixMilli() - o
	return time.UnixMilli(ms - ((ms%s)+s)%s + o).UTC()
}

func ceil(t time.Time, step time.Duration) time.Time {
	f := Floor(t, step)
	if f.Equal(t) {
		return f
	}
	return f.Add(step)
}
