package chart

import (
	"math"
	"strings"

	"gatehouse.example/components/chart"
)

// layOutLines returns the lines through the buckets that have ended. A partial bucket is only a point: a line down to
// it would look like an outage.
func (p Plot) layOutLines(y chart.Linear, bands []hit) []line {
	lines := make([]line, 0, len(p.Series))
	last := len(p.Starts) - 1
	ended := last
	if p.Partial {
		ended--
	}
	for i, s := range p.Series {
		var path strings.Builder
		for j := 0; j <= ended; j++ {
			addPoint(&path, j == 0, bands[j].center(), y.At(s.Values[j]))
		}
		l := line{color: s.Color, path: path.String(), x: bands[last].center(), y: y.At(s.Values[last])}
		if i == 0 && ended >= 0 {
			l.area = l.path + "L" + num(bands[ended].center()) + " " + num(y.At(0)) + "L" + num(bands[0].center()) + " " + num(y.At(0)) + "Z"
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

func (p Plot) layOutBars(y chart.Linear, bands []hit) []bar {
	var bars []bar
	for i, b := range bands {
		up, down := 0.0, 0.0
		width := math.Min(b.width*0.72, 36)
		if b.width < 6 {
			width = b.width * 0.85
		}
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
			path := barPath(b.center()-width/2, width, y.At(from), y.At(from+v), p.outermost(i, j))
			bars = append(bars, bar{color: s.Color, path: path, partial: p.partial(i)})
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
