package period_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse.example/apps/analytics/period"
)

var (
	now    = time.Date(2026, 11, 23, 10, 17, 3, 0, time.UTC)
	limits = period.Limits{Raw: 35 * period.Day}
)

func TestParse_Presets(t *testing.T) {
	for name, want := range map[string]struct {
		from, to time.Time
		step     time.Duration
		buckets  int
	}{
		"":    {now.Truncate(time.Hour).Add(-23 * time.Hour), now.Truncate(time.Hour).Add(time.Hour), time.Hour, 24},
		"1h":  {now.Truncate(time.Minute).Add(-59 * time.Minute), now.Truncate(time.Minute).Add(time.Minute), time.Minute, 60},
		"7d":  {time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), 6 * time.Hour, 28},
		"30d": {time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), period.Day, 30},
	} {
		p, err := period.Parse(url.Values{"range": {name}}, now, limits)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if !p.From.Equal(want.from) || !p.To.Equal(want.to) || p.Step != want.step || len(p.Buckets()) != want.buckets {
			t.Errorf("%q: %s – %s by %s in %d", name, p.From, p.To, p.Step, len(p.Buckets()))
		}
	}
}

func TestParse_Custom(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		step     time.Duration
	}{
		"an hour":                   {"2026-11-22T08:00", "2026-11-22T09:00", time.Minute},
		"an hour, long ago":         {"2026-06-22T08:00", "2026-06-22T09:00", time.Hour},
		"a day":                     {"2026-11-21", "2026-11-22", time.Hour},
		"a quarter":                 {"2026-07-01", "2026-10-01", 7 * period.Day},
		"two months":                {"2026-08-01", "2026-10-01", period.Day},
		"until now":                 {"2026-11-22T08:00", "", time.Hour},
		"until after now":           {"2026-11-22T08:00", "2027-01-01", time.Hour},
		"RFC 3339 with an offset":   {"2026-11-22T08:00:00+02:00", "2026-11-22T09:00:00+02:00", time.Minute},
		"the night clocks go back":  {"2026-10-25", "2026-10-26", time.Hour},
		"the night clocks go ahead": {"2026-03-29", "2026-03-30", time.Hour},
	} {
		p, err := period.Parse(url.Values{"from": {c.from}, "to": {c.to}}, now, limits)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Step != c.step || p.Name != period.Custom {
			t.Errorf("%s: by %s, want %s", name, p.Step, c.step)
		}
	}
}

// In UTC a day has 24 hours, also when a local one has 23 or 25.
func TestParse_DaysHave24Hours(t *testing.T) {
	for _, day := range []string{"2026-03-29", "2026-10-25"} {
		from, _ := time.Parse("2006-01-02", day)
		p, err := period.Parse(url.Values{"from": {day}, "to": {from.AddDate(0, 0, 1).Format("2006-01-02")}}, now, limits)
		if err != nil || len(p.Buckets()) != 24 {
			t.Errorf("%s: %d hours, %v", day, len(p.Buckets()), err)
		}
	}
}

func TestParse_RefusesClearly(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		field string
	}{
		"unknown preset":      {"range=fortnight", "range"},
		"preset twice":        {"range=1h&range=7d", "range"},
		"SQL":                 {"range=1h'%3B+DROP+TABLE+events", "range"},
		"custom without from": {"range=custom", "from"},
		"no date":             {"from=yesterday", "from"},
		"HTML":                {"from=%3Cscript%3E", "from"},
		"enormous":            {"from=" + strings.Repeat("9", 10000), "from"},
		"not UTF-8":           {"from=%ff", "from"},
		"31 November":         {"from=2026-11-31", "from"},
		"to is no date":       {"from=2026-11-01&to=x", "to"},
		"backwards":           {"from=2026-11-02&to=2026-11-01", "to"},
		"nothing in between":  {"from=2026-11-02&to=2026-11-02", "to"},
		"in the future":       {"from=2026-12-02&to=2026-12-03", "from"},
		"too long":            {"from=2020-01-01&to=2026-01-01", "from"},
		"before everything":   {"from=0001-01-01&to=0001-01-02", "from"},
		"from twice":          {"from=2026-11-01&from=2026-11-02", "from"},
	} {
		q, _ := url.ParseQuery(c.query)
		_, err := period.Parse(q, now, limits)
		wrong := (*period.Error)(nil)
		if !errors.As(err, &wrong) || wrong.Field != c.field || wrong.Message == "" {
			t.Errorf("%s: %v, want one about %q", name, err, c.field)
		}
	}
}

func TestPeriod_BucketsAreWholeAndFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := now.Add(-time.Duration(rapid.Int64Range(1, int64(390*period.Day)).Draw(t, "ago")))
		to := from.Add(time.Duration(rapid.Int64Range(int64(time.Minute), int64(390*period.Day)).Draw(t, "length")))
		p, err := period.Parse(url.Values{"from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}, now, limits)
		if err != nil {
			t.Fatal(err)
		}
		buckets := p.Buckets()
		if len(buckets) < 1 || len(buckets) > 64 {
			t.Fatalf("%d buckets", len(buckets))
		}
		for i, b := range buckets {
			if !period.Floor(b, p.Step).Equal(b) || p.Index(b) != i {
				t.Fatalf("bucket %d begins at %s, off the cut", i, b)
			}
		}
		prevFrom, prevTo := p.Previous(now)
		start, end := p.Elapsed(now)
		if prevTo.Sub(prevFrom) != end.Sub(start) || prevTo.After(start) {
			t.Fatalf("%s – %s is compared with %s – %s", start, end, prevFrom, prevTo)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("range=7d&from=2026-11-01&to=2026-11-02T03:04")
	f.Fuzz(func(t *testing.T, query string) {
		q, _ := url.ParseQuery(query)
		p, err := period.Parse(q, now, limits)
		if err == nil && (len(p.Buckets()) == 0 || len(p.Buckets()) > 64) {
			t.Fatalf("%q: %d buckets", query, len(p.Buckets()))
		}
	})
}
