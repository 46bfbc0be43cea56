package chart

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNiceTicks_HoldTheValuesAndAreFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e12, 0).Draw(t, "low")
		high := rapid.Float64Range(0, 1e12).Draw(t, "high")
		ticks := niceTicks(low, high, 4, rapid.Bool().Draw(t, "whole"))
		if len(ticks) < 2 || len(ticks) > 8 {
			t.Fatalf("%d ticks", len(ticks))
		}
		if ticks[0] > low || ticks[len(ticks)-1] < high {
			t.Fatalf("%v … %v do not hold %v … %v", ticks[0], ticks[len(ticks)-1], low, high)
		}
	})
}

func TestNiceTicks_AreRound(t *testing.T) {
	for _, c := range []struct {
		high  float64
		whole bool
		want  []float64
	}{
		{7, true, []float64{0, 2, 4, 6, 8}},
		{1, true, []float64{0, 1}},
		{3, true, []float64{0, 1, 2, 3}},
		{95, true, []float64{0, 25, 50, 75, 100}},
		{1, false, []float64{0, 0.25, 0.5, 0.75, 1}},
	} {
		got := niceTicks(0, c.high, 4, c.whole)
		if len(got) != len(c.want) {
			t.Errorf("up to %v: %v, want %v", c.high, got, c.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("up to %v: %v, want %v", c.high, got, c.want)
			}
		}
	}
}

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
			for _, m := range p.lay(s).times {
				half := float64(len(m.text)) * charWidth / 2
				if m.at-half < end || m.at+half > s.width {
					t.Fatalf("%q at %v runs into its neighbour or out of the picture", m.text, m.at)
				}
				end = m.at + half
			}
		}
	})
}
