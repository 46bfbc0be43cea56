package picture

import (
	"fmt"
	"math"
	"strconv"

	"gatehouse.example/apps/academy/lab"
)

// box is a node with its position.
type box struct {
	lab.Node
	x, y, w, h float64
	kind       string // browser, balancer, server or shared
}

type point struct{ x, y float64 }

// plan is a picture laid out for one width, in the units of its viewBox.
type plan struct {
	suffix, class string // of the layout (picture.templ)
	width, height float64
	upright       bool // narrow layout, from top to bottom
	boxes         []box
	cells         []box // servers of a grid
	frame         *box  // around the cells
	lines         []string
	at            map[string]box
	balancer      string  // its ID; "" for none
	busX, busY    float64 // position of the lines from the servers to what they share, in the wide layout
	passing       []passing
	last          *passing
}

const (
	edge = 8.0
	gap  = 10.0
	rowH = 52.0
)

// nodes returns the picture's browsers, or the default one.
func nodes(p *lab.Picture) (browsers []lab.Node) {
	if len(p.Browsers) == 0 {
		return []lab.Node{{ID: "you", Label: "You", State: lab.Up}}
	}
	return p.Browsers
}

func (p *plan) put(kind string, n lab.Node, x, y, w, h float64) {
	b := box{n, x, y, w, h, kind}
	p.boxes = append(p.boxes, b)
	p.at[n.ID] = b
}

// desk lays a picture out from left to right, for wide screens.
func desk(pic *lab.Picture) *plan {
	p := &plan{suffix: "-w", class: wideClass, width: 720, at: map[string]box{}}
	browsers := nodes(pic)
	columns := 1
	if len(pic.Servers) > 6 && !pic.Grid {
		columns = 2
	}
	left, right := 430.0, 684.0
	if columns == 2 {
		left = 396
	}
	var serversH float64
	if pic.Grid {
		serversH = p.grid(pic.Servers, left-34, edge, right-left+34)
	} else {
		serversH = float64((len(pic.Servers)+columns-1)/columns)*(rowH+gap) - gap
	}
	browsersH := float64(len(browsers))*(rowH+gap) - gap
	h := math.Max(math.Max(serversH, browsersH), rowH)
	if !pic.Grid {
		p.columns("server", pic.Servers, columns, left, right, edge+(h-serversH)/2)
	}
	p.columns("browser", browsers, 1, edge, 148, edge+(h-browsersH)/2)
	if pic.Balancer != nil {
		p.balancer = pic.Balancer.ID
		p.put("balancer", *pic.Balancer, 216, edge+(h-rowH)/2, 128, rowH)
	}
	p.height = h + 2*edge
	if len(pic.Shared) > 0 {
		p.busX, p.busY = 702, p.height+8
		p.row("shared", pic.Shared, 3, left, right, p.busY+14)
		p.height = p.busY + 14 + rowH + edge
	}
	p.draw(pic, browsers)
	return p
}

// upright lays a picture out from top to bottom, for narrow screens.
func upright(pic *lab.Picture) *plan {
	p := &plan{suffix: "-n", class: narrowClass, width: 344, upright: true, at: map[string]box{}}
	browsers := nodes(pic)
	y := p.row("browser", browsers, 3, edge, p.width-edge, edge) + 22
	if pic.Balancer != nil {
		p.balancer = pic.Balancer.ID
		p.put("balancer", *pic.Balancer, p.width/2-74, y, 148, rowH)
		y += rowH + 22
	}
	if pic.Grid {
		y += p.grid(pic.Servers, edge, y, p.width-2*edge) + gap
	} else {
		y = p.row("server", pic.Servers, 3, edge, p.width-edge, y)
	}
	if len(pic.Shared) > 0 {
		y = p.row("shared", pic.Shared, 3, edge, p.width-edge, y+22)
	}
	p.height = y + edge
	p.draw(pic, browsers)
	return p
}

// columns lays out nodes in columns between left and right.
func (p *plan) columns(kind string, list []lab.Node, columns int, left, right, top float64) {
	w := (right - left - gap*float64(columns-1)) / float64(columns)
	for i, n := range list {
		p.put(kind, n, left+float64(i%columns)*(w+gap), top+float64(i/columns)*(rowH+gap), w, rowH)
	}
}

// row lays out nodes in rows of at most most, and returns the y coordinate below them.
func (p *plan) row(kind string, list []lab.Node, most int, left, right, top float64) float64 {
	if len(list) == 0 {
		return top
	}
	if most == 3 && len(list) == 4 {
		most = 2
	}
	n := min(most, len(list))
	w := math.Min((right-left-gap*float64(n-1))/float64(n), 168)
	for i, node := range list {
		in := min(n, len(list)-i/n*n) // number in this row
		start := (left+right)/2 - (float64(in)*(w+gap)-gap)/2
		p.put(kind, node, start+float64(i%n)*(w+gap), top+float64(i/n)*(rowH+gap), w, rowH)
	}
	return top + float64((len(list)+n-1)/n)*(rowH+gap) - gap
}

// grid lays out many servers as squares in a frame, and returns the frame's height.
func (p *plan) grid(list []lab.Node, left, top, w float64) float64 {
	const pad = 8
	columns := 10
	for float64(len(list))/float64(columns) > float64(columns)*0.8 && columns < 25 {
		columns++
	}
	cell := math.Min((w-2*pad)/float64(columns), 24)
	rows := (len(list) + columns - 1) / columns
	h := float64(max(rows, 1))*cell + 2*pad
	inset := (w - 2*pad - cell*float64(columns)) / 2
	frame := box{Node: lab.Node{ID: "grid"}, x: left, y: top, w: w, h: h, kind: "server"}
	p.frame = &frame
	for i, n := range list {
		c := box{n, left + pad + inset + float64(i%columns)*cell, top + pad + float64(i/columns)*cell, cell - 2, cell - 2, "server"}
		p.cells = append(p.cells, c)
		p.at[n.ID] = c
	}
	return h
}

// draw adds the lines between the boxes.
func (p *plan) draw(pic *lab.Picture, browsers []lab.Node) {
	to := func(from box) {
		if p.frame != nil {
			p.lines = append(p.lines, path(p.leave(from), p.enter(*p.frame)))
			return
		}
		for _, s := range pic.Servers {
			p.lines = append(p.lines, path(p.leave(from), p.enter(p.at[s.ID])))
		}
	}
	for _, b := range browsers {
		if p.balancer != "" {
			p.lines = append(p.lines, path(p.leave(p.at[b.ID]), p.enter(p.at[p.balancer])))
		} else {
			to(p.at[b.ID])
		}
	}
	if p.balancer != "" {
		to(p.at[p.balancer])
	}
	for _, s := range pic.Shared {
		if p.frame != nil {
			p.lines = append(p.lines, path(p.down(*p.frame, p.at[s.ID])...))
			continue
		}
		for _, n := range pic.Servers {
			p.lines = append(p.lines, path(p.down(p.at[n.ID], p.at[s.ID])...))
		}
	}
}

// leave returns the point where requests leave a box; enter, where they arrive.
func (p *plan) leave(b box) point {
	if p.upright {
		return point{b.x + b.w/2, b.y + b.h}
	}
	return point{b.x + b.w, b.y + b.h/2}
}

func (p *plan) enter(b box) point {
	if p.upright {
		return point{b.x + b.w/2, b.y}
	}
	return point{b.x, b.y + b.h/2}
}

// down returns the path from a server to a shared node.
func (p *plan) down(from, shared box) []point {
	top := point{shared.x + shared.w/2, shared.y}
	if p.upright {
		return []point{{from.x + from.w/2, from.y + from.h}, top}
	}
	y := from.y + from.h/2
	return []point{{from.x + from.w, y}, {p.busX, y}, {p.busX, p.busY}, {top.x, p.busY}, top}
}

func path(points ...point) string {
	var b []byte
	for i, pt := range points {
		if i == 0 {
			b = append(b, 'M')
		} else {
			b = append(b, 'L')
		}
		b = append(b, num(pt.x)+" "+num(pt.y)...)
	}
	return string(b)
}

func num(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func (p *plan) viewBox() string { return fmt.Sprintf("0 0 %s %s", num(p.width), num(p.height)) }

// fit shortens a text to the width of a box.
func fit(s string, width, char float64) string {
	r := []rune(s)
	if n := int((width - 16) / char); len(r) > n && n > 1 {
		return string(r[:n-1]) + "…"
	}
	return s
}
