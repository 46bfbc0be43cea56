package chart

import (
	"math"
	"strconv"
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
	Axis            func(v float64) string // formats a value for the axis
	Link            func(i int) string     // returns the address of bucket i's events; nil for no links
	Series          []Series               // one value per bucket each
	Marks           []Mark                 // buckets that are marked with a thin line
	Whole           bool                   // the axis shows integers only
	Partial         bool                   // the last bucket has not ended yet
	Progress        float64                // how much of the last bucket has passed, from 0 to 1, if it is partial
	SoFar           string                 // explains the hatching of a partial bucket
	Wide            bool                   // may be as wide as the page
	EmptyText       string                 // shown if all values are zero
}

// Mark marks the bucket with an index.
type Mark struct {
	Index int
	Shape Shape
}

// Shape is the form of a mark's head.
type Shape int

// The shapes of marks.
const (
	Triangle Shape = iota
	Diamond
)

// path returns the outline of a mark's head that ends at (x, y).
func (s Shape) path(x, y float64) string {
	if s == Diamond {
		return "M" + num(x) + " " + num(y-10) + "L" + num(x+5) + " " + num(y-5) + "L" + num(x) + " " + num(y) + "L" + num(x-5) + " " + num(y-5) + "Z"
	}
	return "M" + num(x-5) + " " + num(y-8) + "H" + num(x+5) + "L" + num(x) + " " + num(y) + "Z"
}

// placed is a mark and its x.
type placed struct {
	Shape
	x float64
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
	markWidth    = 11.0
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
	marks                          []placed
	empty                          bool
}

// mark is a text and its position on an axis.
type mark struct {
	at   float64
	text string
}

type line struct {
	color      int
	path, area string  // of the buckets that have ended
	x, y       float64 // the last point
}

type bar struct {
	color   int
	path    string
	partial bool
}

// hit is the area of a bucket, from the left edge of its band.
type hit struct{ x, width float64 }

func (h hit) center() float64 { return h.x + h.width/2 }

// minProgress is the least width at which a partial bucket is drawn, as a part of a whole one.
const minProgress = 0.4

// bands divides the width from left to right among the buckets. The axis ends now: a partial bucket is as wide as the
// part of it that has passed.
func (p Plot) bands(left, right float64) []hit {
	n := len(p.Starts)
	last := 1.0
	if p.Partial {
		last = math.Min(1, math.Max(minProgress, p.Progress))
	}
	band := (right - left) / (float64(n-1) + last)
	bands := make([]hit, n)
	for i := range bands {
		bands[i] = hit{left + float64(i)*band, band}
	}
	bands[n-1].width = right - bands[n-1].x
	return bands
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
	l.hits = p.bands(l.left, l.right)
	l.times = p.timeMarks(l)
	switch p.Kind {
	case Bars:
		l.bars = p.layOutBars(y, l.hits)
	case Lines:
		l.lines = p.layOutLines(y, l.hits)
	}
	at := map[int]float64{} // marks of one bucket stand side by side
	for _, m := range p.Marks {
		l.marks = append(l.marks, placed{m.Shape, l.hits[m.Index].center() + at[m.Index]})
		at[m.Index] -= markWidth
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

// nowLabel marks the end of the axis if the last bucket has not ended yet.
const nowLabel = "now"

// timeMarks returns the labels of the time axis, as many as fit without overlapping.
func (p Plot) timeMarks(l layout) []mark {
	const room = 7 * charWidth
	var marks []mark
	begin, end := l.width, math.Inf(-1)
	if p.Partial {
		begin = l.right - float64(len(nowLabel))*charWidth - 8
	}
	for _, t := range timeTicks(p.Starts, int((l.right-l.left)/room)) {
		x, half := l.hits[t.index].center(), float64(len(t.label))*charWidth/2
		if x-half < math.Max(end+8, 0) || x+half > begin {
			continue
		}
		marks = append(marks, mark{x, t.label})
		end = x + half
	}
	if p.Partial {
		marks = append(marks, mark{l.right - float64(len(nowLabel))*charWidth/2, nowLabel})
	}
	return marks
}

// partial reports whether bucket i has not ended yet.
func (p Plot) partial(i int) bool { return p.Partial && i == len(p.Starts)-1 }

// hatchID returns the id of the hatching in a colour, for one layout of the chart.
func (p Plot) hatchID(l layout, color int) string {
	return p.ID + l.suffix + "-h" + strconv.Itoa(color)
}

// num formats a coordinate of an SVG.
var num = chart.FormatCoordinate
