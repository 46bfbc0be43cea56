package ban

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/denylist"
)

// View shows the servers, the curve of the last ban, and the traffic's counts.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	o, last := a.opening, a.last
	v.Controls = map[string]lab.Adjusts{"servers": {Values: map[string]string{howMany.Name: a.bench.Setup()[howMany.Name]}}}
	if o != nil {
		v.Progress = o.progress()
	}
	a.mu.Unlock()
	servers := a.estate.all()
	banned := a.traffic.you.Load().banned()
	p, n := a.picture(servers, banned)
	v.Picture = p
	a.viewControls(v, o != nil, banned, n)
	t := a.traffic
	v.Facts = []lab.Fact{
		{Label: "You", Value: status(banned)},
		{Label: "Requests answered", Value: number(int(t.requests.Load()))},
		count(`Let in after "done"`, t.accepted.Load()), count("Innocent people refused", t.innocentRefused.Load()),
		count("Let in by servers that could not know", t.guessed.Load()),
	}
	if unsure := t.unsure.Load(); unsure > 0 {
		v.Facts = append(v.Facts, lab.Fact{Label: "503 though not cut off: this machine was too busy", Value: number(int(unsure))})
	}
	if failed := t.failed.Load(); failed > 0 {
		v.Facts = append(v.Facts, lab.Fact{Label: "Requests without an answer", Value: number(int(failed)), Tone: lab.Bad})
	}
	if last != nil {
		v.Charts = append(v.Charts, last.curve())
		v.Tables = append(v.Tables, last.table())
	}
}

func status(banned bool) string {
	if banned {
		return "banned"
	}
	return "signed in"
}

// count returns a fact whose number should be zero.
func count(label string, n int64) lab.Fact {
	tone := lab.Good
	if n > 0 {
		tone = lab.Bad
	}
	return lab.Fact{Label: label, Value: number(int(n)), Tone: tone}
}

func (o *opening) progress() *lab.Progress {
	p := &lab.Progress{Label: fmt.Sprintf("Opening servers: %d of %d", o.now, o.want), Left: -1}
	if all := o.want - o.from; all > 0 && o.now > o.from {
		p.Share = float64(o.now-o.from) / float64(all)
		p.Left = time.Duration(float64(time.Since(o.began)) * (1 - p.Share) / p.Share)
	} else if all < 0 {
		p.Label = "Closing servers"
	}
	return p
}

func (a *apparatus) viewControls(v *lab.View, opening, banned bool, n states) {
	disable := func(why string, controls ...string) {
		for _, c := range controls {
			adjusts := v.Controls[c]
			adjusts.Disabled = why
			v.Controls[c] = adjusts
		}
	}
	if opening {
		disable("The servers are being opened. Wait for them.", "ban", "lift", "cut", "heal")
		return
	}
	if !banned {
		disable("You aren't banned.", "lift")
	}
	if n.cut == 0 {
		disable("No server is cut off.", "heal")
	}
	if n.cut == n.all {
		disable("All servers are cut off already.", "cut")
	}
}

// states counts servers by their state.
type states struct{ all, cut, denied, in, unsure int }

// picture draws each server in the state of its last answer.
func (a *apparatus) picture(servers []*server, banned bool) (*lab.Picture, states) {
	p := &lab.Picture{
		Browsers: []lab.Node{{ID: you, Label: "You", State: lab.Up, Note: status(banned)}, {ID: "them", Label: "Other user", State: lab.Up}},
		Servers:  make([]lab.Node, 0, len(servers)),
		Shared:   []lab.Node{{ID: "redis", Label: "Redis", State: lab.Up, Note: "the denylist"}},
		Grid:     len(servers) > few,
	}
	n := states{all: len(servers)}
	for _, s := range servers {
		node := lab.Node{ID: s.id, Label: "Server " + strconv.Itoa(s.number), State: lab.Up, Count: s.answered.Load()}
		s.mu.Lock()
		cut, answer, took := !s.cutAt.IsZero(), s.you.status, s.took
		s.mu.Unlock()
		if took >= 0 {
			node.Took = max(took, time.Millisecond/2) // whole milliseconds: zero means less than one
		}
		switch {
		case cut:
			node.State, node.Note = lab.Cut, "cut off from Redis"
			n.cut++
		case answer == http.StatusUnauthorized || took >= 0 && banned:
			node.State, node.Note = lab.Denied, "refuses you"
			if took >= 0 {
				node.Note = "knew after " + millis(took)
			}
			n.denied++
		case answer == http.StatusServiceUnavailable:
			node.State, node.Note = lab.Busy, "not sure"
			n.unsure++
		default:
			node.Note = "lets you in"
			n.in++
		}
		p.Servers = append(p.Servers, node)
	}
	p.Text = fmt.Sprintf("%d servers follow the denylist in Redis. %d let you in, %d know of your ban and refuse you", n.all, n.in, n.denied)
	if n.cut > 0 {
		p.Text += fmt.Sprintf(", %d are cut off from Redis and refuse everybody", n.cut)
	}
	if n.unsure > 0 {
		p.Text += fmt.Sprintf(", %d are not sure just now", n.unsure)
	}
	p.Text += "."
	return p, n
}

// columns is the approximate maximum number of points of the curve.
const columns = 20

// curve returns the chart of the share of confirmed servers over the milliseconds since the ban.
func (o *outcome) curve() lab.Chart {
	c := lab.Chart{
		ID: "curve", Title: "Who knows of the ban", Subtitle: "Share of the servers that had confirmed it.", Kind: "line",
		XLabel: "milliseconds since the ban", YLabel: "% of the servers", Series: []lab.Series{{Label: "know", Unit: "%"}},
	}
	took := confirmedTimes(o.receipt)
	slowest := int(o.receipt.Slowest() / time.Millisecond)
	step := max(1, (slowest+columns-1)/columns)
	know := 0
	for at := 0; ; at += step {
		for know < len(took) && took[know] <= time.Duration(at)*time.Millisecond {
			know++
		}
		c.Labels = append(c.Labels, strconv.Itoa(at))
		c.Series[0].Values = append(c.Series[0].Values, 100*float64(know)/float64(max(1, o.servers)))
		if at >= slowest {
			return c
		}
	}
}

// slow is the maximum number of lines of a long receipt.
const slow = 20

// table returns the receipt; of a long one, the servers that did not confirm and the slowest.
func (o *outcome) table() lab.Table {
	t := lab.Table{ID: "receipt", Title: "The receipt", Columns: []string{"Server", "Confirmed", "After"}, Numeric: []bool{false, false, true}}
	list := slices.Clone(o.receipt.All)
	if len(list) > few {
		slices.SortStableFunc(list, func(x, y denylist.Confirmation) int {
			switch {
			case x.Confirmed == y.Confirmed:
				return cmp.Compare(y.Took, x.Took)
			case y.Confirmed:
				return -1
			}
			return 1
		})
		list = list[:min(len(list), slow)]
		t.Title = fmt.Sprintf("The receipt: the slowest %d of %d", len(list), o.servers)
	}
	for _, c := range list {
		row := []string{c.Replica, "yes", millis(c.Took)}
		if !c.Confirmed {
			row[1], row[2] = "no, it refuses everybody", "–"
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
