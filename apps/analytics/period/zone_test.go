package period_test

import (
	"net/url"
	"testing"
	"time"
	_ "time/tzdata"

	"gatehouse.example/apps/analytics/period"
)

// A day on which the clocks change has 23 or 25 hours, each with a label of its own.
func TestLabel_DaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for day, c := range map[string]struct {
		hours       int
		third, what string // labels of the third and fourth bucket
	}{
		"2026-03-29": {23, "Sun 29 Mar 03:00", "Sun 29 Mar 04:00"}, "2026-10-25": {25, "Sun 25 Oct 02:00 CEST", "Sun 25 Oct 02:00 CET"}, "2026-11-01": {24, "Sun 1 Nov 02:00", "Sun 1 Nov 03:00"},
	} {
		start, _ := time.ParseInLocation(time.DateOnly, day, berlin)
		q := url.Values{"from": {start.UTC().Format(time.RFC3339)}, "to": {start.AddDate(0, 0, 1).UTC().Format(time.RFC3339)}, "step": {"1h"}}
		p, err := period.ParseStep(q, now, limits)
		if err != nil {
			t.Fatal(err)
		}
		p.Zone = berlin
		labels, seen := []string{}, map[string]bool{}
		for _, b := range p.Buckets() {
			labels = append(labels, p.Label(b))
			seen[p.Label(b)] = true
		}
		if len(labels) != c.hours || len(seen) != c.hours || labels[2] != c.third || labels[3] != c.what {
			t.Errorf("%s: %q", day, labels)
		}
	}
}
