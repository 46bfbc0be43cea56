package cost

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// introduce sends one request that is shown in the picture.
func (a *apparatus) introduce(ctx context.Context, b *branch) error {
	dial := net.Dialer{Timeout: patience}
	conn, err := dial.DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	before := b.commands()
	r := b.present()
	took, err := ask(conn, bufio.NewReader(conn), bufio.NewWriter(conn), r)
	if err != nil {
		return err
	}
	via := ""
	if b.commands() > before && b.kind.name != withMirror {
		via = "redis"
	}
	a.bench.Request(lab.Request{
		From: "you", To: b.kind.name, Via: via, Method: r.Method, Path: r.URL.Path, Status: 200, Outcome: lab.Recognised, Who: subject, Took: took,
		Text: fmt.Sprintf("%s: recognised. %s.", b.kind.label, sentence(b.kind.does)),
	})
	return nil
}

// find stores and logs the findings of a measurement.
func (a *apparatus) find(k kind, m measured, clients int) {
	for name, f := range map[string]lab.Finding{
		checkOf(k.name):      {Label: k.label + ": the check alone", Text: short(m.check), Value: float64(m.check) / float64(time.Microsecond), Unit: "µs"},
		throughputOf(k.name): {Label: k.label + ": throughput", Text: thousands(m.throughput) + " a second", Value: m.throughput, Unit: "requests/s"},
		lookupsOf(k.name):    {Label: k.label + ": Redis commands a request", Text: few(m.lookups()), Value: m.lookups()},
	} {
		a.bench.Find(name, f)
	}
	a.bench.Log(lab.Good, "%s: %s requests of %d clients, %s a second, %s Redis commands a request; the check alone takes %s.",
		k.label, thousands(float64(m.requests)), clients, thousands(m.throughput), few(m.lookups()), short(m.check))
	found := a.bench.Findings()
	a.ratio(found, "ratio-redis-ram", inRedis, ram)
	a.ratio(found, "ratio-jwt-remembered", fresh, remembered)
	a.ratio(found, "ratio-exists-mirror", withExists, withMirror)
}

// ratio stores how many times longer one check takes than another.
func (a *apparatus) ratio(found lab.Findings, name, one, other string) {
	if !found.Has(checkOf(one)) || !found.Has(checkOf(other)) || found.Value(checkOf(other)) == 0 {
		return
	}
	v := found.Value(checkOf(one)) / found.Value(checkOf(other))
	x, _ := kindOf(one)
	y, _ := kindOf(other)
	a.bench.Find(name, lab.Finding{Label: "The check of " + x.label + " takes, against " + y.label, Text: few(v) + " times", Value: v})
}

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Picture = a.picture()
	if a.progress != nil {
		p := *a.progress
		v.Progress = &p
	}
	v.Controls = map[string]lab.Adjusts{"cancel": {Hidden: a.running == ""}}
	setup := a.bench.Setup()
	v.Controls["load"] = lab.Adjusts{Values: map[string]string{"clients": setup["clients"], "round": setup["round"]}}
	if a.running != "" {
		for _, name := range []string{"measure", "all"} {
			v.Controls[name] = lab.Adjusts{Disabled: string(errBusy)}
		}
	}
	if len(a.results) > 0 {
		v.Charts, v.Tables = a.charts(), a.tables()
	}
}

func (a *apparatus) picture() *lab.Picture {
	p := &lab.Picture{Shared: []lab.Node{{ID: "redis", Label: "Redis", State: lab.Up}}}
	var told []string
	for _, k := range kinds {
		n := lab.Node{ID: k.name, Label: k.label, State: lab.Starting, Note: "not measured yet"}
		if b := a.branches[k.name]; b != nil {
			n.State, n.Count = lab.Up, b.answered.Load()
		}
		if m, ok := a.results[k.name]; ok {
			n.Note = "check " + short(m.check)
		}
		if a.running == k.name {
			n.State, n.Note = lab.Busy, "being measured"
		}
		p.Servers = append(p.Servers, n)
		told = append(told, n.Label+": "+n.Note)
	}
	p.Text = "Your requests go straight to six branches, one for each way to check. " + strings.Join(told, "; ") + "."
	return p
}

func (a *apparatus) charts() []lab.Chart {
	speed := lab.Chart{
		ID: "throughput", Title: "Throughput", Subtitle: "Requests that one branch answered in a second. More is better.", Kind: "bar", XLabel: "Way", YLabel: "requests a second",
		Series: []lab.Series{{Label: "Throughput", Unit: "requests/s"}},
	}
	latency := lab.Chart{
		ID: "latency", Title: "Latency", Log: true, Subtitle: "Of a whole request over HTTP. Less is better. Each line of the axis is ten times the one below.", Kind: "bar", XLabel: "Way", YLabel: "µs",
		Series: []lab.Series{{Label: "Median", Unit: "µs"}, {Label: "99 of 100 within", Unit: "µs"}},
	}
	check := lab.Chart{
		ID: "check", Title: "The check alone", Subtitle: "Without HTTP. Each line of the axis is ten times the one below.", Kind: "bar", XLabel: "Way", YLabel: "µs", Log: true,
		Series: []lab.Series{{Label: "Check", Unit: "µs"}},
	}
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	for _, k := range kinds {
		m, ok := a.results[k.name]
		if !ok {
			continue
		}
		for _, c := range []*lab.Chart{&speed, &latency, &check} {
			c.Labels = append(c.Labels, k.brief)
		}
		speed.Series[0].Values = append(speed.Series[0].Values, m.throughput)
		latency.Series[0].Values = append(latency.Series[0].Values, us(m.median))
		latency.Series[1].Values = append(latency.Series[1].Values, us(m.slow))
		check.Series[0].Values = append(check.Series[0].Values, us(m.check))
	}
	return []lab.Chart{speed, latency, check}
}

func (a *apparatus) tables() []lab.Table {
	numbers := lab.Table{
		ID: "numbers", Title: "Measured on this machine",
		Columns: []string{"Way", "Requests a second", "Median", "99 of 100 within", "Check alone", "Redis commands a request"},
		Numeric: []bool{false, true, true, true, true, true},
	}
	trade := lab.Table{
		ID: "trade-offs", Title: "The trade-offs, with your numbers",
		Columns: []string{"Way", "A check costs", "A sign-out counts", "Without Redis", "Another branch recognises you"},
		Numeric: []bool{false, false, false, false, false},
	}
	for _, k := range kinds {
		m, ok := a.results[k.name]
		if !ok {
			continue
		}
		numbers.Rows = append(numbers.Rows, []string{k.label, thousands(m.throughput), short(m.median), short(m.slow), short(m.check), few(m.lookups())})
		trade.Rows = append(trade.Rows, []string{k.label, short(m.check) + ", " + lookups(m.lookups()), k.signOut, k.away, k.elsewhere})
	}
	return []lab.Table{numbers, trade}
}

// sentence capitalises the first letter.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// lookups formats a number of look-ups.
func lookups(n float64) string {
	if n == 1 {
		return "1 lookup"
	}
	return few(n) + " lookups"
}

// short formats a duration with two or three significant digits.
func short(d time.Duration) string {
	switch us := float64(d) / float64(time.Microsecond); {
	case us >= 1000:
		return few(us/1000) + " ms"
	default:
		return few(us) + " µs"
	}
}

// few formats a number with as many decimals as are significant.
func few(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.0095:
		return strconv.FormatFloat(v, 'f', 4, 64)
	case v < 9.95:
		return strings.TrimSuffix(strings.TrimSuffix(strconv.FormatFloat(v, 'f', 2, 64), "0"), ".0")
	case v < 99.5:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return thousands(v)
}

// thousands formats a rounded number with thousands separators.
func thousands(v float64) string {
	s := strconv.FormatInt(int64(v+0.5), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
