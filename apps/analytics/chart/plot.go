package chart

import (
	"math"
	"strings"
	"time"

	"gatehouse.example/components/chart"
)

// Kind is the type of a plot: lines or bars.
type Kind int

// The kinds of plot.
const (
	Lines Kind = iota // one line per series; the area of the first is filled
	Bars              // bars, stacked if there are several series; negative values go below zero
)

// Series is one value per bucket. Color is a chart colour from 1 to 6.
type Series struct {
	Name   string
	Color  int
	Values []float64
}

// Plot is a chart of values over time.
type Plot struct {
	ID, Title, Desc string // ID is unique on the page
	Kind            Kind
	Starts          []time.Time            // start times of the buckets
	Label           func(time.Time) string // returns a bucket's name for its tooltip
	Format, Axis    func(v float64) string // format values for the tooltip, and for the axis
	Series          []Series               // one value per bucket each
	Whole           bool                   // the axis shows integers only
	Partial         bool                   // the last bucket has not ended yet
	Wide            bool                   // may be as wide as the page
	EmptyText       string                 // shown if all values are zero
}

// size is one layout of a chart, for one range of container widths. class (plot.templ) shows it in that range only.
type size struct {
	suffix, class string
	width, height float64
}

func (p Plot) sizes() []size {
	if p.Wide {
		return []size{narrow, middleOf3, wide}
	}
	return []size{narrow, middle}
}

const (
	fontSize     = 12.0
	charWidth    = 6.7 // of a digit at fontSize, with a small margin
	bottomMargin = 24.0
	topMargin    = 10.0
)

// layout is a plot's geometry, in the units of its viewBox.
type layout struct {
	size
	left, right, top, bottom, zero float64
	grid                           []mark
	times                          []mark
	lines                          []line
	bars                           []bar
	hits                           []hit
	empty                          bool
}

// mark is a text and its position on an axis.
type mark struct {
	at   float64
	text string
}

type line struct {
	color            int
	path, tail, area string  // tail: the part that leads to a bucket that has not ended yet
	x, y             float64 // the last point
}

type bar struct {
	color   int
	path    string
	partial bool
}

type hit struct {
	x, width float64
	text     string
}

func (p Plot) layOut(s size) layout {
	low, high, some := p.extent()
	ticks := chart.Ticks(low, high, 4, p.Whole)
	l := layout{size: s, top: topMargin, bottom: s.height - bottomMargin, empty: !some}
	labels := make([]string, len(ticks))
	longest := 2
	for i, t := range ticks {
		labels[i] = p.Axis(t)
		longest = max(longest, len([]rune(labels[i])))
	}
	l.left, l.right = math.Ceil(float64(longest)*charWidth)+8, s.width-8
	y := chart.Linear{From: ticks[0], To: ticks[len(ticks)-1], Start: l.bottom, End: l.top}
	l.zero = y.At(0)
	for i, t := range ticks {
		l.grid = append(l.grid, mark{y.At(t), labels[i]})
	}
	n := len(p.Starts)
	if n == 0 {
		return l
	}
	band := (l.right - l.left) / float64(n)
	center := func(i int) float64 { return l.left + (float64(i)+0.5)*band }
	l.times = p.timeMarks(l, center)
	switch p.Kind {
	case Bars:
		l.bars = p.layOutBars(y, center, band)
	case Lines:
		l.lines = p.layOutLines(y, center)
	}
	for i := range n {
		l.hits = append(l.hits, hit{l.left + float64(i)*band, band, p.tooltip(i)})
	}
	return l
}

// extent returns the range of values that the axis must cover, and whether any value is not zero. If all are zero, high
// is 4.
func (p Plot) extent() (low, high float64, some bool) {
	for i := range p.Starts {
		up, down := 0.0, 0.0
		for _, s := range p.Series {
			v := s.Values[i]
			some = some || v != 0
			switch {
			case p.Kind == Lines:
				up, down = math.Max(up, v), math.Min(down, v)
			case v > 0:
				up += v
			default:
				down += v
			}
		}
		low, high = math.Min(low, down), math.Max(high, up)
	}
	if !some {
		high = 4
	}
	return low, high, some
}

// timeMarks returns the labels of the time axis, as many as fit without overlapping.
func (p Plot) timeMarks(l layout, center func(int) float64) []mark {
	const room = 7 * charWidth
	var marks []mark
	end := math.Inf(-1)
	for _, t := range timeTicks(p.Starts, int((l.right-l.left)/room)) {
		x, half := center(t.index), float64(len(t.label))*charWidth/2
		if x-half < math.Max(end+8, 0) || x+half > l.width {
			continue
		}
		marks = append(marks, mark{x, t.label})
		end = x + half
	}
	return marks
}

func (p Plot) tooltip(i int) string {
	var b strings.Builder
	b.WriteString(p.Label(p.Starts[i]))
	if p.Partial && i == len(p.Starts)-1 {
		b.WriteString(" (so far)")
	}
	for _, s := range p.Series {
		b.WriteString("\n" + s.Name + ": " + p.Format(s.Values[i]))
	}
	return b.String()
}

// num formats a coordinate of an SVG.
var num = chart.FormatCoordinate
