package chart

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimeMarks_NeverOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}).Draw(t, "step")
		p := Plot{
			Axis: func(float64) string { return "1" }, Series: []Series{{}},
			Partial: rapid.Bool().Draw(t, "partial"), Progress: rapid.Float64Range(0, 1).Draw(t, "progress"),
		}
		start := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "start")).UTC().Truncate(step)
		for i := range rapid.IntRange(1, 80).Draw(t, "buckets") {
			p.Starts = append(p.Starts, start.Add(time.Duration(i)*step))
			p.Series[0].Values = append(p.Series[0].Values, 1)
		}
		for _, s := range []size{narrow, middle, wide} {
			end := 0.0
			l := p.layOut(s)
			if last := l.hits[len(l.hits)-1]; math.Abs(last.x+last.width-l.right) > 1e-9 || last.width <= 0 {
				t.Fatalf("the last bucket is from %v, %v wide; the axis ends at %v", last.x, last.width, l.right)
			}
			for _, m := range l.times {
				half := float64(len(m.text)) * charWidth / 2
				if m.at-half < end || m.at+half > s.width {
					t.Fatalf("%q at %v runs into its neighbour or out of the picture", m.text, m.at)
				}
				end = m.at + half
			}
		}
	})
}
