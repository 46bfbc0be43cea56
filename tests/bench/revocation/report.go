//go:build unix

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse.example/tests/bench/setting"
)

// Targets for 500 servers with a real Redis, in milliseconds, and for one check in nanoseconds.
const (
	aimMedian, aimP99 = 25, 50
	aimCheck          = 100
)

// wrong returns the failed assertions.
func (b *bench) wrong() (wrong []string) {
	for _, r := range b.runs {
		for _, c := range []struct {
			n    int64
			what string
		}{
			{r.accepted, `requests accepted after "done"`}, {r.innocentRefused, "innocent requests refused"},
			{r.failed, "requests not answered"},
		} {
			if c.n > 0 {
				wrong = append(wrong, fmt.Sprintf("%s Redis, %d servers: %d %s (%s)", r.redis, r.servers, c.n, c.what, r.first))
			}
		}
	}
	for _, c := range b.check.cases {
		if c.allocations > 0 {
			wrong = append(wrong, fmt.Sprintf("a check allocates %.1f times: %s", c.allocations, c.what))
		}
	}
	return wrong
}

// report prints the results as Markdown.
func (b *bench) report(out io.Writer) {
	fmt.Fprintf(out, "%s, %s\n\n", time.Now().Format(time.DateOnly), setting.Machine())
	fmt.Fprintf(out, "%d bans a line, under %d requests a second besides those that follow each ban. Milliseconds.\n\n", b.bans, b.rate)
	fmt.Fprintln(out, "| Redis | Servers | Each confirmation: median | p99 | slowest | Slowest of a ban: median | p99 | The portal's whole ban: median | p99 | "+
		"Confirmed | Refused after \"done\" | Accepted after \"done\" | Others refused | 503 | Requests |")
	fmt.Fprintln(out, "|---|"+strings.Repeat("---:|", 14))
	for _, r := range b.runs {
		expected := r.servers * (r.bans + warmUp)
		fmt.Fprintf(out, "| %s | %d | %.0f | %.0f | %.0f | **%.0f** | **%.0f** | %.1f | %.1f | %d of %d | %d | **%d** | **%d** | %d | %d |\n", r.redis, r.servers,
			quantile(r.confirmations, 0.5), quantile(r.confirmations, 0.99), quantile(r.confirmations, 1),
			quantile(r.slowest, 0.5), quantile(r.slowest, 0.99), quantile(r.whole, 0.5), quantile(r.whole, 0.99),
			expected-r.missing, expected, r.refused, r.accepted, r.innocentRefused, r.unsure, r.requests)
	}
	b.reportAims(out)
	if b.entries > 0 {
		b.reportMillion(out)
	}
}

func (b *bench) reportAims(out io.Writer) {
	for _, r := range b.runs {
		if r.servers == 500 && r.redis == realRedis {
			fmt.Fprintf(out, "\nAims for 500 servers and a real Redis: the slowest within %d ms in the median ban (%s), within %d ms at p99 (%s).\n",
				aimMedian, met(quantile(r.slowest, 0.5) <= aimMedian), aimP99, met(quantile(r.slowest, 0.99) <= aimP99))
		}
	}
}

func (b *bench) reportMillion(out io.Writer) {
	fmt.Fprintf(out, "\nWith %d live entries:\n\n", b.entries)
	fmt.Fprintln(out, "| | ns | allocations |")
	fmt.Fprintln(out, "|---|---:|---:|")
	for _, c := range b.check.cases {
		fmt.Fprintf(out, "| One check: %s | %.0f | %.0f |\n", c.what, c.nanoseconds, c.allocations)
	}
	if len(b.check.cases) > 0 {
		usual := b.check.cases[0]
		fmt.Fprintf(out, "| One `EXISTS`, real Redis on the same machine | %.0f | |\n", b.check.exists)
		fmt.Fprintf(out, "\nThat is %.0f times the first line. Aim for one check: below %d ns (%s), without an allocation (%s).\n",
			b.check.exists/usual.nanoseconds, aimCheck, met(usual.nanoseconds < aimCheck), met(usual.allocations == 0))
	}
	fmt.Fprintln(out, "\n| Redis | A new server has loaded them in | Table | Heap grown by | One more, until confirmed |")
	fmt.Fprintln(out, "|---|---:|---:|---:|---:|")
	for _, m := range b.millions {
		fmt.Fprintf(out, "| %s | %.1f s | %.0f MiB | %.0f MiB | %.0f ms |\n", m.redis, m.load.Seconds(), mebibytes(m.table), mebibytes(m.heap), millis(m.write))
	}
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "**not met**"
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
