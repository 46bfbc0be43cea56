package chart

import (
	"math"
	"strings"

	"gatehouse.example/components/chart"
)

func (p Plot) layOutLines(y chart.Linear, center func(int) float64) []line {
	lines := make([]line, 0, len(p.Series))
	last := len(p.Starts) - 1
	for i, s := range p.Series {
		full := last
		if p.Partial && last > 0 {
			full = last - 1
		}
		var path, tail strings.Builder
		for j := 0; j <= full; j++ {
			addPoint(&path, j == 0, center(j), y.At(s.Values[j]))
		}
		if full < last {
			addPoint(&tail, true, center(full), y.At(s.Values[full]))
			addPoint(&tail, false, center(last), y.At(s.Values[last]))
		}
		l := line{color: s.Color, path: path.String(), tail: tail.String(), x: center(last), y: y.At(s.Values[last])}
		if i == 0 {
			rest := strings.Replace(tail.String(), "M", "L", 1)
			l.area = path.String() + rest + "L" + num(center(last)) + " " + num(y.At(0)) + "L" + num(center(0)) + " " + num(y.At(0)) + "Z"
		}
		lines = append(lines, l)
	}
	return lines
}

func addPoint(b *strings.Builder, first bool, x, y float64) {
	command := "L"
	if first {
		command = "M"
	}
	b.WriteString(command + num(x) + " " + num(y))
}

func (p Plot) layOutBars(y chart.Linear, center func(int) float64, band float64) []bar {
	width := math.Min(band*0.72, 36)
	if band < 6 {
		width = band * 0.85
	}
	var bars []bar
	for i := range p.Starts {
		up, down := 0.0, 0.0
		partial := p.Partial && i == len(p.Starts)-1
		for j, s := range p.Series {
			v := s.Values[i]
			if v == 0 {
				continue
			}
			from := up
			if v < 0 {
				from = down
				down += v
			} else {
				up += v
			}
			path := barPath(center(i)-width/2, width, y.At(from), y.At(from+v), p.outermost(i, j))
			bars = append(bars, bar{color: s.Color, path: path, partial: partial})
		}
	}
	return bars
}

// outermost reports whether no other series is stacked on series j in bucket i.
func (p Plot) outermost(i, j int) bool {
	for _, s := range p.Series[j+1:] {
		if s.Values[i]*p.Series[j].Values[i] > 0 {
			return false
		}
	}
	return true
}

// barPath returns the SVG path of a bar from base to end, with rounded corners at the end if rounded is true. The end
// may lie above or below the base.
func barPath(x, width, base, end float64, rounded bool) string {
	r := 0.0
	if rounded {
		r = math.Min(3, math.Min(width/2, math.Abs(end-base)))
	}
	d := r // towards the base
	if end > base {
		d = -r
	}
	return "M" + num(x) + " " + num(base) + "V" + num(end+d) +
		"Q" + num(x) + " " + num(end) + " " + num(x+r) + " " + num(end) +
		"H" + num(x+width-r) +
		"Q" + num(x+width) + " " + num(end) + " " + num(x+width) + " " + num(end+d) +
		"V" + num(base) + "Z"
}
