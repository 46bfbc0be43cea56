package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gatehouse.example/tests/bench/setting"
)

// row is one line of the table.
type row struct {
	what     string
	name     string  // of the measure
	unit     string  // of the shown value
	scale    float64 // factor from the measured to the shown value; 1 if 0
	baseline string  // the measure to compare with, "" for none
	against  string  // name of the baseline in the table
	part     bool    // the baseline is a part of the measure, so a ratio is meaningless
	ratio    bool    // the target applies to the ratio
	aim      float64
	least    bool // the target is a lower bound
}

const micros = 1000 // per measured millisecond

// rows returns all rows that the table can have.
func rows() []row {
	rows := []row{
		{what: "bare Echo, a small page", name: "bare", unit: "µs CPU", scale: micros},
		{what: "the same with one Redis GET", name: "redis", unit: "µs CPU", scale: micros, baseline: "bare", against: "bare Echo"},
		{what: "**the same, signed in, through `sso`**", name: "sso", unit: "µs CPU", scale: micros, baseline: "redis", against: "one GET", ratio: true, aim: 1.25},
		{what: "the same inside `web` (log, metrics, headers, CSRF)", name: "web", unit: "µs CPU", scale: micros, baseline: "sso", against: "`sso` alone"},
		{what: "balancer, for what bare Echo answers", name: "balancer", unit: "µs CPU", scale: micros, baseline: "bare", against: "bare Echo"},
	}
	for _, s := range services {
		rows = append(rows, row{what: s.name + ": first page, signed in", name: "page " + s.name, unit: "µs CPU", scale: micros})
	}
	rows = append(rows,
		row{what: "**portal: one sign-in redirect, authorize to tokens**", name: "redirect", unit: "ms CPU", baseline: "rs256", against: "one RS256 signature", aim: 2.5},
		row{what: "**portal: one client-credentials token**", name: "client token", unit: "ms CPU", aim: 1},
		row{what: "**portal: password sign-ins**", name: "password", unit: "a second", baseline: "hash", against: "bare argon2id", ratio: true, aim: 0.95, least: true},
		row{what: "portal: one password sign-in", name: "password cpu", unit: "ms CPU", baseline: "hash cpu", against: "bare argon2id"},
	)
	for _, s := range services {
		rows = append(rows, row{what: "**" + s.name + ": memory, idle**", name: "memory idle " + s.name, unit: "MiB",
			baseline: "own memory idle " + s.name, against: "not shared", part: true, aim: 35})
	}
	for _, s := range services {
		rows = append(rows, row{what: s.name + ": memory, under load", name: "memory load " + s.name, unit: "MiB",
			baseline: "own memory load " + s.name, against: "not shared", part: true})
	}
	for _, s := range services {
		rows = append(rows, row{what: "**" + s.name + ": replica's start to ready**", name: "start " + s.name, unit: "ms", aim: 50})
	}
	return append(rows, row{what: "**whole estate's start to ready** (8 replicas)", name: "start estate", unit: "s", aim: 2})
}

// report prints the table.
func (b *bench) report(out io.Writer) {
	fmt.Fprintf(out, "%s, %s\n\n", time.Now().Format(time.DateOnly), setting.Machine())
	if !b.cores.apart {
		fmt.Fprint(out, "There was one core only, so that server and load shared it.\n\n")
	}
	fmt.Fprintf(out, "Medians of %d rounds of %s, of %d starts of a replica, of %d starts of the estate.\n\n", b.rounds, b.each, b.starting, b.estates)
	fmt.Fprintln(out, "| Measure | Median | Compared with | Ratio | Aim | Met |")
	fmt.Fprintln(out, "|---|---:|---|---:|---:|---|")
	for _, r := range rows() {
		if cells := b.cells(r); cells != nil {
			fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |")
		}
	}
}

// cells returns the cells of a row, or nil if it was not measured. The ratio is the median of the rounds' ratios: the
// two values were measured within seconds, so what slowed one down most likely slowed down the other.
func (b *bench) cells(r row) []string {
	values := b.samples[r.name]
	if len(values) == 0 {
		return nil
	}
	scale := max(r.scale, 1)
	value := median(values) * scale
	cells := []string{r.what, number(value) + " " + r.unit, "", "", "", ""}
	if base := b.samples[r.baseline]; len(base) == len(values) {
		ratios := make([]float64, len(values))
		for i := range values {
			ratios[i] = values[i] / base[i]
		}
		ratio := median(ratios)
		cells[2] = r.against + ": " + number(median(base)*scale)
		if !r.part {
			cells[3] = number(ratio)
		}
		if r.ratio {
			value = ratio
		}
	} else if r.ratio {
		return cells
	}
	if r.aim > 0 {
		cells[4], cells[5] = r.target(), "no"
		if r.least && value >= r.aim || !r.least && value <= r.aim {
			cells[5] = "yes"
		}
	}
	return cells
}

func (r row) target() string {
	sign, unit := "≤", " "+r.unit
	if r.least {
		sign = "≥"
	}
	if r.ratio {
		unit = " ×"
	}
	return fmt.Sprintf("%s %g%s", sign, r.aim, unit)
}

// number formats v with about three significant digits.
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
