package upout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse.example/apps/academy/lab"
)

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	plan, at, curves := a.plan, a.at, slices.Clone(a.curves)
	if a.progress != nil {
		now := *a.progress
		v.Progress = &now
	}
	a.mu.Unlock()
	v.Picture = a.Picture()
	crowd := lab.Node{ID: crowdNode, Label: "Customers", State: lab.Up, Note: "none right now"}
	if at > 0 {
		crowd.Note = fmt.Sprintf("%d at once", at)
	}
	_, rest, _ := strings.Cut(v.Picture.Text, " → ")
	v.Picture.Browsers = []lab.Node{crowd}
	v.Picture.Text = fmt.Sprintf("%s (%s) → %s", crowd.Label, crowd.Note, rest)
	v.Facts = []lab.Fact{
		{Label: "The bank", Value: plan.label()},
		{Label: "Serves at once", Value: strconv.Itoa(plan.serves())},
		{Label: "Price", Value: fmt.Sprintf("%d coins a day", plan.price())},
	}
	v.Charts = charts(curves)
	v.Tables = []lab.Table{priceList()}
	if len(curves) > 0 {
		v.Tables = append([]lab.Table{compared(curves)}, v.Tables...)
	}
	v.Controls = map[string]lab.Adjusts{}
	if v.Progress == nil {
		v.Controls[cancel] = lab.Adjusts{Hidden: true}
		return
	}
	for _, name := range []string{letIn, sweep, kill, up, out} {
		v.Controls[name] = lab.Adjusts{Disabled: string(errBusy)}
	}
}

// charts returns charts of throughput and wait by load, with a series for each curve.
func charts(curves []curve) []lab.Chart {
	if len(curves) == 0 {
		return nil
	}
	throughput := lab.Chart{ID: "throughput", Title: "Throughput", Subtitle: "Requests answered a second, by customers at once", YLabel: "requests a second"}
	median := lab.Chart{ID: "median", Title: "Half of the customers waited longer", Subtitle: "Median time of a request, by customers at once", YLabel: "ms"}
	p95 := lab.Chart{ID: "p95", Title: "One in twenty waited longer", Subtitle: "95th percentile of the time of a request, by customers at once", YLabel: "ms"}
	for _, c := range []*lab.Chart{&throughput, &median, &p95} {
		c.Kind, c.XLabel = "line", "customers at once"
		for _, n := range loads {
			c.Labels = append(c.Labels, strconv.Itoa(n))
		}
	}
	for _, c := range curves {
		t, m, s := lab.Series{Label: c.label(), Unit: "/s"}, lab.Series{Label: c.label(), Unit: "ms"}, lab.Series{Label: c.label(), Unit: "ms"}
		for _, p := range c.points {
			t.Values, m.Values, s.Values = append(t.Values, p.throughput), append(m.Values, ms(p.median)), append(s.Values, ms(p.p95))
		}
		throughput.Series, median.Series, p95.Series = append(throughput.Series, t), append(median.Series, m), append(p95.Series, s)
	}
	return []lab.Chart{throughput, median, p95}
}

// compared returns a table of measured throughput and cost.
func compared(curves []curve) lab.Table {
	t := lab.Table{
		ID: "compared", Title: "What you get for your money",
		Columns: []string{"The bank", "Serves at once", "Coins a day", "Requests a second", "Median wait with 32", "Coins for 10 a second"},
		Numeric: []bool{false, true, true, true, true, true},
	}
	for _, c := range curves {
		row := []string{c.label(), strconv.Itoa(c.serves()), strconv.Itoa(c.price()), fmt.Sprintf("%.0f", c.best()), wait(c.points[len(c.points)-1].median), "–"}
		if c.best() > 0 {
			row[5] = fmt.Sprintf("%.1f", 10*float64(c.price())/c.best())
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// priceList returns the prices of the machines, up to one size more than is sold.
func priceList() lab.Table {
	t := lab.Table{ID: "prices", Title: "Price list", Columns: []string{"One branch that serves", "Coins a day", "As small branches"}, Numeric: []bool{true, true, true}}
	for _, n := range append(slices.Clone(sizes), 2*ceiling) {
		price := "not for sale"
		if coins, sold := prices[n]; sold {
			price = strconv.Itoa(coins)
		}
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%d at once", n), price, strconv.Itoa(plan{n / smallest, smallest}.price())})
	}
	return t
}
