package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one line of the table.
type row struct {
	what     string
	value    float64
	baseline float64 // 0 for none
	unit     string
	against  string // what the baseline is
	ratio    bool   // the aim is about the ratio to the baseline
	aim      float64
	least    bool // the aim is a lower bound
}

// rows are what is shown of the samples.
func (b *bench) rows() []row {
	m := func(name string) float64 { return median(b.samples[name]) }
	µs := func(name string) float64 { return m(name) * 1000 }
	rows := []row{
		{what: "bare Echo, a small page", value: µs("bare"), unit: "µs CPU"},
		{what: "the same with one Redis GET", value: µs("redis"), baseline: µs("bare"), unit: "µs CPU", against: "bare Echo"},
		{what: "**the same, signed in, through `sso`**", value: µs("sso"), baseline: µs("redis"), unit: "µs CPU", against: "one GET", ratio: true, aim: 1.25},
		{what: "the same inside `web` (log, metrics, headers, CSRF)", value: µs("web"), baseline: µs("sso"), unit: "µs CPU", against: "`sso` alone"},
		{what: "balancer, on top of what it balances", value: µs("balancer"), baseline: µs("bare"), unit: "µs CPU", against: "bare Echo"},
	}
	for _, s := range services {
		rows = append(rows, row{what: "first page of the " + s.name + ", signed in", value: µs("page " + s.name), unit: "µs CPU"})
	}
	rows = append(rows,
		row{what: "**portal: one sign-in redirect, authorize to tokens**", value: m("redirect"), baseline: m("rs256"), unit: "ms CPU", against: "one RS256 signature", aim: 2.5},
		row{what: "**portal: one client-credentials token**", value: m("client token"), unit: "ms CPU", aim: 1},
		row{what: "**password sign-ins**", value: m("password"), baseline: m("hash"), unit: "a second", against: "bare argon2id", ratio: true, aim: 0.95, least: true},
	)
	for _, s := range services {
		rows = append(rows, row{what: "**memory of a " + s.name + " replica, idle**", value: m("memory idle " + s.name), baseline: m("own memory idle " + s.name),
			unit: "MiB", against: "of it not shared", aim: 35})
	}
	for _, s := range services {
		rows = append(rows, row{what: "memory of a " + s.name + " replica under load", value: m("memory load " + s.name), baseline: m("own memory load " + s.name),
			unit: "MiB", against: "of it not shared"})
	}
	for _, s := range services {
		rows = append(rows, row{what: "**" + s.name + " replica, start to ready**", value: m("start " + s.name), unit: "ms", aim: 50})
	}
	return append(rows, row{what: "**whole estate, start to ready** (7 replicas)", value: m("start estate"), unit: "s", aim: 2})
}

// report prints the table.
func (b *bench) report(out io.Writer) {
	fmt.Fprintf(out, "%s, %s\n\n", time.Now().Format(time.DateOnly), machine())
	if !b.cores.apart {
		fmt.Fprint(out, "There was one core only, so that server and load shared it.\n\n")
	}
	fmt.Fprintf(out, "Medians of %d rounds of %s, of %d starts of a replica, of %d starts of the estate.\n\n", b.rounds, b.each, b.starting, b.estates)
	fmt.Fprintln(out, "| Measure | Median | Compared with | Ratio | Aim | Met |")
	fmt.Fprintln(out, "|---|---:|---|---:|---:|---|")
	for _, r := range b.rows() {
		if r.value == 0 { // not measured
			continue
		}
		cells := []string{r.what, number(r.value) + " " + r.unit, "", "", "", ""}
		if r.baseline > 0 {
			cells[2] = r.against + ": " + number(r.baseline)
			cells[3] = fmt.Sprintf("%.2f", r.value/r.baseline)
		}
		if r.aim > 0 {
			cells[4], cells[5] = r.target(), r.met()
		}
		fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |")
	}
}

func (r row) target() string {
	sign := "≤"
	if r.least {
		sign = "≥"
	}
	if r.ratio {
		return fmt.Sprintf("%s %.2f ×", sign, r.aim)
	}
	return fmt.Sprintf("%s %g %s", sign, r.aim, r.unit)
}

func (r row) met() string {
	v := r.value
	if r.ratio {
		v /= r.baseline
	}
	if r.least && v >= r.aim || !r.least && v <= r.aim {
		return "yes"
	}
	return "no"
}

// number has three digits that tell something.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// machine says what this was measured on.
func machine() string {
	processor := "unknown processor"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				processor = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %s/%s, %s", processor, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
