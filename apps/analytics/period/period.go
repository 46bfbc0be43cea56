package period

import (
	"time"
)

// Day is the length of a day in UTC.
const Day = 24 * time.Hour

// Longest is the maximum length of a period. Rollups are kept for as long.
const Longest = 400 * Day

// monday shifts weekly buckets, which would start on Thursday like 1970, to Monday.
const monday = 4 * Day

// maxBuckets is the number of buckets up to which a chart stays readable.
const maxBuckets = 62

// Period is the time from From to To (exclusive), divided into buckets of length Step. From and To lie on bucket
// boundaries.
type Period struct {
	Name     string // of the preset, or [Custom]
	From, To time.Time
	Step     time.Duration
	Zone     *time.Location // of labels; nil means UTC. Buckets and parameters are in UTC
}

// Offset returns the duration by which bucket boundaries are shifted from multiples of Step since 1970.
func (p Period) Offset() time.Duration { return offset(p.Step) }

func offset(step time.Duration) time.Duration {
	if step == 7*Day {
		return monday
	}
	return 0
}

// Buckets returns the start times of the buckets, oldest first.
func (p Period) Buckets() []time.Time {
	var starts []time.Time
	for t := p.From; t.Before(p.To); t = t.Add(p.Step) {
		starts = append(starts, t)
	}
	return starts
}

// Index returns the index of the bucket that contains t, or -1 if t is outside p.
func (p Period) Index(t time.Time) int {
	if t.Before(p.From) || !t.Before(p.To) {
		return -1
	}
	return int(t.Sub(p.From) / p.Step)
}

// Partial reports whether p's last bucket has not ended at now.
func (p Period) Partial(now time.Time) bool { return now.Before(p.To) }

// Progress returns how much of p's last bucket has passed at now, from 0 to 1.
func (p Period) Progress(now time.Time) float64 {
	if !p.Partial(now) {
		return 1
	}
	return max(0, float64(now.Sub(p.To.Add(-p.Step)))/float64(p.Step))
}

// Raw reports whether the buckets are shorter than an hour, so that they must be counted from raw events.
func (p Period) Raw() bool { return p.Step < time.Hour }

// Elapsed returns the part of p that has passed at now, rounded up to the shortest duration by which
// its sums can be divided: an hour with rollups, Step with raw events.
func (p Period) Elapsed(now time.Time) (from, to time.Time) {
	end := ceil(now, min(p.Step, time.Hour))
	if end.After(p.To) {
		end = p.To
	}
	if end.Before(p.From) {
		end = p.From
	}
	return p.From, end
}

// Previous returns the period before p, cut to the same length as the part of p that has passed at now, so that both
// can be compared.
func (p Period) Previous(now time.Time) (from, to time.Time) {
	_, end := p.Elapsed(now)
	length := p.To.Sub(p.From)
	return p.From.Add(-length), end.Add(-length)
}

// chooseStep returns the shortest step that divides length into at most maxBuckets buckets, or the longest step if
// there is none. Steps below an hour are used only if raw is true.
func chooseStep(length time.Duration, raw bool) time.Duration {
	for _, s := range Steps {
		if s.Length < time.Hour && !raw {
			continue
		}
		if length <= maxBuckets*s.Length {
			return s.Length
		}
	}
	return Steps[len(Steps)-1].Length
}

// Floor returns the latest bucket boundary at or before t.
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
