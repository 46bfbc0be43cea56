package chart

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimeMarks_NeverOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}).Draw(t, "step")
		p := Plot{
			Axis: func(float64) string { return "1" }, Format: func(float64) string { return "1" }, Label: func(time.Time) string { return "" },
			Series: []Series{{}},
		}
		start := time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "start")).UTC().Truncate(step)
		for i := range rapid.IntRange(1, 80).Draw(t, "buckets") {
			p.Starts = append(p.Starts, start.Add(time.Duration(i)*step))
			p.Series[0].Values = append(p.Series[0].Values, 1)
		}
		for _, s := range []size{narrow, middle, wide} {
			end := 0.0
			for _, m := range p.layOut(s).times {
				half := float64(len(m.text)) * charWidth / 2
				if m.at-half < end || m.at+half > s.width {
					t.Fatalf("%q at %v runs into its neighbour or out of the picture", m.text, m.at)
				}
				end = m.at + half
			}
		}
	})
}
