package chart

import "math"

// Ticks returns about want round values, from at or below low to at or above high, with zero among them if low ≤ 0 ≤
// high. If whole is true they are integers.
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

// niceStep returns the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below least.
func niceStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= least*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// LogTicks returns powers of ten from at or below low to at or above high, both of which must be above zero. It returns
// at least two and few enough to read.
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

// Linear maps values between From and To linearly to positions between Start and End.
type Linear struct{ From, To, Start, End float64 }

// At returns the position of v.
func (l Linear) At(v float64) float64 {
	return l.Start + (v-l.From)/(l.To-l.From)*(l.End-l.Start)
}
