package chart

import (
	"math"
	"strconv"
	"strings"
)

// Series is a line of a chart, or a colour of its bars. It may have fewer values than the chart has labels while they
// are being measured.
type Series struct {
	Name   string
	Values []float64
}

// Chart shows values at a few named positions of its x-axis.
type Chart struct {
	ID, Title, Desc string // ID is unique on the page
	Bars            bool   // bars side by side instead of lines
	Log             bool   // logarithmic y-axis; values of zero or less are not drawn
	XLabel, YLabel  string
	Labels          []string
	Series          []Series
}

// size is one layout of a chart. Its class (chart.templ) shows it while the container has a suitable width.
type size struct {
	suffix, class string
	width, height float64
}

const (
	charWidth    = 6.7 // width of a digit in the labels, rounded up
	topMargin    = 26.0
	bottomMargin = 42.0
)

// layout is a chart's geometry, in the units of its viewBox.
type layout struct {
	size
	left, right, top, bottom float64
	grid, places             []mark
	lines                    []line
	bars                     []bar
	hits                     []hit
}

// mark is a label and its position.
type mark struct {
	at   float64
	text string
}

type line struct {
	color  int
	path   string
	points []point
}

type point struct{ x, y float64 }

type bar struct {
	color int
	path  string
}

// hit is the area of a label's values.
type hit struct{ x, width float64 }

func (c Chart) layOut(s size) layout {
	l := layout{size: s, top: topMargin, bottom: s.height - bottomMargin}
	ticks, place := c.yAxis(l)
	longest := 2
	for _, t := range ticks {
		longest = max(longest, len([]rune(formatValue(t))))
	}
	l.left, l.right = math.Ceil(float64(longest)*charWidth)+10, s.width-10
	for _, t := range ticks {
		y, _ := place(t)
		l.grid = append(l.grid, mark{y, formatValue(t)})
	}
	n := len(c.Labels)
	if n == 0 {
		return l
	}
	band := (l.right - l.left) / float64(n)
	center := func(i int) float64 { return l.left + (float64(i)+0.5)*band }
	l.places = c.xLabels(l, center)
	for i, s := range c.Series {
		color := i%6 + 1
		if c.Bars {
			l.bars = append(l.bars, c.layOutBars(s, i, color, band, center, place, l.bottom)...)
		} else {
			l.lines = append(l.lines, layOutLine(s, n, color, center, place))
		}
	}
	for i := range n {
		l.hits = append(l.hits, hit{l.left + float64(i)*band, band})
	}
	return l
}

// yAxis returns the ticks of the y-axis, and a function that returns a value's position and whether it can be drawn.
func (c Chart) yAxis(l layout) ([]float64, func(float64) (float64, bool)) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, v := range s.Values[:min(len(s.Values), len(c.Labels))] {
			if isFinite(v) && (!c.Log || v > 0) {
				low, high = math.Min(low, v), math.Max(high, v)
			}
		}
	}
	some := low <= high
	if c.Log {
		if !some {
			low, high = 1, 100
		}
		ticks := LogTicks(low, high)
		y := Linear{From: math.Log10(ticks[0]), To: math.Log10(ticks[len(ticks)-1]), Start: l.bottom, End: l.top}
		return ticks, func(v float64) (float64, bool) { return y.At(math.Log10(math.Max(v, ticks[0]))), isFinite(v) && v > 0 }
	}
	if !some {
		low, high = 0, 4
	}
	ticks := Ticks(math.Min(0, low), math.Max(0, high), 4, false)
	y := Linear{From: ticks[0], To: ticks[len(ticks)-1], Start: l.bottom, End: l.top}
	return ticks, func(v float64) (float64, bool) { return y.At(v), isFinite(v) }
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func layOutLine(s Series, n, color int, center func(int) float64, place func(float64) (float64, bool)) line {
	ln := line{color: color}
	var path strings.Builder
	broken := true
	for i, v := range s.Values[:min(n, len(s.Values))] {
		y, ok := place(v)
		if !ok {
			broken = true
			continue
		}
		command := "L"
		if broken {
			command = "M"
		}
		broken = false
		path.WriteString(command + FormatCoordinate(center(i)) + " " + FormatCoordinate(y))
		ln.points = append(ln.points, point{center(i), y})
	}
	ln.path = path.String()
	return ln
}

func (c Chart) layOutBars(s Series, nth, color int, band float64, center func(int) float64, place func(float64) (float64, bool), bottom float64) []bar {
	base := bottom
	if y, ok := place(0); ok {
		base = y
	}
	width := math.Min(band*0.76/float64(len(c.Series)), 40)
	var bars []bar
	for i, v := range s.Values[:min(len(c.Labels), len(s.Values))] {
		y, ok := place(v)
		if !ok {
			continue
		}
		x := center(i) + (float64(nth)-float64(len(c.Series))/2)*width
		bars = append(bars, bar{color, "M" + FormatCoordinate(x+0.5) + " " + FormatCoordinate(base) + "V" + FormatCoordinate(y) + "H" + FormatCoordinate(x+width-0.5) + "V" + FormatCoordinate(base) + "Z"})
	}
	return bars
}

// xLabels returns the labels of the x-axis, as many as fit side by side, always with the last one.
func (c Chart) xLabels(l layout, center func(int) float64) []mark {
	longest := 0
	for _, s := range c.Labels {
		longest = max(longest, len([]rune(s)))
	}
	band := (l.right - l.left) / float64(len(c.Labels))
	room := math.Max(band, 40)
	every := max(1, int(math.Ceil(math.Min(float64(longest)*charWidth+10, math.Max(room, 90))/band)))
	var marks []mark
	for i := len(c.Labels) - 1; i >= 0; i -= every {
		marks = append(marks, mark{center(i), truncate(c.Labels[i], int(band*float64(every)/charWidth))})
	}
	return marks
}

func truncate(s string, runes int) string {
	if r := []rune(s); len(r) > max(runes, 3) {
		return string(r[:max(runes, 3)-1]) + "…"
	}
	return s
}

// formatValue formats a value with about three significant digits, without trailing zeros.
func formatValue(v float64) string {
	if !isFinite(v) {
		return "–"
	}
	size := math.Abs(v)
	switch {
	case size >= 1e6:
		return strconv.FormatFloat(math.Round(v/1e4)/100, 'f', -1, 64) + "M"
	case size >= 1e4:
		return strconv.FormatFloat(math.Round(v/100)/10, 'f', -1, 64) + "k"
	case size >= 100:
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	case size >= 1 || size == 0:
		return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// FormatCoordinate formats a coordinate with at most one decimal.
func FormatCoordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
