package analytics

import "testing"

// No text loses the sign of a value: on axes, in tables and tooltips, in tiles and in CSV files.
func TestUnits_KeepTheSign(t *testing.T) {
	axis := func(u unit) func(float64) string { return u.short }
	for _, c := range []struct {
		format func(float64) string
		value  float64
		want   string
	}{
		{axis(times), 5, "5"}, {axis(times), -5, "−5"}, {axis(times), -12500, "−12.5k"}, {axis(times), 12500, "12.5k"}, {axis(persons), -3e6, "−3m"},
		{axis(times), 0, "0"}, {axis(times), -0.001, "0"}, {axis(times), -0.5, "−0.5"},
		{axis(dollars), -500, "−$5"}, {axis(dollars), -1234500, "−$12.35k"}, {axis(dollars), 500, "$5"}, {axis(dollars), -0.1, "$0"},
	} {
		if got := c.format(c.value); got != c.want {
			t.Errorf("axis: %v is %q, want %q", c.value, got, c.want)
		}
	}
	for _, c := range []struct {
		unit      unit
		value     int64
		show, raw string
	}{
		{times, -1234, "−1,234", "-1234"}, {persons, 7, "7", "7"}, {dollars, -5, "−$0.05", "-0.05"}, {dollars, -123456, "−$1,234.56", "-1234.56"},
		{dollars, 1234, "$12.34", "12.34"}, {times, 0, "0", "0"},
	} {
		if got := c.unit.cell(c.value); got.show != c.show || got.raw != c.raw {
			t.Errorf("table: %d is %q and %q, want %q and %q", c.value, got.show, got.raw, c.show, c.raw)
		}
	}
	for cents, want := range map[int64]string{-12351: "−$124", 12351: "$124", -49: "$0", 0: "$0"} {
		if got := wholeDollars(cents); got != want {
			t.Errorf("tile: %d is %q, want %q", cents, got, want)
		}
	}
	for _, c := range []struct {
		now, before         int64
		change, trend, hint string
	}{
		{8, 10, "−20%", "down", "from 10"}, {12, 10, "+20%", "up", "from 10"}, {0, 10, "−100%", "down", "from 10"}, {999, 1000, "−0.1%", "down", "from 1,000"},
		{120, 10, "×12", "up", "from 10"}, {-10, -5, "−100%", "down", "from −5"}, {-100, 5, "−2100%", "down", "from 5"}, {5, 0, "", "", "none previously"}, {5, 5, "", "", "no change"},
	} {
		if change, trend, hint := describeChange(c.now, c.before, countText); change != c.change || trend != c.trend || hint != c.hint {
			t.Errorf("tile: %d after %d is %q, %q, %q", c.now, c.before, change, trend, hint)
		}
	}
}
