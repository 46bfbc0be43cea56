//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Dimensions of the picture, in pixels.
const (
	width, height    = 760, 460
	left, right      = 64, 24
	top, bottom      = 114, 60
	fastest, longest = 1, 500 // of the scale, in milliseconds
	plotWidth        = width - left - right
	plotHeight       = height - top - bottom
	legendColumn     = 240
	legendLine       = 20
)

// style has colours for light and dark: the picture is used alone, outside of the pages and their CSP.
const style = `text{font:13px system-ui,sans-serif;fill:#292524}.small{font-size:12px;fill:#57534e}.title{font-size:16px;font-weight:600}
.back{fill:#fafaf9}.grid{stroke:#d6d3d1;stroke-width:1}.line{fill:none;stroke-width:2.5;stroke-linejoin:round}
.c0{stroke:#b45309}.c1{stroke:#b45309;stroke-dasharray:2 4}.c2{stroke:#0f766e}.c3{stroke:#0f766e;stroke-dasharray:2 4}
.aim{fill:none;stroke:#be123c;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#e7e5e4}.small{fill:#a8a29e}.back{fill:#1c1917}.grid{stroke:#44403c}
.c0,.c1{stroke:#fbbf24}.c2,.c3{stroke:#2dd4bf}.aim{stroke:#fb7185}}`

// picture returns an SVG image that shows, for each configuration, which fraction of the bans was confirmed by all
// servers within how many milliseconds.
func (b *bench) picture() []byte {
	var p bytes.Buffer
	const title = "How long until every server knows of a ban"
	fmt.Fprintf(&p, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d">`+"\n", width, height)
	fmt.Fprintf(&p, `<title id="t">%s</title><desc id="d">%s</desc>`+"\n<style>%s</style>\n", title, b.words(), style)
	fmt.Fprintf(&p, `<rect class="back" width="%d" height="%d" rx="8"/><text class="title" x="%d" y="30">%s</text>`+"\n", width, height, left, title)
	for ms := range slices.Values([]float64{1, 2, 5, 10, 20, 50, 100, 200, 500}) {
		fmt.Fprintf(&p, `<path class="grid" d="M%.1f %dV%d"/><text class="small" x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			x(ms), top, height-bottom, x(ms), height-bottom+20, ms)
	}
	for part := 0.0; part <= 1; part += 0.25 {
		fmt.Fprintf(&p, `<path class="grid" d="M%d %.1fH%d"/><text class="small" x="%d" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n",
			left, y(part), width-right, left-8, y(part)+4, 100*part)
	}
	fmt.Fprintf(&p, `<text class="small" x="%d" y="%d" text-anchor="middle">milliseconds from the write until the last server has confirmed</text>`+"\n",
		left+plotWidth/2, height-bottom+44)
	fmt.Fprintf(&p, `<text class="small" x="%d" y="50">part of %d bans that were known to all servers within that time; circles: aims for 500 servers, real Redis</text>`+"\n", left, b.bans)
	for i, r := range b.runs {
		column, line := left+i/2*legendColumn, 76+i%2*legendLine
		fmt.Fprintf(&p, `<path class="line c%d" d="%s"/>`+"\n", r.class(), curve(r.slowest))
		fmt.Fprintf(&p, `<path class="line c%d" d="M%d %dh24"/><text class="small" x="%d" y="%d">%s Redis, %d servers</text>`+"\n",
			r.class(), column, line-4, column+32, line, r.redis, r.servers)
	}
	fmt.Fprintf(&p, `<circle class="aim" cx="%.1f" cy="%.1f" r="6"/><circle class="aim" cx="%.1f" cy="%.1f" r="6"/>`+"\n</svg>\n",
		x(aimMedian), y(0.5), x(aimP99), y(0.99))
	return p.Bytes()
}

// class returns the number of a configuration's colour and dashes: a colour for each Redis, dots for fewer servers.
func (r *run) class() int {
	class := 0
	if r.redis == realRedis {
		class = 2
	}
	if r.servers < 500 {
		class++
	}
	return class
}

// words returns the picture's content as text, for screen readers.
func (b *bench) words() string {
	var all []string
	for _, r := range b.runs {
		all = append(all, fmt.Sprintf("%s Redis, %d servers: half of the bans within %.0f ms, 99%% within %.0f ms",
			r.redis, r.servers, quantile(r.slowest, 0.5), quantile(r.slowest, 0.99)))
	}
	return strings.Join(all, "; ")
}

// x returns the x-coordinate of a time in milliseconds, on a logarithmic scale; less than one is drawn at one.
func x(ms float64) float64 {
	part := math.Log(min(max(ms, fastest), longest)/fastest) / math.Log(longest/fastest)
	return left + plotWidth*part
}

// y returns the y-coordinate of a fraction (1: all).
func y(part float64) float64 { return height - bottom - plotHeight*part }

// curve returns the path of the cumulative distribution, which goes up one step at each value.
func curve(values []float64) string {
	var d strings.Builder
	fmt.Fprintf(&d, "M%.1f %.1f", x(fastest), y(0))
	for i, v := range slices.Sorted(slices.Values(values)) {
		fmt.Fprintf(&d, "H%.1fV%.1f", x(v), y(float64(i+1)/float64(len(values))))
	}
	fmt.Fprintf(&d, "H%d", width-right)
	return d.String()
}
