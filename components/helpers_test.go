package components_test

import (
	"math"
	"testing"
	"time"

	"gatehouse.example/components"
)

func TestMoney_WritesCents(t *testing.T) {
	for cents, want := range map[int64]string{
		0: "$0.00", 5: "$0.05", 123456: "$1,234.56", -50: "-$0.50", 100000000: "$1,000,000.00", math.MinInt64: "-$92,233,720,368,547,758.08",
	} {
		if got := components.Money(cents); got != want {
			t.Errorf("%d is %s, want %s", cents, got, want)
		}
	}
}

func TestCount_SeparatesThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := components.Count(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestInitials_OfAnyName(t *testing.T) {
	for name, want := range map[string]string{
		"Alice Demo": "AD", "alice": "A", "": "?", "  ": "?", "Anne-Marie van der Berg": "AB", "李 小龙": "李小", "🙂": "?", "élodie": "É", "O'Neil": "O", "\xff": "?",
	} {
		if got := components.Initials(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestRelativeAt_CountsInTheLargestUnit(t *testing.T) {
	clock := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 59 * time.Minute: "59 minutes ago", 90 * time.Minute: "1 hour ago",
		25 * time.Hour: "1 day ago", 29 * 24 * time.Hour: "29 days ago", 30 * 24 * time.Hour: "24 Oct 2026", -2 * time.Hour: "in 2 hours",
	} {
		if got := components.RelativeAt(clock.Add(-ago), clock); got != want {
			t.Errorf("%s ago is %q, want %q", ago, got, want)
		}
	}
}

func TestPlural_AgreesWithTheNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0 replies", 1: "1 reply", 2000: "2,000 replies"} {
		if got := components.Plural(n, "reply", "replies"); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
}

func TestLabelUnit_NamesTheUnitOnce(t *testing.T) {
	for _, c := range [][3]string{{"Wait", "ms", "Wait (ms)"}, {"Servers", "servers", "Servers"}, {"Share", "", "Share"}, {"Customers at once", "customers", "Customers at once"}} {
		if got := components.LabelUnit(c[0], c[1]); got != c[2] {
			t.Errorf("%q with %q is %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
