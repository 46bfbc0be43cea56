package emails

import (
	"fmt"
	"strings"

	"gatehouse.example/apps/academy/lab"
)

// View shows the table, the curve, the look-ups and their plans.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	setup := a.bench.Setup()
	v.Controls = map[string]lab.Adjusts{
		"cancel": {Hidden: a.work == nil},
		"make":   {Values: map[string]string{sizes.Name: setup[sizes.Name], databases.Name: setup[databases.Name]}},
	}
	if w := a.work; w != nil {
		v.Progress = &lab.Progress{Label: w.label, Share: w.share, Left: w.remaining(), Cancel: "cancel"}
		a.disable(v, "Something is going on. Wait for it, or stop it.", "make", "look", "index", "drop", "register", "protect")
	} else if a.rows == 0 {
		a.disable(v, "There is no table yet.", "look", "index", "drop", "register", "protect")
	}
	if a.store != nil {
		v.Facts = append(v.Facts, lab.Fact{Label: "Database", Value: a.version})
	}
	if a.rows > 0 {
		v.Facts = append(v.Facts, lab.Fact{Label: "Users", Value: number(a.rows)}, lab.Fact{Label: "Indexes on the email", Value: a.indexNames()})
		if a.bytes > 0 {
			v.Facts = append(v.Facts, lab.Fact{Label: "The table on the disk", Value: size(a.bytes)})
		}
	}
	a.viewCurve(v)
	a.viewLooks(v)
}

func (a *apparatus) disable(v *lab.View, why string, controls ...string) {
	for _, name := range controls {
		adjusts := v.Controls[name]
		adjusts.Disabled = why
		v.Controls[name] = adjusts
	}
}

func (a *apparatus) indexNames() string {
	var names []string
	for _, which := range []string{plain, lower, unique} {
		if a.indexes[which] {
			names = append(names, indexes[which].Name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (a *apparatus) viewCurve(v *lab.View) {
	if len(a.points) == 0 {
		return
	}
	c := lab.Chart{
		ID: "curve", Title: "One look-up, as the table grows", Subtitle: "Median of several random emails. Both axes grow by factors, not by steps.",
		Kind: "line", Log: true, XLabel: "users in the table", YLabel: "milliseconds",
		Series: []lab.Series{{Label: "without the index", Unit: "ms"}, {Label: "with the index", Unit: "ms"}},
	}
	for _, p := range a.points {
		c.Labels = append(c.Labels, number(p.rows))
		c.Series[0].Values = append(c.Series[0].Values, ms(p.without))
		c.Series[1].Values = append(c.Series[1].Values, ms(p.with))
	}
	v.Charts = append(v.Charts, c)
}

func (a *apparatus) viewLooks(v *lab.View) {
	if len(a.looks) == 0 {
		return
	}
	t := lab.Table{
		ID: "looks", Title: "Look-ups in this table", Columns: []string{"Question and index", "Median", "Look-ups", "Plan"},
		Numeric: []bool{false, true, true, false},
	}
	for _, l := range a.looks {
		t.Rows = append(t.Rows, []string{l.label, millis(l.median), fmt.Sprint(l.count), headline(l.plan)})
		v.Panels = append(v.Panels, lab.Panel{ID: "plan-" + l.name, Title: "The plan: " + l.label, Code: l.sql + "\n\n" + l.plan})
	}
	v.Tables = append(v.Tables, t)
}

// headline returns the line of a plan that says how the table is searched.
func headline(plan string) string {
	for line := range strings.Lines(plan) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "->"))
		for _, word := range []string{"SCAN", "SEARCH", "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"} {
			if strings.Contains(line, word) {
				line, _, _ = strings.Cut(line, "  (")
				return line
			}
		}
	}
	return strings.TrimSpace(plan)
}
