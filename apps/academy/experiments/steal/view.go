package steal

import (
	"strconv"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Picture = a.bank.Picture()
	you, thief := "signed out", "nothing"
	if a.signedIn {
		you = "signed in"
	}
	if a.stolen != "" {
		thief = clipped(a.stolen)
	}
	v.Facts = []lab.Fact{
		{Label: "How it is kept", Value: a.way.label},
		{Label: "You are", Value: you},
		{Label: "The attacker has", Value: thief, Code: a.stolen != "", Tone: lab.Bad},
	}
	if a.stolen == "" {
		v.Facts[2].Tone = ""
	}
	if a.progress != nil {
		p := *a.progress
		v.Progress = &p
	}
	v.Controls = map[string]lab.Adjusts{
		"stop":    {Hidden: !a.running},
		"arrange": {Values: map[string]string{kind.Name: a.way.name}},
		"theft":   {Values: map[string]string{kind.Name: a.way.name}},
	}
	switch {
	case a.running:
		for _, name := range []string{"arrange", "sign-in", "sign-out", "steal", "theft"} {
			v.Controls[name] = lab.Adjusts{Disabled: string(errReplays)}
		}
	case a.stolen == "":
		v.Controls["sign-out"] = lab.Adjusts{Disabled: string(errNoCopy)}
	}
	if len(a.results) > 0 {
		v.Charts, v.Tables = a.charts(), a.tables()
	}
}

// clipped returns the beginning and the end of a token, enough to recognise it.
func clipped(token string) string {
	const ends = 10
	if len(token) <= 3*ends {
		return token[:min(ends, len(token))] + "…"
	}
	return token[:ends] + "…" + token[len(token)-ends:]
}

func (a *apparatus) charts() []lab.Chart {
	c := lab.Chart{
		ID: "exposure", Title: "Exposure", Kind: "bar", XLabel: "How it is kept", YLabel: "seconds", Log: true,
		Subtitle: "Seconds from the sign-out until every branch refused the copy. Each line of the axis is ten times the one below.",
		Series:   []lab.Series{{Label: "Measured", Unit: "s"}},
	}
	for _, w := range ways {
		r, ok := a.results[w.name]
		if !ok {
			continue
		}
		label := w.brief
		if !r.over {
			label += ", so far"
		}
		c.Labels = append(c.Labels, label)
		c.Series[0].Values = append(c.Series[0].Values, r.exposure.Seconds())
	}
	return []lab.Chart{c}
}

func (a *apparatus) tables() []lab.Table {
	all := lab.Table{
		ID: "exposures", Title: "Measured exposure",
		Columns: []string{"How it is kept", "Until every branch refused", "Accepted after the sign-out", "What it costs"}, Numeric: []bool{false, true, true, false},
	}
	for _, w := range ways {
		r, ok := a.results[w.name]
		if !ok {
			continue
		}
		until := lasted(r.exposure)
		if !r.over {
			until = "not within " + until + "; " + lasted(r.left) + " to go"
		}
		all.Rows = append(all.Rows, []string{w.label, until, strconv.Itoa(r.accepted), w.costs})
	}
	tables := []lab.Table{all}
	if r, ok := a.results[a.way.name]; ok {
		each := lab.Table{
			ID: "replay", Title: "The last replay: " + r.way.label,
			Columns: []string{"Branch", "Accepted last after", "Refused first after", "It said"}, Numeric: []bool{false, true, true, false},
		}
		for _, t := range r.branches {
			each.Rows = append(each.Rows, []string{t.label, orNever(t.accepted), orNever(t.refused), t.why})
		}
		tables = append(tables, each)
	}
	return tables
}

func orNever(d time.Duration) string {
	if d < 0 {
		return "never"
	}
	return lasted(d)
}
