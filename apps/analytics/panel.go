package analytics

import (
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/apps/analytics/period"
	"gatehouse.example/components"
)

// panel is one chart of the dashboard with its table, its CSV export and its metric in the API.
type panel struct {
	key, title string
	about      string   // what is counted; the subtitle adds "per hour"
	apps       []string // the apps that it covers; empty means every app
	types      []string // of the events that it counts; empty means those of all people
	wide, tall bool     // as wide as the page; as high as two panels
	kind       chart.Kind
	unit       unit
	lines      []line                          // of a chart over time; empty for a ranking
	ranking    func(p panel, f *figures) shown // draws a panel without lines
}

// draw returns the panel with its chart and table made from f.
func (p panel) draw(f *figures) shown {
	if p.ranking != nil {
		return p.ranking(p, f)
	}
	return p.overTime(f)
}

// shown is a panel drawn from figures.
type shown struct {
	panel
	subtitle string
	legend   []components.LegendItem
	chart    templ.Component
	table    table
	tip      tip
}

// tip says how plot.js makes the tooltips of a chart from the rows of its table.
type tip struct {
	label  string // of the control that moves over the rows
	head   int    // the column that names a row
	colors string // chart colours of the columns after it, separated by spaces
	cross  bool   // a vertical line marks the row's place in the chart
}

// panels lists the panels in the order of the page.
var panels = []panel{signIns, people, revenue, sellers, orders, posts, votes}

// panelsFor returns the panels that cover app, sized so that a grid of two columns has no gap: a long ranking is as
// high as two charts and, if the number of cells is odd, the first panel of half width takes a whole row.
func panelsFor(app string, f *figures) []panel {
	chosen := slices.DeleteFunc(slices.Clone(panels), func(p panel) bool {
		return app != "" && len(p.apps) > 0 && !slices.Contains(p.apps, app)
	})
	places, first := 0, -1
	for i := range chosen {
		switch p := &chosen[i]; {
		case p.wide:
		case p.key == sellers.key && len(f.sellers) >= tallSellers:
			p.tall = true
			places += 2
		default:
			places++
			if first < 0 {
				first = i
			}
		}
	}
	if places%2 == 1 && first >= 0 {
		chosen[first].wide = true
	}
	return chosen
}

// findList returns the panel whose events are listed at /events/<key>.
func findList(key string) (panel, bool) {
	if key == bans.key {
		return bans, true
	}
	p, known := findPanel(key)
	return p, known && p.ranking == nil
}

func findPanel(key string) (panel, bool) {
	i := slices.IndexFunc(panels, func(p panel) bool { return p.key == key })
	if i < 0 {
		return panel{}, false
	}
	return panels[i], true
}

// table is the data of a panel as text, for the page and for CSV.
type table struct {
	columns []components.Column
	rows    [][]cell
	notes   []string // by row, what its marks are about, a line for each; nil for none
}

func (t table) note(row int) string {
	if row < len(t.notes) {
		return t.notes[row]
	}
	return ""
}

// cell is a value as shown on the page (show) and as written to CSV (raw). text marks text that came from an event,
// which a spreadsheet could evaluate as a formula.
type cell struct {
	show, raw string
	text      bool
	url       string // of the link on the page; may be empty
	exact     string // the time in UTC, for the tooltip; may be empty
}

func textCell(s string) cell { return cell{show: s, raw: s, text: true} }

// line is one series of a chart over time, one column of its table, and one value of a point in the API.
type line struct {
	key, name string
	color     int
	of        func(f *figures) []int64 // returns its value in each bucket
	down      bool                     // shown below zero, with a minus
}

// values returns the values of all lines, by line and bucket.
func (p panel) values(f *figures) [][]int64 {
	all := make([][]int64, len(p.lines))
	for i, l := range p.lines {
		all[i] = l.of(f)
	}
	return all
}

// overTime draws the lines as a plot, and a table with one row per bucket.
func (p panel) overTime(f *figures) shown {
	unit, all := p.unit, p.values(f)
	s := shown{panel: p, subtitle: p.about + "per " + f.period.StepText()}
	plot := chart.Plot{
		ID: p.key, Title: p.title + ", per " + f.period.StepText(), Desc: p.describe(f, all), Kind: p.kind, Starts: f.starts,
		Axis: unit.short, Whole: unit.whole, Partial: f.period.Partial(f.now), Progress: f.period.Progress(f.now), Wide: p.wide,
		SoFar: "Hatched: so far, until " + f.untilText(), EmptyText: "No data for this period",
		Link: func(i int) string { return p.eventsURL(f, i) }, Marks: f.chartMarks(),
	}
	s.tip = tip{label: plot.Title + ": arrow keys move, Enter lists the events", cross: true}
	s.table.columns = []components.Column{{Label: f.fromText()}}
	for n, l := range p.lines {
		values := make([]float64, len(all[n]))
		for i, v := range all[n] {
			values[i] = float64(v)
			if l.down {
				values[i] = -values[i]
			}
		}
		plot.Series = append(plot.Series, chart.Series{Name: l.name, Color: l.color, Values: values})
		s.legend = append(s.legend, components.LegendItem{Label: l.name, Color: l.color})
		s.tip.colors += strconv.Itoa(l.color) + " "
		s.table.columns = append(s.table.columns, components.Column{Label: l.name, Numeric: true})
	}
	if len(p.lines) == 1 {
		s.legend = nil // the title already names it
	}
	s.table.notes = f.notes()
	for i, t := range f.starts {
		row := []cell{{show: f.period.Label(t), raw: t.UTC().Format(time.RFC3339), exact: components.ExactTime(t), url: p.eventsURL(f, i)}}
		if plot.Partial && i == len(f.starts)-1 {
			row[0].show += " (so far)"
		}
		for n, values := range all {
			v := unit.cell(values[i])
			if p.lines[n].down {
				v.show = unit.cell(-values[i]).show // as drawn; the CSV, like the API, has the count
			}
			row = append(row, v)
		}
		s.table.rows = append(s.table.rows, row)
	}
	s.chart = plot.Draw()
	return s
}

// fromText returns the label of the column with the starts of the buckets.
func (f *figures) fromText() string {
	if f.period.Local(f.now).Location() == time.UTC {
		return "From (UTC)"
	}
	return "From (your time)"
}

// untilText formats the time of the figures.
func (f *figures) untilText() string {
	now := f.period.Local(f.now)
	return now.Format("15:04 ") + period.ZoneText(now)
}

// describe returns a text alternative for a chart: the period, and the total and maximum of each line.
func (p panel) describe(f *figures, all [][]int64) string {
	text, unit := f.period.Description(f.now)+".", p.unit
	for n, l := range p.lines {
		sum, most, when := int64(0), int64(0), 0
		for i, v := range all[n] {
			sum += v
			if v > most {
				most, when = v, i
			}
		}
		text += " " + l.name + ":"
		if unit.sums {
			text += " " + unit.cell(sum).show + " in total,"
		}
		if most == 0 {
			text += " none."
			continue
		}
		text += " peak " + unit.cell(most).show + " (" + f.period.Label(f.starts[when]) + ")."
	}
	for _, k := range markKinds {
		if n := len(f.marked(k.key)); n > 0 {
			text += " Marked for " + k.key + ": " + components.Plural(n, "place", "places") + "."
		}
	}
	if f.period.Partial(f.now) {
		text += " The last " + f.period.StepText() + " isn't over yet."
	}
	return text
}

// eventsURL returns the address of the list of the events in bucket i.
func (p panel) eventsURL(f *figures, i int) string {
	return eventsURL(p.key, f.app, f.starts[i], f.starts[i].Add(f.period.Step))
}
