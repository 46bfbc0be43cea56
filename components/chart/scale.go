package chart

import "math"

// Ticks are round values from at or below low to at or above high, about want of them,
// zero among them if low ≤ 0 ≤ high. With whole they are integers.
func Ticks(low, high float64, want int, whole bool) []float64 {
	if !(high > low) || math.IsInf(high-low, 0) {
		high = low + 1
	}
	step := niceStep((high - low) / float64(max(want, 1)))
	if whole {
		step = math.Max(1, math.Ceil(step))
	}
	first, last := math.Floor(low/step), math.Ceil(high/step)
	ticks := make([]float64, 0, int(last-first)+1)
	for i := first; i <= last; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

// niceStep is the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below least.
func niceStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= least*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// LogTicks are the powers of ten from at or below low to at or above high, both above
// zero, at least two and few enough to read.
func LogTicks(low, high float64) []float64 {
	first, last := math.Floor(math.Log10(low)+1e-9), math.Ceil(math.Log10(high)-1e-9)
	if last <= first {
		last = first + 1
	}
	step := math.Ceil((last - first) / 6)
	var ticks []float64
	for e := first; e < last; e += step {
		ticks = append(ticks, math.Pow(10, e))
	}
	return append(ticks, math.Pow(10, first+step*math.Ceil((last-first)/step)))
}

// Linear maps the values from From to To onto the line from Start to End.
type Linear struct{ From, To, Start, End float64 }

// At is where v lies.
func (l Linear) At(v float64) float64 {
	return l.Start + (v-l.From)/(l.To-l.From)*(l.End-l.Start)
}
