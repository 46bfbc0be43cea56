package period_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse.example/apps/analytics/period"
)

func TestParseStep(t *testing.T) {
	for name, c := range map[string]struct {
		query    string
		from, to string
		step     string
	}{
		"none is as it fits":         {"range=7d", "2026-11-16T12:00:00Z", "2026-11-23T12:00:00Z", "6h"},
		"a preset by day":            {"range=24h&step=1d", "2026-11-22T00:00:00Z", "2026-11-24T00:00:00Z", "1d"},
		"a preset by minute":         {"range=24h&step=1m", "2026-11-22T11:00:00Z", "2026-11-23T11:00:00Z", "1m"},
		"from and to by hour":        {"from=2026-11-01&to=2026-11-20&step=1h", "2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z", "1h"},
		"widened to days":            {"from=2026-11-01T09:00&to=2026-11-02T09:00&step=1d", "2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", "1d"},
		"weeks begin on Monday":      {"from=2026-11-03&to=2026-11-10&step=7d", "2026-11-02T00:00:00Z", "2026-11-16T00:00:00Z", "7d"},
		"a year by hour":             {"from=2025-11-23&step=1h", "2025-11-23T00:00:00Z", "2026-11-23T11:00:00Z", "1h"},
		"a month of minutes is kept": {"range=30d&step=15m", "2026-10-25T00:00:00Z", "2026-11-24T00:00:00Z", "15m"},
	} {
		q, _ := url.ParseQuery(c.query)
		p, err := period.ParseStep(q, now, limits)
		if err != nil || p.From.Format(time.RFC3339) != c.from || p.To.Format(time.RFC3339) != c.to || p.StepName() != c.step {
			t.Errorf("%s: %s – %s by %s, %v", name, p.From, p.To, p.StepName(), err)
		}
	}
	for _, query := range []string{"step=2h", "step=1h&step=1h", "step=%00", "from=2026-09-01&to=2026-09-02&step=5m"} {
		q, _ := url.ParseQuery(query)
		if _, err := period.ParseStep(q, now, limits); !errors.As(err, new(*period.Error)) || err.(*period.Error).Field != period.Step {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// Whoever asks for a page after the other, each time from where the last one ended, gets each bucket once.
func TestHead_PagesAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := now.Add(-time.Duration(rapid.Int64Range(int64(time.Minute), int64(34*period.Day)).Draw(t, "ago")))
		step := rapid.SampledFrom(period.Steps).Draw(t, "step").Name
		n := rapid.IntRange(1, 5000).Draw(t, "n")
		q := url.Values{"from": {from.Format(time.RFC3339)}, "step": {step}}
		whole, err := period.ParseStep(q, now, limits)
		if err != nil {
			t.Fatal(err)
		}
		var all []time.Time
		for next := whole.From; !next.IsZero(); {
			q.Set("from", next.Format(time.RFC3339))
			q.Set("to", whole.To.Format(time.RFC3339))
			p, err := period.ParseStep(q, now, limits)
			if err != nil {
				t.Fatal(err)
			}
			var head period.Period
			head, next = p.Head(n)
			if len(head.Buckets()) > n {
				t.Fatalf("%d buckets on a page of %d", len(head.Buckets()), n)
			}
			all = append(all, head.Buckets()...)
		}
		want := whole.Buckets()
		if len(all) != len(want) {
			t.Fatalf("%d buckets on pages, %d in all", len(all), len(want))
		}
		for i := range all {
			if !all[i].Equal(want[i]) {
				t.Fatalf("bucket %d is %s, want %s", i, all[i], want[i])
			}
		}
	})
}
