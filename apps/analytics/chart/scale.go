package chart

import "math"

// niceTicks are round values from at or below low to at or above high, about want of them, zero among them if low ≤ 0 ≤ high.
// With whole they are integers.
func niceTicks(low, high float64, want int, whole bool) []float64 {
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

// linear maps from one interval to another.
type linear struct{ d0, d1, r0, r1 float64 }

func (l linear) at(v float64) float64 {
	return l.r0 + (v-l.d0)/(l.d1-l.d0)*(l.r1-l.r0)
}
